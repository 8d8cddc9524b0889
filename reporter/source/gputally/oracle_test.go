package gputally_test

import (
	"cmp"
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/gputally/gputally/collector/metric"
	"github.com/gputally/gputally/reporter/series"
)

// shot is what one scrape says of one holding. Times are Unix ms.
type shot struct {
	at, t      int64 // of the scrape, of the poll
	start, end int64 // end is 0 while it lasts
	held       float64
	share      float64
}

// shots collects what raw samples say of a pod: slow, obvious, and with no code
// of the package that is tested.
func shots(m *memory, pod string) []shot {
	value := func(f metric.Family, t int64, instance, pod string) float64 {
		for _, s := range m.series {
			if s.Labels.Get("__name__") == f.Name && s.Labels.Get("instance") == instance && s.Labels.Get("pod") == pod {
				for _, p := range s.Samples {
					if p.T == t {
						return p.V
					}
				}
			}
		}
		return 0
	}
	var all []shot
	m.each(metric.ContainerAllocatedSeconds, func(s *series.Series) {
		if s.Labels.Get("pod") != pod {
			return
		}
		for _, p := range s.Samples {
			instance := s.Labels.Get("instance")
			ms := func(f metric.Family, pod string) int64 { return int64(math.Round(1000 * value(f, p.T, instance, pod))) }
			all = append(all, shot{
				p.T, p.T - ms(metric.CollectorPollAge, ""),
				ms(metric.ContainerStartTime, pod), ms(metric.ContainerEndTime, pod),
				p.V * 1000, value(metric.ContainerShare, p.T, instance, pod),
			})
		}
	})
	slices.SortFunc(all, func(a, b shot) int { return cmp.Or(cmp.Compare(a.start, b.start), cmp.Compare(a.t, b.t)) })
	return all
}

// heldUntil is the GPU-ms that a process had counted at a time, from its shots.
func heldUntil(x int64, life []shot) float64 {
	first, last := life[0], life[len(life)-1]
	switch {
	case x <= first.start:
		return 0
	case x >= last.t:
		return last.held
	case x < first.t && first.share == 0: // it lived for a share that its life tells
		return first.held * min(1, float64(x-first.start)/float64(first.end-first.start))
	case x < first.t && math.Abs(first.held/first.share-float64(first.t-first.start)) < 2000.5: // as good as one share
		return first.held * float64(x-first.start) / float64(first.t-first.start)
	case x < first.t: // and it held the whole GPU at first, if it can't be otherwise
		return max(0, min(float64(x-first.start), first.held-first.share*float64(first.t-x)))
	}
	i := slices.IndexFunc(life, func(s shot) bool { return s.t > x })
	a, b := life[i-1], life[i]
	fromLeft := a.held + a.share*float64(x-a.t)
	fromRight := b.held - b.share*float64(b.t-x)
	switch {
	case b.share == 0 && a.share > 0 && b.end > a.t:
		return a.held + (b.held-a.held)*min(1, float64(x-a.t)/float64(b.end-a.t))
	case a.share > b.share: // first steep, then flat
		return min(fromLeft, fromRight)
	case a.share < b.share:
		return max(fromLeft, fromRight)
	}
	return a.held + (b.held-a.held)*float64(x-a.t)/float64(b.t-a.t)
}

// heldFor is the GPU-ms that a pod held from one time to another: what its
// processes counted, and what bridges the gaps between them.
func heldFor(m *memory, pod string, from, to int64) (counted, bridged float64) {
	var lives [][]shot
	for _, s := range shots(m, pod) {
		if n := len(lives); n > 0 && lives[n-1][0].start == s.start {
			lives[n-1] = append(lives[n-1], s)
		} else {
			lives = append(lives, []shot{s})
		}
	}
	for i, life := range lives {
		counted += heldUntil(to, life) - heldUntil(from, life)
		if i+1 == len(lives) {
			break
		}
		last, next := life[len(life)-1], lives[i+1][0]
		share := min(last.share, next.share)
		if life := float64(next.end - next.start); next.share == 0 && life > 0 {
			share = min(last.share, next.held/life)
		}
		if next.at-last.t <= 5*minute {
			bridged += share * float64(max(0, min(to, next.start)-max(from, last.t)))
		}
	}
	return counted, bridged
}

func TestEveryHoldingIsWhatASlowAndObviousReadingSays(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		m := newMemory()
		sc := drawScene(t, 3)
		sc.without = ""
		for i := range sc.holds {
			if h := &sc.holds[i]; rapid.IntRange(0, 2).Draw(t, "share changes") == 0 {
				h.changed = h.from + rapid.Int64Range(1, h.to-h.from).Draw(t, "changed")
				h.then = h.share / float64(rapid.IntRange(2, 4).Draw(t, "part"))
			}
		}
		sc.render(m)
		from := rapid.Int64Range(-2*minute, 5*minute).Draw(t, "from")
		to := from + rapid.Int64Range(1, short).Draw(t, "for")
		got := byHolder(closeScene(t, m, from, to))
		for _, h := range sc.holds {
			counted, bridged := heldFor(m, h.pod, t0+from, t0+to)
			want, holder := counted+bridged, got["GPU-a "+h.pod]
			// Times are whole milliseconds, and a share that changed is found from them.
			if off := float64(holder.gpu) - want; math.Abs(off) > 3 {
				t.Fatalf("%s: %d ms, the samples say %.3f: %v %+v", h.pod, holder.gpu, want, shots(m, h.pod)[:3], h)
			}
			// The scene is active for half of what it held, and uses 100 W.
			for _, beside := range [][2]float64{
				{float64(holder.active), counted / 2},
				{float64(holder.idle), counted / 4},
				{float64(holder.observed), counted},
				{float64(holder.byteSeconds) / 1e6, counted},
				{float64(holder.mJ) / 100, counted},
			} {
				if math.Abs(beside[0]-beside[1]) > 3 {
					t.Fatalf("%s: %+v, the samples say %.3f without what bridges", h.pod, holder, counted)
				}
			}
		}
	})
}
