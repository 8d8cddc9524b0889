//go:build linux && cgo

package nvml_test

import (
	"context"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gputally/gputally/collector/device"
	"github.com/gputally/gputally/collector/nvml"
	"github.com/gputally/gputally/collector/nvml/nvmltest"
)

const (
	childEnv   = "GPUTALLY_TEST_CHILD"
	libraryEnv = "GPUTALLY_TEST_LIBRARY"
)

// world is what a test in its own process can play with.
type world struct {
	library  string // the stand-in for the driver's library
	scenario string // the file that it reads
}

// isolated runs body in a process of its own, since a process keeps the
// library that it loads first and dies of a call to a function that is missing.
func isolated(t *testing.T, build func(testing.TB) string, body func(t *testing.T, w world)) {
	t.Helper()
	if os.Getenv(childEnv) != "" {
		body(t, world{library: os.Getenv(libraryEnv), scenario: os.Getenv(nvmltest.ScenarioEnv)})
		return
	}
	t.Parallel()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$", "-test.timeout=2m")
	library := build(t)
	cmd.Env = append(os.Environ(),
		childEnv+"=1",
		libraryEnv+"="+library,
		"LD_LIBRARY_PATH="+filepath.Dir(library),
		"GORACE="+os.Getenv("GORACE")+" atexit_sleep_ms=0", // a second for each process
		nvmltest.ScenarioEnv+"="+filepath.Join(t.TempDir(), "world"),
	)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("in its own process: %v\n%s", err, out)
	}
}

func (w world) play(t *testing.T, s nvmltest.Scenario) {
	t.Helper()
	if err := s.WriteFile(w.scenario); err != nil {
		t.Fatal(err)
	}
}

// source is closed at the end of the test. No call of a healthy stand-in takes a minute.
func (w world) source(t *testing.T) *nvml.Source {
	t.Helper()
	return source(t, nvml.Config{LibraryPath: w.library, CallTimeout: time.Minute})
}

func source(t *testing.T, cfg nvml.Config) *nvml.Source {
	t.Helper()
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	s, err := nvml.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func inventory(t *testing.T, s *nvml.Source) device.Inventory {
	t.Helper()
	inv, err := s.Inventory(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return inv
}

// one reads the only GPU that there is.
func one(t *testing.T, s *nvml.Source) device.GPU {
	t.Helper()
	inv := inventory(t, s)
	if len(inv.GPUs) != 1 {
		t.Fatalf("got %d GPUs, want 1", len(inv.GPUs))
	}
	return inv.GPUs[0]
}

// clock is a time that only a test moves.
type clock struct{ ns atomic.Int64 }

// now is after the time stamps that tests give.
func (c *clock) now() time.Time { return time.Unix(1_800_000_000, c.ns.Load()) }

func (c *clock) advance(d time.Duration) { c.ns.Add(int64(d)) }

// eventually polls a condition.
func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.After(30 * time.Second); ; {
		if condition() {
			return
		}
		select {
		case <-deadline:
			t.Fatalf("not within 30s: %s", what)
		case <-tick.C:
		}
	}
}
