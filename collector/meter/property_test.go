package meter_test

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/gputally/gputally/collector/device"
	"github.com/gputally/gputally/collector/meter"
)

// world is a random node that changes now and then.
type world struct {
	gpus []device.GPU
	a    meter.Attribution
	// joules drawn so far, by GPU; it grows by 100 W.
	joules []float64
}

func newWorld(gpus int) *world {
	w := &world{joules: make([]float64, gpus)}
	for i := range gpus {
		w.gpus = append(w.gpus, gpu(fmt.Sprintf("GPU-%d", i), 0, 0))
	}
	return w
}

// change makes some holders come and go and some GPUs fail or heal.
func (w *world) change(t *rapid.T) {
	w.a = meter.Attribution{}
	for i := range w.gpus {
		g := &w.gpus[i]
		g.Reading.Up = rapid.IntRange(0, 9).Draw(t, "up") > 0
		u := rapid.SampledFrom([]float64{0, 0.25, 0.9, 1}).Draw(t, "utilization")
		g.Reading.Utilization = &u
		g.Reading.Processes = rapid.IntRange(0, 1).Draw(t, "processes")
		holders := rapid.IntRange(0, 3).Draw(t, "holders")
		if doubt := rapid.SampledFrom([]float64{0, 0, 0, 1.0 / 7, 1.0 / 3, 1}).Draw(t, "unattributed"); doubt > 0 {
			if w.a.Unattributed == nil {
				w.a.Unattributed = map[string]float64{}
			}
			w.a.Unattributed[g.UUID] = doubt
		}
		for h := range holders {
			w.a.Holdings = append(w.a.Holdings, hold(fmt.Sprintf("p%d", h), g.UUID, 1/float64(max(3, holders)), holders == 1))
		}
	}
}

func (w *world) observe(m *meter.Meter, at time.Duration) *meter.Snapshot {
	inv := &device.Inventory{GPUs: make([]device.GPU, len(w.gpus))}
	for i, g := range w.gpus {
		joules := w.joules[i] + 100*at.Seconds()
		g.Reading.Energy = &joules
		inv.GPUs[i] = g
	}
	a := w.a
	return m.Observe(meter.Observation{At: origin.Add(at), Inventory: inv, Holders: &a})
}

// check holds a snapshot against the invariants and the one before.
func check(t *rapid.T, before, s *meter.Snapshot, observed time.Duration) {
	shares := map[string]float64{}
	for _, h := range s.Holdings {
		shares[h.UUID] += h.Allocated
		if h.Active > h.Observed+1e-9 || h.Idle > h.Observed+1e-9 || h.Observed > h.Allocated+1e-9 {
			t.Fatalf("%s on %s: active %v, idle %v, observed %v, allocated %v do not nest", h.Holder.Pod, h.UUID, h.Active, h.Idle, h.Observed, h.Allocated)
		}
	}
	for _, d := range s.Devices {
		sum := d.States.Allocated + d.States.Unallocated + d.States.Unattributed + d.States.Unavailable
		if math.Abs(sum-observed.Seconds()) > 1e-6 {
			t.Fatalf("%s: states sum to %v, observed %v", d.GPU.UUID, sum, observed.Seconds())
		}
		if math.Abs(shares[d.GPU.UUID]-d.States.Allocated) > 1e-6 {
			t.Fatalf("%s: containers sum to %v, device says %v", d.GPU.UUID, shares[d.GPU.UUID], d.States.Allocated)
		}
	}
	if before == nil {
		return
	}
	for i, d := range before.Devices {
		n := s.Devices[i]
		if n.States.Allocated < d.States.Allocated || n.States.Unallocated < d.States.Unallocated ||
			n.States.Unattributed < d.States.Unattributed || n.States.Unavailable < d.States.Unavailable ||
			*n.Active < *d.Active || *n.Energy < *d.Energy {
			t.Fatalf("%s: a counter fell from %+v to %+v", d.GPU.UUID, d, n)
		}
	}
	was := map[string]meter.Holding{}
	for _, h := range before.Holdings {
		was[h.UUID+h.Holder.Pod] = h
	}
	for _, h := range s.Holdings {
		b := was[h.UUID+h.Holder.Pod]
		if h.Allocated < b.Allocated || h.Active < b.Active || h.Idle < b.Idle || h.Observed < b.Observed ||
			fell(b.Energy, h.Energy) || fell(b.MemoryByteSeconds, h.MemoryByteSeconds) {
			t.Fatalf("%s on %s: a counter fell from %+v to %+v", h.Holder.Pod, h.UUID, b, h)
		}
	}
}

// fell is true if a counter fell or was forgotten.
func fell(before, now *float64) bool {
	return before != nil && (now == nil || *now < *before)
}

func TestEverySecondHasOneOwnerAndNoCounterFalls(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		m, err := meter.New(meter.Config{Start: origin})
		if err != nil {
			t.Fatal(err)
		}
		w := newWorld(rapid.IntRange(1, 4).Draw(t, "gpus"))
		var before *meter.Snapshot
		var at, observed time.Duration
		for range rapid.IntRange(2, 40).Draw(t, "polls") {
			s := w.observe(m, at)
			check(t, before, s, observed)
			before = s
			if rapid.IntRange(0, 3).Draw(t, "change") == 0 {
				w.change(t)
			}
			step := time.Duration(rapid.IntRange(1, 15_000).Draw(t, "step")) * time.Millisecond
			at += step
			observed += min(step, 10*time.Second)
		}
	})
}

// Between two events nothing changes, so one big step must give what many
// small ones give, to the last bit: histories are made that way.
func TestOneStepBetweenEventsEqualsPolling(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		cfg := meter.Config{Start: origin, MaxGap: 24 * time.Hour, Retain: 24 * time.Hour}
		polled, err := meter.New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		stepped, err := meter.New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		w := newWorld(2)
		w.change(t)
		var at time.Duration
		for range rapid.IntRange(1, 6).Draw(t, "events") {
			ticks := rapid.IntRange(1, 50).Draw(t, "ticks")
			w.observe(polled, at)
			w.observe(stepped, at)
			for range ticks {
				at += time.Second
				w.observe(polled, at)
			}
			a, b := w.observe(polled, at), w.observe(stepped, at)
			for i := range a.Devices {
				if a.Devices[i].States != b.Devices[i].States || *a.Devices[i].Active != *b.Devices[i].Active || *a.Devices[i].Energy != *b.Devices[i].Energy {
					t.Fatalf("device: polled %+v, stepped %+v", a.Devices[i], b.Devices[i])
				}
			}
			for i := range a.Holdings {
				x, y := a.Holdings[i], b.Holdings[i]
				if !cmp.Equal(x, y) {
					t.Fatalf("holding: polled %+v, stepped %+v", x, y)
				}
			}
			w.change(t)
		}
	})
}
