package gputally_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/gputally/gputally/collector/metric"
	"github.com/gputally/gputally/reporter/source/gputally"
	"github.com/gputally/gputally/reporter/usage"
)

// short stands for the hour: all that can happen to one happens in 20 minutes.
const short = 20 * minute

// drawScene makes a node with whatever can happen to it in two short hours, but
// for more than so many scrapes lost in a row.
func drawScene(t *rapid.T, inARow int) scene {
	sc := scene{uuids: []string{"GPU-a"}}
	if rapid.Bool().Draw(t, "without poll age") {
		sc.without = metric.CollectorPollAge.Name
	}
	// Slots of the GPU are held by one container after the other.
	slots := rapid.SampledFrom([]int{1, 2, 3}).Draw(t, "slots")
	for slot := range slots {
		at := rapid.Int64Range(-30*minute, short).Draw(t, "first")
		for n := range rapid.IntRange(0, 6).Draw(t, "containers") {
			length := rapid.SampledFrom([]int64{2 * second, 20 * second, 10 * minute, hour}).Draw(t, "length")
			length += rapid.Int64Range(0, length).Draw(t, "more")
			sc.holds = append(sc.holds, hold{
				uuid: "GPU-a", pod: fmt.Sprintf("pod-%d-%d", slot, n), share: 1 / float64(slots), from: at, to: at + length,
			})
			at += length + rapid.Int64Range(0, 10*minute).Draw(t, "pause")
		}
	}
	at := -hour + rapid.Int64Range(0, 5000).Draw(t, "process")
	for range rapid.IntRange(0, 3).Draw(t, "restarts") {
		end := max(at+minute, -15*minute) + rapid.Int64Range(0, 20*minute).Draw(t, "restart")
		sc.processes = append(sc.processes, process{rapid.SampledFrom([]string{"a", "b"}).Draw(t, "instance"), at, end})
		at = end + rapid.Int64Range(200, 3*minute).Draw(t, "away")
	}
	sc.processes = append(sc.processes, process{"a", at, at + 3*hour})
	interval := rapid.SampledFrom([]int64{15 * second, 30 * second, minute}).Draw(t, "interval")
	loss := rapid.SampledFrom([]float64{0, 0.05, 0.3}).Draw(t, "loss")
	for r := range rapid.IntRange(1, 2).Draw(t, "replicas") {
		random := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		sc.scrapers = append(sc.scrapers, scraper{
			replica:  []string{"", "b"}[r],
			phase:    -15*minute + rapid.Int64Range(0, interval-1).Draw(t, "phase"),
			interval: interval,
			until:    2*short + 10*minute,
			lost:     losing(random, loss, inARow),
		})
	}
	return sc
}

// overlap makes some collectors stay after the next one came, under another name.
func (sc *scene) overlap(t *rapid.T) {
	for i := range len(sc.processes) - 1 {
		if p := &sc.processes[i]; rapid.Bool().Draw(t, "overlaps") {
			p.instance = fmt.Sprint("old-", i)
			p.to = sc.processes[i+1].from + rapid.Int64Range(0, short).Draw(t, "for so long")
		}
	}
}

func losing(random *rand.Rand, loss float64, inARow int) func(int64) bool {
	lost := 0
	return func(int64) bool {
		if lost < inARow && random.Float64() < loss {
			lost++
			return true
		}
		lost = 0
		return false
	}
}

type sums struct {
	gpu, active, idle, observed, estimated, byteSeconds, mJ int64
}

func (s *sums) add(seg usage.Segment) {
	s.gpu += seg.GPUMillis
	s.active += seg.ActiveMillis
	s.idle += seg.IdleMillis
	s.observed += seg.ObservedMillis
	s.estimated += seg.EstimatedMillis
	s.byteSeconds += seg.MemoryByteSeconds
	s.mJ += seg.EnergyMillijoules
}

// byHolder sums segments of containers, GPU by GPU.
func byHolder(hours ...usage.Hour) map[string]sums {
	all := map[string]sums{}
	for _, h := range hours {
		for _, s := range h.Segments {
			if s.State == usage.Allocated {
				sum := all[s.UUID+" "+s.Pod]
				sum.add(s)
				all[s.UUID+" "+s.Pod] = sum
			}
		}
	}
	return all
}

func TestHoursAddUpToTheDay(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		m := newMemory()
		drawScene(t, 10).render(m)
		edge := rapid.SampledFrom([]int64{short, short / 2, short + 123}).Draw(t, "edge")
		whole := closeScene(t, m, 0, 2*short)
		left, right := closeScene(t, m, 0, edge), closeScene(t, m, edge, 2*short)
		if diff := cmp.Diff(byHolder(whole), byHolder(left, right), cmp.AllowUnexported(sums{})); diff != "" {
			t.Fatalf("two windows are not one (-one +two):\n%s", diff)
		}
		for _, part := range []struct {
			name             string
			one, first, next int64
		}{
			{"expected", whole.Coverage.Expected, left.Coverage.Expected, right.Coverage.Expected},
			{"unallocated", whole.Coverage.Unallocated, left.Coverage.Unallocated, right.Coverage.Unallocated},
		} {
			if part.one != part.first+part.next {
				t.Fatalf("%s: %d in one window, %d + %d in two", part.name, part.one, part.first, part.next)
			}
		}
	})
}

func TestEveryDeviceAddsUp(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		m := newMemory()
		sc := drawScene(t, 3)
		sc.render(m)
		h := closeScene(t, m, 0, short)
		if len(h.Findings) > 0 {
			t.Fatalf("findings: %v", h.Findings)
		}
		var parts int64
		for _, s := range h.Segments {
			if s.State != usage.Absent {
				parts += s.GPUMillis
			}
			if s.HeldFrom < t0 || s.HeldTo > t0+short || s.HeldFrom >= s.HeldTo || s.GPUMillis < 0 || s.ActiveMillis < 0 {
				t.Fatalf("impossible segment %+v", s)
			}
		}
		if residue := h.Coverage.Expected - parts; residue != h.Coverage.Residue || residue < -4000 || residue > 4000 {
			t.Fatalf("parts sum to %d ms of %d, residue is %d", parts, h.Coverage.Expected, h.Coverage.Residue)
		}
	})
}

func TestContainersGetWhatTheyHeld(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		m := newMemory()
		sc := drawScene(t, 3)
		sc.render(m)
		got := byHolder(closeScene(t, m, 0, short))
		for _, h := range sc.holds {
			held := float64(min(h.to, short) - max(h.from, 0))
			if held <= 0 {
				continue
			}
			// A poll at each end, and at each end of a process; what nobody saw
			// because the process went before a scrape is missing, at most.
			slack := float64(2+2*len(sc.processes)) * 1000 * h.share
			g := got[h.uuid+" "+h.pod]
			if over := float64(g.gpu) - h.share*held; over > slack {
				t.Fatalf("%s on %s: %d ms, held %.0f × %g", h.pod, h.uuid, g.gpu, held, h.share)
			}
			if sc.watched(h) && float64(g.gpu) < h.share*held-slack {
				t.Fatalf("%s on %s: %d ms, held %.0f × %g", h.pod, h.uuid, g.gpu, held, h.share)
			}
		}
	})
}

// watched tells whether one process saw the container from before its birth
// until all scrapers had ten minutes for its last value.
func (sc scene) watched(h hold) bool {
	for _, p := range sc.processes {
		if p.from <= h.from && max(min(h.to, short), 0)+8*minute < p.to {
			return true
		}
	}
	return false
}

func closeScene(t *rapid.T, m *memory, from, to int64) usage.Hour {
	c, err := gputally.New(gputally.Config{Cluster: "c1", Reader: m})
	if err != nil {
		t.Fatal(err)
	}
	h, err := c.Hour(t.Context(), span(from, to))
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func TestCutsAddUpToTheWhole(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		length := rapid.Int64Range(1, hour).Draw(t, "length")
		amount := func(name string, most int64) int64 { return rapid.Int64Range(0, most).Draw(t, name) }
		s := usage.Segment{
			Pod: "p", HeldFrom: t0, HeldTo: t0 + length, Share: 0.5,
			GPUMillis: amount("gpu", hour), ActiveMillis: amount("active", hour), IdleMillis: amount("idle", hour),
			ObservedMillis: amount("observed", hour), EstimatedMillis: amount("estimated", hour),
			MemoryByteSeconds: amount("memory", 1<<60), EnergyMillijoules: amount("energy", 1<<60),
		}
		var want, got sums
		want.add(s)
		edges := rapid.SliceOfN(rapid.Int64Range(-10, length+10), 0, 5).Draw(t, "cuts")
		edges = append(edges, -10, length+10)
		slices.Sort(edges)
		for i := 1; i < len(edges); i++ {
			part, ok := s.Cut(t0+edges[i-1], t0+edges[i])
			if !ok {
				continue
			}
			got.add(part)
			if part.HeldFrom != max(s.HeldFrom, t0+edges[i-1]) || part.HeldTo != min(s.HeldTo, t0+edges[i]) || part.Pod != "p" || part.Share != 0.5 {
				t.Fatalf("cut %+v", part)
			}
		}
		if got != want {
			t.Fatalf("parts %+v, whole %+v, cut at %v", got, want, edges)
		}
	})
}
