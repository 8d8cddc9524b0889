package simulate_test

import (
	"cmp"
	"math"
	"slices"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/gputally/gputally/collector/device"
	"github.com/gputally/gputally/internal/simulate"
)

// loads change at whole ten minutes of the clock.
const loadPeriod = 10 * time.Minute

// drawNode draws a script that could happen.
func drawNode(t *rapid.T) *simulate.Node {
	n := node()
	for _, h := range drawHolds(t, len(n.GPUs)) {
		n.Holds = append(n.Holds, h)
		if n.Validate() != nil {
			n.Holds = n.Holds[:len(n.Holds)-1]
		}
	}
	return n
}

// drawInstants draws instants in the order of time, before, among and after
// the holds, and often at one of their ends.
func drawInstants(t *rapid.T, n *simulate.Node) []time.Time {
	at := rapid.Custom(func(t *rapid.T) time.Time {
		if len(n.Holds) > 0 && rapid.Bool().Draw(t, "at an end") {
			h := rapid.SampledFrom(n.Holds).Draw(t, "hold")
			return rapid.SampledFrom([]time.Time{h.From, h.To, h.From.Add(-1), h.To.Add(-1)}).Draw(t, "end")
		}
		return origin.Add(time.Duration(rapid.Int64Range(-int64(time.Minute), int64(40*time.Minute)).Draw(t, "at")))
	})
	all := rapid.SliceOfN(at, 2, 8).Draw(t, "instants")
	slices.SortFunc(all, time.Time.Compare)
	return all
}

// holdings reads the script: who holds what at an instant.
func holdings(n *simulate.Node, at time.Time) []device.Holding {
	on := make([]int, len(n.GPUs))
	for _, h := range n.Holds {
		if !h.From.After(at) && h.To.After(at) {
			on[h.GPU]++
		}
	}
	hs := []device.Holding{}
	for _, h := range n.Holds {
		if !h.From.After(at) && h.To.After(at) {
			hs = append(hs, device.Holding{
				Holder: h.Holder, UUID: n.GPUs[h.GPU].UUID, Share: float64(h.Milli) / 1000, Sole: on[h.GPU] == 1,
			})
		}
	}
	slices.SortFunc(hs, func(a, b device.Holding) int {
		return cmp.Or(cmp.Compare(a.UUID, b.UUID), cmp.Compare(a.Holder.Pod, b.Holder.Pod))
	})
	return hs
}

// next reads the script: the first instant after at when anything changes.
func next(n *simulate.Node, at time.Time) time.Time {
	first := at.Truncate(loadPeriod).Add(loadPeriod)
	for _, h := range n.Holds {
		for _, end := range []time.Time{h.From, h.To} {
			if end.After(at) && end.Before(first) {
				first = end
			}
		}
	}
	return first
}

// state is what a node shows at an instant, without the energy, which depends
// on when the player began.
type state struct {
	Inventory device.Inventory
	Holdings  []device.Holding
}

func show(p *simulate.Player) state {
	inv := p.Inventory()
	for i := range inv.GPUs {
		inv.GPUs[i].Reading.Energy = nil
	}
	return state{inv, p.Holdings()}
}

func TestPlayerPlaysTheScript(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		n := drawNode(t)
		seed := rapid.Uint64().Draw(t, "seed")
		instants := drawInstants(t, n)
		p := simulate.Play(n, instants[0], seed)
		for _, at := range instants {
			p.Advance(at)
			if diff := gocmp.Diff(holdings(n, at), p.Holdings()); diff != "" {
				t.Fatalf("holdings at %s (-script +player):\n%s", at, diff)
			}
			if diff := gocmp.Diff(show(simulate.Play(n, at, seed)), show(p)); diff != "" {
				t.Fatalf("at %s it shows something else than one that begins there (-begins +came):\n%s", at, diff)
			}
			if want := next(n, at); !p.Change().Equal(want) {
				t.Fatalf("at %s the next change is said to be %s, but is %s", at, p.Change(), want)
			}
		}
	})
}

func TestNothingChangesBeforeTheNextChange(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		n := drawNode(t)
		at := drawInstants(t, n)[0]
		p := simulate.Play(n, at, rapid.Uint64().Draw(t, "seed"))
		before, change := show(p), p.Change()
		p.Advance(change.Add(-1))
		if diff := gocmp.Diff(before, show(p)); diff != "" {
			t.Fatalf("from %s to just before %s (-before +after):\n%s", at, change, diff)
		}
		kept := slices.Clone(before.Holdings)
		p.Advance(change.Add(time.Hour))
		if diff := gocmp.Diff(kept, before.Holdings); diff != "" {
			t.Fatalf("holdings that were handed out changed:\n%s", diff)
		}
	})
}

func TestTimeDoesNotRunBackwards(t *testing.T) {
	t.Parallel()
	p := simulate.Play(node(hold("a", 0, 500, 0, 100)), origin.Add(50*time.Second), 1)
	p.Advance(origin.Add(60 * time.Second))
	inv, hs := p.Inventory(), p.Holdings()
	p.Advance(origin)
	if diff := gocmp.Diff(inv, p.Inventory()); diff != "" {
		t.Errorf("inventory:\n%s", diff)
	}
	if diff := gocmp.Diff(hs, p.Holdings()); diff != "" {
		t.Errorf("holdings:\n%s", diff)
	}
}

// TestEnergyIsPowerOverTime adds the energy up from players that begin at each
// change and can't have accumulated any.
func TestEnergyIsPowerOverTime(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		n := drawNode(t)
		seed := rapid.Uint64().Draw(t, "seed")
		instants := drawInstants(t, n)
		begin, end := instants[0], instants[len(instants)-1]
		want := make([]float64, len(n.GPUs))
		for at := begin; at.Before(end); {
			until := next(n, at)
			if until.After(end) {
				until = end
			}
			for i, g := range simulate.Play(n, at, seed).Inventory().GPUs {
				want[i] += *g.Reading.Power * until.Sub(at).Seconds()
			}
			at = until
		}
		p := simulate.Play(n, begin, seed)
		last := make([]float64, len(n.GPUs))
		for _, at := range instants {
			p.Advance(at)
			for i, g := range p.Inventory().GPUs {
				if *g.Reading.Energy < last[i] {
					t.Fatalf("the energy of %s fell from %g to %g J", g.UUID, last[i], *g.Reading.Energy)
				}
				last[i] = *g.Reading.Energy
			}
		}
		for i := range want {
			if math.Abs(last[i]-want[i]) > 1e-6 {
				t.Fatalf("GPU %d drew %g J, want %g", i, last[i], want[i])
			}
		}
	})
}

func TestReadingsStayWithinTheGPU(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		n := drawNode(t)
		for _, at := range drawInstants(t, n) {
			p := simulate.Play(n, at, rapid.Uint64().Draw(t, "seed"))
			shares := map[string]float64{}
			count := map[string]int{}
			for _, h := range p.Holdings() {
				shares[h.UUID] += h.Share
				count[h.UUID]++
			}
			for i, g := range p.Inventory().GPUs {
				spec, r := n.GPUs[i], g.Reading
				switch {
				case g.UUID != spec.UUID || g.Model != spec.Model || g.Minor != i || !r.Up || *r.MemoryTotal != spec.MemoryBytes:
					t.Fatalf("GPU %d shows itself as %+v", i, g)
				case r.Processes != count[g.UUID]:
					t.Fatalf("%d processes of %d holders", r.Processes, count[g.UUID])
				case *r.Utilization < 0 || *r.Utilization > shares[g.UUID]+1e-9:
					t.Fatalf("utilization %g of a share of %g", *r.Utilization, shares[g.UUID])
				case *r.Power < spec.IdleWatts || *r.Power > spec.PeakWatts+1e-9:
					t.Fatalf("power %g W of %g to %g", *r.Power, spec.IdleWatts, spec.PeakWatts)
				case *r.MemoryUsed < 0 || *r.MemoryUsed > shares[g.UUID]*spec.MemoryBytes:
					t.Fatalf("memory %g of a share of %g", *r.MemoryUsed, shares[g.UUID])
				case count[g.UUID] == 0 && (*r.Utilization != 0 || *r.MemoryUsed != 0 || *r.Power != spec.IdleWatts):
					t.Fatalf("a GPU that nobody holds shows %+v", r)
				}
			}
		}
	})
}

func TestTheOrderOfTheScriptMakesNoDifference(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		n := drawNode(t)
		other := *n
		other.Holds = rapid.Permutation(n.Holds).Draw(t, "order")
		seed := rapid.Uint64().Draw(t, "seed")
		at := drawInstants(t, n)
		p, q := simulate.Play(n, at[0], seed), simulate.Play(&other, at[0], seed)
		for _, x := range at {
			p.Advance(x)
			q.Advance(x)
			if diff := gocmp.Diff(p.Holdings(), q.Holdings()); diff != "" {
				t.Fatalf("holdings:\n%s", diff)
			}
			if diff := gocmp.Diff(p.Inventory(), q.Inventory()); diff != "" {
				t.Fatalf("inventory:\n%s", diff)
			}
		}
	})
}

// TestSumsDoNotDependOnTheOrderOfTheScript: floats that are added in another
// order differ in the last bits.
func TestSumsDoNotDependOnTheOrderOfTheScript(t *testing.T) {
	t.Parallel()
	n, other := node(), node()
	for _, pod := range []string{"a", "b", "c", "d", "e", "f", "g", "h", "i"} {
		n.Holds = append(n.Holds, hold(pod, 0, 111, 0, 100))
	}
	other.Holds = slices.Clone(n.Holds)
	slices.Reverse(other.Holds)
	for seed := range uint64(20) {
		p, q := simulate.Play(n, origin, seed), simulate.Play(other, origin, seed)
		if diff := gocmp.Diff(p.Inventory(), q.Inventory()); diff != "" {
			t.Fatalf("with seed %d:\n%s", seed, diff)
		}
	}
}

func TestTheSeedPicksTheLoads(t *testing.T) {
	t.Parallel()
	n := node(hold("a", 0, 1000, 0, 86400), hold("b", 1, 500, 0, 86400))
	utilizations := func(seed uint64) (us []float64) {
		p := simulate.Play(n, origin.Add(time.Second), seed)
		for range 100 {
			for _, g := range p.Inventory().GPUs {
				us = append(us, *g.Reading.Utilization)
			}
			p.Advance(p.Change())
		}
		return us
	}
	one := utilizations(1)
	if diff := gocmp.Diff(one, utilizations(1)); diff != "" {
		t.Errorf("the same seed plays differently:\n%s", diff)
	}
	if slices.Equal(one, utilizations(2)) {
		t.Error("another seed plays the same")
	}
	if !slices.Contains(one, 0) || slices.Max(one) < 0.9 {
		t.Errorf("over 100 periods it neither idles nor works: %v", one)
	}
}
