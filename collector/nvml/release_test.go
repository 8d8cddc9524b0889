//go:build linux && cgo

package nvml_test

import (
	"errors"
	"os"
	"testing"
	"time"

	"github.com/gputally/gputally/collector/device"
	"github.com/gputally/gputally/collector/nvml"
	"github.com/gputally/gputally/collector/nvml/nvmltest"
)

// opened returns in how many ways this process has the driver's device file open.
func opened(t *testing.T) int {
	t.Helper()
	ways, err := nvmltest.Opened(os.Getpid(), nvmltest.DeviceFile(os.Getenv(nvmltest.ScenarioEnv)))
	if err != nil {
		t.Fatal(err)
	}
	return len(ways)
}

func TestAReleasedDriverHasNoFileOpen(t *testing.T) {
	isolated(t, nvmltest.Build, func(t *testing.T, w world) {
		unloaded := nvmltest.Node(2)
		unloaded.CountError = nvmltest.DriverNotLoaded
		lost := nvmltest.Node(2)
		lost.CountError = nvmltest.Uninitialized
		for name, nodes := range map[string][]nvmltest.Scenario{
			"that works":                                 {crowded(2)},
			"that was unloaded for a moment":             {nvmltest.Node(2), unloaded, nvmltest.Node(2), unloaded, nvmltest.Node(2)},
			"that lost its initialization":               {nvmltest.Node(2), lost, nvmltest.Node(2)},
			"that fails":                                 {nvmltest.Node(2), unloaded},
			"that was never there":                       {{Init: nvmltest.DriverNotLoaded}},
			"whose GPUs have counters, errors and parts": {cut(2)},
		} {
			t.Run(name, func(t *testing.T) {
				s := source(t, everything(w.library))
				for _, node := range nodes {
					w.play(t, node)
					for range 2 {
						_, _ = s.Inventory(t.Context()) // in some the driver fails
					}
				}
				s.Release()
				for range 2 {
					if _, err := s.Inventory(t.Context()); !errors.Is(err, device.ErrReleased) {
						t.Fatalf("released: got %v", err)
					}
					if n := opened(t); n != 0 {
						t.Errorf("released, it has the device file open in %d ways", n)
					}
				}
				s.Resume()
				w.play(t, nvmltest.Node(2))
				if gpus := inventory(t, s).GPUs; len(gpus) != 2 || !gpus[0].Reading.Up {
					t.Errorf("resumed, it has %d GPUs", len(gpus))
				}
				if n := opened(t); n != 2 {
					t.Errorf("resumed, it has the device file open in %d ways, want a descriptor and a mapping", n)
				}
				if err := s.Close(); err != nil {
					t.Error(err)
				}
				if n := opened(t); n != 0 {
					t.Errorf("closed, it has the device file open in %d ways", n)
				}
			})
		}
	})
}

func TestReleaseWaitsForACallThatHangs(t *testing.T) {
	isolated(t, nvmltest.Build, func(t *testing.T, w world) {
		w.play(t, nvmltest.Node(2))
		s := source(t, nvml.Config{LibraryPath: w.library, CallTimeout: 100 * time.Millisecond})
		inventory(t, s)
		stuck := nvmltest.Node(2)
		stuck.GPUs[1].Hang = time.Hour
		w.play(t, stuck)
		inventory(t, s)
		s.Release()
		if _, err := s.Inventory(t.Context()); !errors.Is(err, nvml.ErrHangs) || errors.Is(err, device.ErrReleased) {
			t.Errorf("while a call is out: got %v, want ErrHangs", err)
		}
		w.play(t, nvmltest.Node(2))
		eventually(t, "the driver is released", func() bool {
			_, err := s.Inventory(t.Context())
			return errors.Is(err, device.ErrReleased)
		})
		if n := opened(t); n != 0 {
			t.Errorf("released, it has the device file open in %d ways", n)
		}
	})
}
