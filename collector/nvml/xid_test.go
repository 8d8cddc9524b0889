//go:build linux && cgo

package nvml_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gputally/gputally/collector/device"
	"github.com/gputally/gputally/collector/nvml"
	"github.com/gputally/gputally/collector/nvml/nvmltest"
)

// logged is a log that goroutines write to.
type logged struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logged) count(part string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.text.String(), part)
}

// watching is a source that counts errors.
func (w world) watching(t *testing.T) (*nvml.Source, *logged) {
	var log logged
	return source(t, nvml.Config{
		LibraryPath: w.library, CallTimeout: 20 * time.Second, XID: true,
		Logger: slog.New(slog.NewTextHandler(&log, nil)),
	}), &log
}

func xidsOf(inv device.Inventory) string {
	var all []string
	for _, g := range inv.GPUs {
		text := "unknown"
		if g.XIDs != nil {
			text = fmt.Sprint(g.XIDs)
		}
		all = append(all, text)
	}
	return strings.Join(all, " ")
}

func TestErrorsOfGPUsAreCounted(t *testing.T) {
	isolated(t, nvmltest.Build, func(t *testing.T, w world) {
		s, log := w.watching(t)
		node := nvmltest.Node(2)
		node.GPUs[0].XIDs = []int{13} // before the first look
		expect := func(want string) {
			t.Helper()
			w.play(t, node)
			eventually(t, want, func() bool { return xidsOf(inventory(t, s)) == want })
		}
		expect("[] []")
		node.GPUs[0].XIDs = append(node.GPUs[0].XIDs, 94, 31, 94)
		expect("[{31 1} {94 2}] []")
		node.GPUs[1].Error = nvmltest.Lost
		node.GPUs[1].XIDs = []int{79}
		expect("[{31 1} {94 2}] [{79 1}]") // a GPU that is down, too
		eventually(t, "one line of the log for each kind of error on each GPU", func() bool { return log.count("reported an error") == 3 })
		node.GPUs[1].Error = 0
		for _, lost := range []nvmltest.Code{nvmltest.Uninitialized, nvmltest.DriverNotLoaded} {
			node.CountError = lost
			w.play(t, node)
			if _, err := s.Inventory(t.Context()); err == nil {
				t.Fatal("got no error from a driver that is not there")
			}
			node.CountError = 0
			w.play(t, node)
			inventory(t, s)
		}
		expect("[{31 1} {94 2}] [{79 1}]") // what was counted stands, and they are watched again
		node.GPUs[1].XIDs = append(node.GPUs[1].XIDs, 79)
		expect("[{31 1} {94 2}] [{79 2}]")
		node.GPUs = append(node.GPUs, nvmltest.Node(3).GPUs[2])
		expect("[{31 1} {94 2}] [{79 2}] []")
		node.GPUs[2].XIDs = []int{48}
		expect("[{31 1} {94 2}] [{79 2}] [{48 1}]")
		if n := log.count("fails"); n != 0 {
			t.Errorf("waited %d times for the events of a session that has ended", n)
		}
		if err := s.Close(); err != nil {
			t.Errorf("all that was lent must be given back: %v", err)
		}
	})
}

func TestErrorsOfGPUsAreNotCountedUnlessAsked(t *testing.T) {
	isolated(t, nvmltest.Build, func(t *testing.T, w world) {
		node := nvmltest.Node(1)
		w.play(t, node)
		if got := xidsOf(inventory(t, w.source(t))); got != "unknown" {
			t.Errorf("got %s", got)
		}
	})
}

func TestADriverWithoutEventsSaysSoOnce(t *testing.T) {
	for name, tc := range map[string]struct {
		build  func(testing.TB) string
		change func(*nvmltest.Scenario)
	}{
		"it lacks the functions": {nvmltest.BuildOld, func(*nvmltest.Scenario) {}},
		"it makes no set":        {nvmltest.Build, func(s *nvmltest.Scenario) { s.EventsError = nvmltest.NotSupported }},
		"its GPUs have none": {nvmltest.Build, func(s *nvmltest.Scenario) {
			for i := range s.GPUs {
				s.GPUs[i].Fails = map[string]nvmltest.Code{"nvmlDeviceRegisterEvents": nvmltest.NotSupported}
			}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			isolated(t, tc.build, func(t *testing.T, w world) {
				s, log := w.watching(t)
				node := nvmltest.Node(2)
				tc.change(&node)
				w.play(t, node)
				for range 3 {
					if got := xidsOf(inventory(t, s)); got != "unknown unknown" {
						t.Errorf("got %s", got)
					}
				}
				if n := log.count("not counted"); n != 1 {
					t.Errorf("said so %d times", n)
				}
				if err := s.Close(); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

func TestWaitingForErrorsGoesOnAfterAFailure(t *testing.T) {
	isolated(t, nvmltest.Build, func(t *testing.T, w world) {
		s, log := w.watching(t)
		node := nvmltest.Node(1)
		node.WaitError = nvmltest.Lost
		w.play(t, node)
		inventory(t, s)
		eventually(t, "the failure is logged", func() bool { return log.count("fails") == 1 })
		node.WaitError = 0
		node.GPUs[0].XIDs = []int{79}
		w.play(t, node)
		eventually(t, "the error is counted", func() bool { return xidsOf(inventory(t, s)) == "[{79 1}]" })
	})
}

func TestAWaitThatNeverEndsHoldsUpNobody(t *testing.T) {
	isolated(t, nvmltest.Build, func(t *testing.T, w world) {
		node := nvmltest.Node(1)
		w.play(t, node)
		s := source(t, nvml.Config{LibraryPath: w.library, CallTimeout: time.Second, XID: true})
		inventory(t, s)
		// An error that is counted shows that the waiting has begun.
		node.GPUs[0].XIDs = []int{79}
		w.play(t, node)
		eventually(t, "the error is counted", func() bool { return xidsOf(inventory(t, s)) == "[{79 1}]" })
		node.GPUs[0].XIDs, node.WaitHang = nil, true
		w.play(t, node)
		for range 3 {
			if g := one(t, s); !g.Reading.Up {
				t.Errorf("the GPU is down: %s", g.Reading.Reason)
			}
		}
		if err := s.Close(); !errors.Is(err, nvml.ErrHangs) {
			t.Errorf("got %v, want ErrHangs", err)
		}
	})
}
