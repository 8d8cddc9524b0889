//go:build linux && cgo

package nvml_test

import (
	"bytes"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gputally/gputally/collector/nvml"
	"github.com/gputally/gputally/collector/nvml/nvmltest"
)

func TestALibraryThatAppearsLaterIsFound(t *testing.T) {
	isolated(t, nvmltest.Build, func(t *testing.T, w world) {
		w.play(t, nvmltest.Node(1))
		later := filepath.Join(t.TempDir(), "libnvidia-ml.so.1")
		s := source(t, nvml.Config{LibraryPath: later, CallTimeout: time.Minute})
		for range 3 {
			if _, err := s.Inventory(t.Context()); !errors.Is(err, nvml.ErrNoDriver) {
				t.Fatalf("got %v, want ErrNoDriver", err)
			}
		}
		// To shut down what was never loaded would end this process.
		if err := source(t, nvml.Config{LibraryPath: later}).Close(); err != nil {
			t.Errorf("close without a library: %v", err)
		}
		if err := os.Symlink(w.library, later); err != nil {
			t.Fatal(err)
		}
		one(t, s)
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
}

func TestTheLoaderFindsTheLibrary(t *testing.T) {
	isolated(t, nvmltest.Build, func(t *testing.T, w world) {
		w.play(t, nvmltest.Node(1))
		one(t, source(t, nvml.Config{CallTimeout: time.Minute}))
	})
}

func TestCloseAfterNoLibraryWasFound(t *testing.T) {
	isolated(t, nvmltest.Build, func(t *testing.T, _ world) {
		s := source(t, nvml.Config{LibraryPath: filepath.Join(t.TempDir(), "none.so")})
		if _, err := s.Inventory(t.Context()); !errors.Is(err, nvml.ErrNoDriver) {
			t.Fatalf("got %v, want ErrNoDriver", err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
}

func TestADriverThatIsLoadedLaterIsFound(t *testing.T) {
	isolated(t, nvmltest.Build, func(t *testing.T, w world) {
		w.play(t, nvmltest.Scenario{Init: nvmltest.DriverNotLoaded})
		s := w.source(t)
		for range 3 {
			if _, err := s.Inventory(t.Context()); !errors.Is(err, nvml.ErrNoDriver) {
				t.Fatalf("got %v, want ErrNoDriver", err)
			}
		}
		w.play(t, nvmltest.Node(1))
		one(t, s)
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
}

func TestErrorsOfTheDriver(t *testing.T) {
	isolated(t, nvmltest.Build, func(t *testing.T, w world) {
		all := []error{nvml.ErrNoDriver, nvml.ErrDriverChanged, nvml.ErrHangs, nvml.ErrClosed, nvml.ErrNotBuilt}
		for name, tc := range map[string]struct {
			node nvmltest.Scenario
			want error // nil for none of the typed ones
		}{
			"replaced before initialization":    {nvmltest.Scenario{Init: nvmltest.VersionMismatch}, nvml.ErrDriverChanged},
			"replaced afterwards":               {nvmltest.Scenario{CountError: nvmltest.VersionMismatch}, nvml.ErrDriverChanged},
			"unloaded afterwards":               {nvmltest.Scenario{CountError: nvmltest.DriverNotLoaded}, nvml.ErrNoDriver},
			"not permitted":                     {nvmltest.Scenario{Init: nvmltest.NoPermission}, nil},
			"library lost its initialization":   {nvmltest.Scenario{CountError: nvmltest.Uninitialized}, nil},
			"an error that nobody has heard of": {nvmltest.Scenario{Init: 12345}, nil},
		} {
			t.Run(name, func(t *testing.T) {
				w.play(t, nvmltest.Node(1))
				s := w.source(t)
				if tc.node.Init == 0 {
					one(t, s)
				}
				w.play(t, tc.node)
				_, err := s.Inventory(t.Context())
				if err == nil {
					t.Fatal("got no error")
				}
				for _, e := range all {
					if errors.Is(err, e) != errors.Is(tc.want, e) {
						t.Errorf("got %v, want %v", err, tc.want)
					}
				}
				w.play(t, nvmltest.Node(1))
				if g := one(t, s); !g.Reading.Up {
					t.Errorf("afterwards the GPU is down: %s", g.Reading.Reason)
				}
			})
		}
	})
}

func TestAFunctionThatIsMissingIsNamedOnce(t *testing.T) {
	for name, tc := range map[string]struct {
		build func(testing.TB) string
		want  string // in the log, "" for nothing
	}{
		"a present-day driver has all": {nvmltest.Build, ""},
		"an old driver has not":        {nvmltest.BuildOld, "nvmlDeviceGetSamples"},
	} {
		t.Run(name, func(t *testing.T) {
			isolated(t, tc.build, func(t *testing.T, w world) {
				w.play(t, nvmltest.Node(1))
				var log bytes.Buffer
				s := source(t, nvml.Config{LibraryPath: w.library, CallTimeout: time.Minute, Logger: slog.New(slog.NewTextHandler(&log, nil))})
				for range 2 {
					one(t, s)
				}
				lines := strings.Count(log.String(), "lacks functions")
				if tc.want == "" && lines != 0 || tc.want != "" && (lines != 1 || !strings.Contains(log.String(), tc.want)) {
					t.Errorf("want %q in one line:\n%s", tc.want, &log)
				}
			})
		})
	}
}
