//go:build linux && cgo

package nvml_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gputally/gputally/collector/device"
	"github.com/gputally/gputally/collector/nvml"
	"github.com/gputally/gputally/collector/nvml/nvmltest"
)

func TestAGPUThatFailsIsDownAndKeepsItsIdentity(t *testing.T) {
	isolated(t, nvmltest.Build, func(t *testing.T, w world) {
		s := w.source(t)
		for _, tc := range []struct {
			name   string
			change func(*nvmltest.GPU)
			reason string
		}{
			{"lost", func(g *nvmltest.GPU) { g.Error = nvmltest.Lost }, "lost"},
			{"lost, noticed by a reading", func(g *nvmltest.GPU) { g.Power = nvmltest.Fails(nvmltest.Lost) }, "lost"},
			{"lost, noticed while listing instances", func(g *nvmltest.GPU) { g.Instances[2].CI = nvmltest.Fails(nvmltest.Lost) }, "lost"},
			{"reset required", func(g *nvmltest.GPU) { g.Error = nvmltest.ResetRequired }, "reset required"},
			{"an error of the driver's own", func(g *nvmltest.GPU) { g.Error = nvmltest.Unknown }, "driver error"},
		} {
			t.Run(tc.name, func(t *testing.T) {
				node := migNode()
				node.GPUs = append(node.GPUs, nvmltest.Node(2).GPUs[1])
				w.play(t, node)
				want := inventory(t, s)
				tc.change(&node.GPUs[0])
				w.play(t, node)
				got := inventory(t, s)
				if !strings.HasPrefix(got.GPUs[0].Reading.Reason, tc.reason) {
					t.Errorf("got reason %q, want %q", got.GPUs[0].Reading.Reason, tc.reason)
				}
				want.GPUs[0].Reading = device.Reading{Reason: got.GPUs[0].Reading.Reason, Processes: -1}
				for i := range want.GPUs[0].MIG {
					want.GPUs[0].MIG[i].Reading = nil
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("inventory (-want +got):\n%s", diff)
				}
			})
		}
	})
}

func TestAGPUThatNeverSaidItsUUIDIsLeftOut(t *testing.T) {
	isolated(t, nvmltest.Build, func(t *testing.T, w world) {
		node := nvmltest.Node(2)
		node.GPUs[0].Error = nvmltest.Lost
		w.play(t, node)
		var log bytes.Buffer
		s := source(t, nvml.Config{LibraryPath: w.library, CallTimeout: time.Minute, Logger: slog.New(slog.NewTextHandler(&log, nil))})
		for range 3 {
			if g := one(t, s); g.UUID != node.GPUs[1].UUID {
				t.Errorf("got %s, want %s", g.UUID, node.GPUs[1].UUID)
			}
		}
		if n := strings.Count(log.String(), "left out"); n != 1 {
			t.Errorf("logged %d times, want once:\n%s", n, &log)
		}
		w.play(t, nvmltest.Node(2))
		if n := len(inventory(t, s).GPUs); n != 2 {
			t.Errorf("got %d GPUs after it came back, want 2", n)
		}
	})
}

func TestGPUsComeAndGo(t *testing.T) {
	isolated(t, nvmltest.Build, func(t *testing.T, w world) {
		s := w.source(t)
		three := nvmltest.Node(3)
		other := nvmltest.Node(3)
		other.GPUs[1].UUID, other.GPUs[1].Name, other.GPUs[1].Minor = "GPU-new", "NVIDIA B200", 9
		fewer := nvmltest.Node(3)
		fewer.GPUs = fewer.GPUs[1:]
		moved := nvmltest.Node(3)
		moved.GPUs = moved.GPUs[1:]
		moved.GPUs[1].Error = nvmltest.Lost // in the place of one that now answers from another
		for _, node := range []nvmltest.Scenario{three, other, fewer, three, {}, fewer, three, moved} {
			w.play(t, node)
			want := map[string]string{}
			for _, g := range node.GPUs {
				if g.Error == 0 {
					want[g.UUID] = g.Name + ", up true"
				}
			}
			got := map[string]string{}
			for _, g := range inventory(t, s).GPUs {
				got[g.UUID] = fmt.Sprintf("%s, up %v", g.Model, g.Reading.Up)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("GPUs (-want +got):\n%s", diff)
			}
		}
	})
}

func TestAHangingGPUHoldsUpNobody(t *testing.T) {
	isolated(t, nvmltest.Build, func(t *testing.T, w world) {
		w.play(t, nvmltest.Node(3))
		s := source(t, nvml.Config{LibraryPath: w.library, CallTimeout: 2 * time.Second})
		want := inventory(t, s)
		stuck := nvmltest.Node(3)
		stuck.GPUs[1].Hang = time.Hour
		w.play(t, stuck)
		for range 20 { // only the first one waits: the stub breaks a GPU that gets a second call
			got := inventory(t, s)
			reason := got.GPUs[1].Reading.Reason
			if !strings.HasPrefix(reason, "driver call hangs: ") {
				t.Fatalf("got reason %q", reason)
			}
			want.GPUs[1].Reading = device.Reading{Reason: reason, Processes: -1}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Fatalf("inventory (-want +got):\n%s", diff)
			}
		}
		if err := s.Close(); !errors.Is(err, nvml.ErrHangs) {
			t.Errorf("close while a call is out: got %v, want ErrHangs", err)
		}
	})
}

func TestAGPUThatHungComesBack(t *testing.T) {
	isolated(t, nvmltest.Build, func(t *testing.T, w world) {
		stuck := nvmltest.Node(2)
		stuck.GPUs[0].Hang = time.Hour
		w.play(t, stuck)
		s := w.source(t)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		inv, err := s.Inventory(ctx) // the caller's deadline counts if it is earlier
		if err != nil || len(inv.GPUs) != 1 {
			t.Fatalf("got %v, %v; want the GPU that answers", inv.GPUs, err)
		}
		w.play(t, nvmltest.Node(2))
		eventually(t, "both GPUs are up", func() bool {
			gpus := inventory(t, s).GPUs
			return len(gpus) == 2 && gpus[0].Reading.Up && gpus[1].Reading.Up
		})
		if err := s.Close(); err != nil {
			t.Errorf("close when all calls are back: %v", err)
		}
	})
}

func TestADriverThatHangsIsAnError(t *testing.T) {
	isolated(t, nvmltest.Build, func(t *testing.T, w world) {
		stuck := nvmltest.Node(1)
		stuck.CountHang = time.Hour
		w.play(t, stuck)
		s := source(t, nvml.Config{LibraryPath: w.library, CallTimeout: 100 * time.Millisecond})
		for range 20 {
			if _, err := s.Inventory(t.Context()); !errors.Is(err, nvml.ErrHangs) {
				t.Fatalf("got %v, want ErrHangs", err)
			}
		}
		w.play(t, nvmltest.Node(1))
		eventually(t, "the driver answers", func() bool {
			inv, err := s.Inventory(t.Context())
			return err == nil && len(inv.GPUs) == 1
		})
	})
}

func TestManyCallersAndAChangingNode(t *testing.T) {
	isolated(t, nvmltest.Build, func(t *testing.T, w world) {
		w.play(t, nvmltest.Node(8))
		cfg := everything(w.library)
		cfg.CallTimeout = 10 * time.Millisecond
		s := source(t, cfg)
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				for range 50 {
					inv, err := s.Inventory(context.Background())
					if err != nil && !errors.Is(err, nvml.ErrHangs) && !errors.Is(err, nvml.ErrClosed) {
						t.Error(err)
					}
					for _, g := range inv.GPUs {
						if g.Reading.Up == (g.Reading.Reason != "") || strings.Contains(g.Reading.Reason, "entered twice") {
							t.Errorf("%s: up %v, reason %q", g.UUID, g.Reading.Up, g.Reading.Reason)
						}
					}
				}
			})
		}
		for i := range 50 {
			node := []nvmltest.Scenario{nvmltest.Node(1 + i%8), crowded(1 + i%8), cut(1 + i%8)}[i%3]
			node.GPUs[0].XIDs = make([]int, i)
			node.GPUs[0].Hang = time.Duration(i%3) * 5 * time.Millisecond
			if i%5 == 0 {
				node.GPUs[0].Error = nvmltest.Lost
			}
			w.play(t, node)
		}
		wg.Wait()
		s.Close() // whether a call is still out is left to chance
		if _, err := s.Inventory(t.Context()); !errors.Is(err, nvml.ErrClosed) {
			t.Errorf("after Close: got %v, want ErrClosed", err)
		}
	})
}

func TestACallerThatGivesUpGetsItsOwnError(t *testing.T) {
	isolated(t, nvmltest.Build, func(t *testing.T, w world) {
		w.play(t, nvmltest.Node(1))
		s := w.source(t)
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := s.Inventory(gone); !errors.Is(err, context.Canceled) {
			t.Errorf("before the call: got %v, want Canceled", err)
		}
		stuck := nvmltest.Node(1)
		stuck.GPUs[0].Hang = time.Hour
		w.play(t, stuck)
		gone, cancel = context.WithCancel(t.Context())
		time.AfterFunc(50*time.Millisecond, cancel)
		if _, err := s.Inventory(gone); !errors.Is(err, context.Canceled) {
			t.Errorf("during the call: got %v, want Canceled", err)
		}
	})
}
