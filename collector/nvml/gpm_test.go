//go:build linux && cgo

package nvml_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gputally/gputally/collector/device"
	"github.com/gputally/gputally/collector/nvml"
	"github.com/gputally/gputally/collector/nvml/nvmltest"
)

// ratios are those of one reading, as far as counters tell them.
type ratios struct{ SM, Tensor, DRAM *float64 }

func TestActivityFromCounters(t *testing.T) {
	isolated(t, nvmltest.Build, func(t *testing.T, w world) {
		var c clock
		s := source(t, nvml.Config{LibraryPath: w.library, CallTimeout: time.Minute, Now: c.now})
		node := nvmltest.Node(1)
		g := &node.GPUs[0]
		count := func(clock, sm, tensor, dram int64) func() {
			return func() {
				if g.Counters == nil {
					g.Counters = &nvmltest.Counters{}
				}
				g.Counters.Clock += clock
				g.Counters.SM += sm
				g.Counters.Tensor += tensor
				g.Counters.DRAM += dram
			}
		}
		fails := func(name string, code nvmltest.Code) func() {
			return func() { count(1000, 500, 500, 500)(); g.Fails = map[string]nvmltest.Code{name: code} }
		}
		half := ratios{new(0.5), new(0.5), new(0.5)}
		for _, step := range []struct {
			name  string
			after time.Duration
			do    func()
			want  ratios
		}{
			{"support can't be told yet", time.Second, fails("nvmlGpmQueryDeviceSupport", nvmltest.Unknown), ratios{}},
			{"one sample tells nothing", time.Second, func() { g.Fails = nil }, ratios{}},
			{"two do", time.Second, count(1000, 500, 250, 125), ratios{new(0.5), new(0.25), new(0.125)}},
			{"asked again too soon: the same", 99 * time.Millisecond, count(99, 99, 99, 99), ratios{new(0.5), new(0.25), new(0.125)}},
			{"soon enough", time.Millisecond, count(1, 1, 1, 1), ratios{new(1.0), new(1.0), new(1.0)}},
			{"idle", time.Second, count(1000, 0, 0, 0), ratios{new(0.0), new(0.0), new(0.0)}},
			{"counters read a moment apart", time.Second, count(1000, 1001, 0, 0), ratios{new(1.0), new(0.0), new(0.0)}},
			{"a counter that starts anew", time.Second, count(1000, -1, 0, 0), ratios{nil, new(0.0), new(0.0)}},
			{"a stopped clock", time.Second, count(0, 1, 0, 1), ratios{}},
			{"a sample fails", time.Second, fails("nvmlGpmSampleGet", nvmltest.Unknown), ratios{}},
			{"so the next one is the first", time.Second, func() { g.Fails = nil }, ratios{}},
			{"and counts from there", time.Second, count(1000, 500, 500, 500), half},
			{"not over a long pause", time.Hour, count(3600e3, 1800e3, 1800e3, 1800e3), ratios{}},
			{"but afterwards", time.Minute, count(60e3, 30e3, 30e3, 30e3), half},
		} {
			c.advance(step.after)
			step.do()
			w.play(t, node)
			r := one(t, s).Reading
			if diff := cmp.Diff(step.want, ratios{r.SM, r.Tensor, r.DRAM}); diff != "" {
				t.Errorf("%s (-want +got):\n%s", step.name, diff)
			}
		}
		if err := s.Close(); err != nil {
			t.Errorf("all that was lent must be given back: %v", err)
		}
	})
}

func TestCountersStartAnewWithTheDriver(t *testing.T) {
	isolated(t, nvmltest.Build, func(t *testing.T, w world) {
		var c clock
		s := source(t, nvml.Config{LibraryPath: w.library, CallTimeout: time.Minute, Now: c.now})
		node := nvmltest.Node(2)
		read := func() device.Reading {
			c.advance(time.Second)
			for i := range node.GPUs {
				k := &nvmltest.Counters{}
				if before := node.GPUs[i].Counters; before != nil {
					k.Clock, k.SM = before.Clock, before.SM
				}
				k.Clock, k.SM = k.Clock+1000, k.SM+300
				node.GPUs[i].Counters = k
			}
			w.play(t, node)
			return inventory(t, s).GPUs[0].Reading
		}
		read()
		if got := read().SM; got == nil || *got != 0.3 {
			t.Fatalf("got %v, want 0.3", got)
		}
		node.CountError = nvmltest.Uninitialized
		w.play(t, node)
		if _, err := s.Inventory(t.Context()); err == nil {
			t.Fatal("got no error from a driver that is not initialized")
		}
		node.CountError = 0
		if got := read().SM; got != nil {
			t.Errorf("got %v from one sample", *got)
		}
		if got := read().SM; got == nil || *got != 0.3 {
			t.Errorf("got %v, want 0.3", got)
		}
		node.GPUs[0], node.GPUs[1] = node.GPUs[1], node.GPUs[0] // each takes the other's place
		read()
		if err := s.Close(); err != nil {
			t.Errorf("all that was lent must be given back: %v", err)
		}
	})
}

func TestReadingsOfMIGInstances(t *testing.T) {
	isolated(t, nvmltest.Build, func(t *testing.T, w world) {
		const mib = 1 << 20
		var c clock
		s := source(t, nvml.Config{LibraryPath: w.library, CallTimeout: time.Minute, Now: c.now})
		node := migNode()
		g := &node.GPUs[0]
		g.Counters = &nvmltest.Counters{} // those of the whole GPU stand still
		g.Instances[0].MemoryUsed, g.Instances[1].MemoryUsed = gib, nvmltest.Fails(nvmltest.Unknown)
		count := func(clock, graphics, sm, tensor, dram int64) {
			for i := range g.Instances {
				k := nvmltest.Counters{}
				if before := g.Instances[i].Counters; before != nil {
					k = *before
				}
				g.Instances[i].Counters = &nvmltest.Counters{
					Clock: k.Clock + clock, Graphics: k.Graphics + graphics, SM: k.SM + sm, Tensor: k.Tensor + tensor, DRAM: k.DRAM + dram,
				}
			}
		}
		small := device.Reading{Up: true, Processes: -1, MemoryUsed: new(1.0 * gib), MemoryTotal: new(16384.0 * mib)}
		measured := small
		measured.Utilization, measured.SM, measured.Tensor, measured.DRAM = new(0.9), new(0.5), new(0.25), new(0.1)
		shared := device.Reading{Up: true, Processes: -1, MemoryUsed: new(0.0), MemoryTotal: new(71424.0 * mib)}
		for _, step := range []struct {
			name string
			do   func()
			want map[string]device.Reading
		}{
			{"memory at once", func() { count(0, 0, 0, 0, 0) }, map[string]device.Reading{
				"MIG-small": small, "MIG-part-a": shared, "MIG-part-b": {Up: true, Processes: -1},
			}},
			{"activity of a GPU instance that is one compute instance's", func() { count(1000, 900, 500, 250, 100) }, map[string]device.Reading{
				"MIG-small": measured, "MIG-part-a": shared, "MIG-part-b": {Up: true, Processes: -1},
			}},
			{"another instance with the same ids begins anew", func() {
				count(1000, 900, 500, 250, 100)
				g.Instances = g.Instances[:1]
				g.Instances[0].UUID = "MIG-new"
			}, map[string]device.Reading{"MIG-new": small}},
			{"and goes on", func() { count(1000, 900, 500, 250, 100) }, map[string]device.Reading{"MIG-new": measured}},
		} {
			c.advance(time.Second)
			step.do()
			w.play(t, node)
			got := map[string]device.Reading{}
			for _, m := range one(t, s).MIG {
				got[m.UUID] = *m.Reading
			}
			if diff := cmp.Diff(step.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", step.name, diff)
			}
		}
		if err := s.Close(); err != nil {
			t.Errorf("all that was lent must be given back: %v", err)
		}
	})
}

// The stand-in lends 256 samples at once.
func TestAGPUCutAnewOftenKeepsBeingMeasured(t *testing.T) {
	isolated(t, nvmltest.Build, func(t *testing.T, w world) {
		var c clock
		s := source(t, nvml.Config{LibraryPath: w.library, CallTimeout: time.Minute, Now: c.now})
		node := migNode()
		g := &node.GPUs[0]
		g.Counters = &nvmltest.Counters{}
		g.Instances = g.Instances[:1]
		for i := range 200 {
			g.Instances[0].UUID = fmt.Sprintf("MIG-%d", i)
			for step := range int64(2) {
				c.advance(time.Second)
				g.Instances[0].Counters = &nvmltest.Counters{Clock: 1000 * step, SM: 500 * step}
				w.play(t, node)
				m := one(t, s).MIG[0]
				if got := m.Reading.SM; step == 1 && (got == nil || *got != 0.5) {
					t.Fatalf("%s: got %v, want 0.5", m.UUID, got)
				}
			}
		}
	})
}
