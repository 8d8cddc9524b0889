package meter_test

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/gputally/gputally/collector/device"
	"github.com/gputally/gputally/collector/meter"
	"github.com/gputally/gputally/internal/properties"
)

// histories are tried, in about five seconds when there is time.
var histories = properties.Of(2000)

// Random histories of a node go through the whole loop, from what the driver
// and the kubelet say to the snapshot: containers come and go, share, change
// GPUs; pods hold them through claims, of which two may name one, and somebody looks on; GPUs are cut into other numbers of slots, also under their holders, or not
// offered; MIG is cut again, also under its holders; GPUs are lost, taken out and put
// in; the driver is loaded again, or released and resumed; polls of the driver and the kubelet fail; the
// process stalls and restarts, the machine is suspended, its clock steps.
func TestEveryCounterIsTheOracles(t *testing.T) {
	t.Parallel()
	for seed := range uint64(histories) {
		relive(t, newFleet(seed), 60, false)
		if t.Failed() {
			t.Fatalf("in the history of seed %d", seed)
		}
	}
}

// The same, where the kubelet is the real one's client: it forgets who is there when
// it restarts, and lists some before others; it lists pods that have completed; it
// is slow to say what is offered. The process sees the pods' cgroups or doesn't.
func TestEveryCounterIsTheOraclesWhereTheKubeletLies(t *testing.T) {
	t.Parallel()
	for seed := range uint64(histories / 25) {
		relive(t, newFleet(seed), 60, true)
		if t.Failed() {
			t.Fatalf("in the history of seed %d", seed)
		}
	}
}

func relive(t *testing.T, f *fleet, polls int, lies bool) {
	t.Helper()
	var registry device.Registry = f
	if lies {
		f.liar = newLiar(t, f)
		registry = f.liar
	}
	var loop *meter.Loop
	var books *oracle
	var sums *conservation
	var before *meter.Snapshot
	for poll := range polls {
		if loop == nil || f.one(40) { // the process starts
			if lies {
				f.liar.begin(t)
			}
			var err error
			loop, err = meter.NewLoop(meter.LoopConfig{
				Source: f, Registry: registry, Owners: f, ByProcess: true, Now: func() time.Time { return f.clock },
				Attribution: f.attribution(),
			})
			if err != nil {
				t.Fatal(err)
			}
			books, sums, before = newOracle(f), newConservation(), nil
			f.begin()
		}
		if err := loop.Poll(t.Context()); err != nil {
			t.Fatal(err)
		}
		s := loop.Latest()
		books.poll(f.clock)
		books.audit(t, s)
		sums.check(t, s, books)
		if before != nil {
			if fault := fallen(before, s); fault != "" {
				t.Error(fault)
			}
		}
		if t.Failed() {
			t.Fatalf("at poll %d, %s after the beginning", poll, f.clock.Sub(origin))
		}
		before = s
		f.pass()
	}
}

// pass lets some time go by.
func (f *fleet) pass() {
	d := time.Duration(1+f.IntN(1500)) * time.Millisecond
	switch f.IntN(30) {
	case 0: // a stall, which may be longer than what is bridged
		d = time.Duration(f.IntN(20_000)) * time.Millisecond
	case 1:
		d = time.Duration(f.IntN(1_500)) * time.Second
	case 2: // the clock steps back, to before the poll that was
		f.clock = f.clock.Add(-d - time.Duration(f.IntN(5_000))*time.Millisecond)
	case 3: // the clock steps forward, or the machine was suspended: no time goes by for the GPUs
		f.clock = f.clock.Add(oracleGap + time.Duration(f.IntN(1_000))*time.Second)
	}
	f.clock = f.clock.Add(d)
	f.live(d)
}

// conservation checks that no second has two owners or none.
type conservation struct {
	lives map[life]meter.Holding // the latest of each holding that ever was
	whole map[string]bool        // GPUs listed by each poll since time is booked
	since time.Time              // time is booked, zero while it is not
	// before is the time unobserved until then.
	before time.Duration
}

// life is one holding: a container that comes back later begins another one.
type life struct {
	place
	start time.Time
}

func newConservation() *conservation {
	return &conservation{lives: map[life]meter.Holding{}, whole: map[string]bool{}}
}

func (c *conservation) check(t *testing.T, s *meter.Snapshot, books *oracle) {
	t.Helper()
	for _, h := range s.Holdings {
		c.lives[life{place{h.Holder, h.UUID}, h.Start}] = h
	}
	held, joules := map[string]float64{}, map[string]float64{}
	for l, h := range c.lives {
		held[l.uuid] += h.Allocated
		joules[l.uuid] += or(h.Energy, 0)
	}
	c.follow(books)
	observed := books.last.Sub(c.since).Seconds() - s.Unobserved.Seconds() + c.before.Seconds()
	for _, d := range s.Devices {
		uuid := d.GPU.UUID
		if math.Abs(held[uuid]-d.States.Allocated) > 1e-6 {
			t.Errorf("containers held %v s of %s, which was held for %v s", held[uuid], uuid, d.States.Allocated)
		}
		if joules[uuid] > or(d.Energy, 0)+1e-6 {
			t.Errorf("containers used %v J of %s, which used %v J", joules[uuid], uuid, or(d.Energy, 0))
		}
		sum := d.States.Allocated + d.States.Unallocated + d.States.Unattributed + d.States.Unavailable
		if c.whole[uuid] && math.Abs(sum-observed) > 1e-6*max(1, observed) {
			t.Errorf("the states of %s sum to %v s, %v s were observed", uuid, sum, observed)
		}
	}
}

// follow finds the GPUs that were there all the time. The time of any other is
// less than what was observed of the node.
func (c *conservation) follow(books *oracle) {
	first := c.since.IsZero() && !books.known.IsZero()
	if first {
		c.since, c.before = books.last, books.lost
	}
	for card, g := range books.gpus {
		c.whole[card.uuid] = g.listed && (first || c.whole[card.uuid])
	}
}

// fallen names a counter that fell, or was known and no longer is.
func fallen(before, now *meter.Snapshot) string {
	devices := map[string]meter.Device{}
	for _, d := range now.Devices {
		devices[d.GPU.UUID] = d
	}
	for _, b := range before.Devices {
		if d, ok := devices[b.GPU.UUID]; ok && (d.States.Allocated < b.States.Allocated || d.States.Unallocated < b.States.Unallocated ||
			d.States.Unattributed < b.States.Unattributed || d.States.Unavailable < b.States.Unavailable ||
			fell(b.Active, d.Active) || fell(b.Energy, d.Energy)) {
			return fmt.Sprintf("a counter fell from %+v to %+v", b, d)
		}
	}
	holdings := map[place]meter.Holding{}
	for _, h := range now.Holdings {
		holdings[place{h.Holder, h.UUID}] = h
	}
	for _, b := range before.Holdings {
		h, ok := holdings[place{b.Holder, b.UUID}]
		if ok && h.Start.Equal(b.Start) && (h.Allocated < b.Allocated || h.Active < b.Active || h.Idle < b.Idle || h.Observed < b.Observed ||
			fell(b.Energy, h.Energy) || fell(b.MemoryByteSeconds, h.MemoryByteSeconds)) {
			return fmt.Sprintf("a counter fell from %+v to %+v", b, h)
		}
	}
	return ""
}

// A container of a random life on a node that polls every second is charged for
// it up to a poll interval at each end, and the total is true.
func TestRandomLivesAreChargedToWithinAPoll(t *testing.T) {
	t.Parallel()
	f := newFleet(1)
	const lives = 5000
	var truth, charged float64
	for range lives {
		share := []float64{1, 0.25, 1.0 / 7}[f.IntN(3)]
		life := 2 + math.Exp(f.Float64()*math.Log(7200-2)) // 3 s to 2 h, most of them short
		phase := f.Float64()
		m, err := meter.New(meter.Config{Start: origin, MaxGap: 3 * time.Hour})
		if err != nil {
			t.Fatal(err)
		}
		inv := inventory(gpu("GPU-a", 0, 0))
		poll(m, 0, inv, held())
		poll(m, math.Ceil(phase), inv, held(hold("p", "GPU-a", share, true))) // the first poll that sees it
		s := poll(m, math.Ceil(phase+life), inv, held())                      // the first that does not
		got := s.Holdings[0].Allocated
		if math.Abs(got-share*life) > share {
			t.Fatalf("%v s at %v: charged %v s", life, share, got)
		}
		truth, charged = truth+share*life, charged+got
	}
	if math.Abs(charged/truth-1) > 0.0002 {
		t.Errorf("charged %v of %v GPU-seconds", charged, truth)
	}
}
