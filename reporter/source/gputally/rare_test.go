package gputally_test

import (
	"slices"
	"testing"

	"github.com/gputally/gputally/collector/metric"
	"github.com/gputally/gputally/reporter/series"
	"github.com/gputally/gputally/reporter/usage"
)

// rare is what happened to a node, whose first two hours are closed in some way.
type rare struct {
	scene scene
	spoil func(*memory)             // after the scene was scraped; may be nil
	close func(*rareBooks, *memory) // the two hours
}

// rareBooks are the two hours of a rare case.
type rareBooks struct {
	t     *testing.T
	hours [2]whole
}

func (b *rareBooks) close(i int, r series.Reader, n usage.Neighbours) {
	b.t.Helper()
	b.hours[i] = closeHour(b.t, r, int64(i), n)
}

// inOrder closes both, one after the other.
func (b *rareBooks) inOrder(first, second series.Reader) {
	b.close(0, first, usage.Neighbours{})
	b.close(1, second, b.hours[0].before())
}

// Whatever the hours see, and in whatever order they see it, what they charge is
// what the two are charged for when they are closed as one.
func TestTwoHoursAreOneInRareCases(t *testing.T) {
	t.Parallel()
	oneHold := func(share float64, ps ...process) scene {
		sc := oneNode(hold{uuid: "GPU-a", pod: "p", share: share, from: -hour, to: 2 * hour})
		sc.processes = ps
		return sc
	}
	nameless := oneHold(1, process{"a", -5 * hour, 55 * minute}, process{"a", 55*minute + second, 4 * hour})
	nameless.without = metric.ContainerStartTime.Name

	lost := oneHold(0.25, process{"a", -2 * hour, 56 * minute}, process{"a", 57 * minute, 3 * hour})
	lost.holds[0].changed, lost.holds[0].then = 53*minute, 1
	lost.scrapers[0].lost = func(at int64) bool { return 52*minute < at && at < 58*minute }
	other := lost.scrapers[0]
	other.replica, other.lost = "b", nil
	lost.scrapers = append(lost.scrapers, other)

	three := oneHold(0.5, process{"a", -2 * hour, 57 * minute}, process{"b", 58 * minute, 60*minute + 20*second}, process{"a", 60*minute + 30*second, 3 * hour})
	three.holds = []hold{
		{uuid: "GPU-a", pod: "p", share: 0.5, from: -hour, to: 57*minute + 10*second},
		{uuid: "GPU-a", pod: "p", share: 1, from: 57*minute + 10*second, to: 60*minute + 25*second},
		{uuid: "GPU-a", pod: "p", share: 0.5, from: 60*minute + 25*second, to: 3 * hour},
	}

	far := oneHold(0.5, process{"a", -5 * hour, 5 * hour})
	far.holds[0].from = 40 * minute
	far.scrapers[0].lost = func(at int64) bool { return 45*minute < at && at < 70*minute }

	for name, test := range map[string]rare{
		"an overlapping collector is seen late": {
			scene: oneHold(1, process{"a", -2 * hour, 58 * minute}, process{"b", 52 * minute, 3 * hour}),
			close: func(b *rareBooks, m *memory) { b.inOrder(without(m, "b", 0), m) },
		},
		"a collector starts anew before the edge, and starts are not known": {
			scene: nameless,
			close: func(b *rareBooks, m *memory) {
				b.inOrder(m, m)
				b.close(0, m, usage.Neighbours{After: table(b.hours[1].Opening)})
			},
		},
		"starts are known since the edge": {
			scene: oneHold(1, process{"a", 10 * minute, 45 * minute}, process{"a", 61 * minute, 3 * hour}),
			spoil: func(m *memory) {
				m.each(metric.ContainerStartTime, func(s *series.Series) {
					s.Samples = slices.DeleteFunc(s.Samples, func(p series.Sample) bool { return p.T < t0+60*minute })
				})
			},
			close: func(b *rareBooks, m *memory) { b.inOrder(m, m) },
		},
		"the samples of a replica are gone when the first is restated beside the second": {
			scene: lost,
			close: func(b *rareBooks, m *memory) {
				b.inOrder(m, m)
				b.close(0, without(m, "ab", -3*hour), usage.Neighbours{After: table(b.hours[1].Opening)})
			},
		},
		"who counted in a bridged gap is seen in part, then in full": {
			scene: three,
			close: func(b *rareBooks, m *memory) {
				b.inOrder(without(m, "b", 0), without(m, "b", 0))
				b.close(0, without(m, "b", 59*minute), usage.Neighbours{After: table(b.hours[1].Opening)})
				b.close(1, m, b.hours[0].before())
			},
		},
		"the second is restated behind a long gap, and the first beside it": {
			scene: far,
			close: func(b *rareBooks, m *memory) {
				b.inOrder(m, m)
				b.close(1, m, b.hours[0].carried())
				b.close(0, m, usage.Neighbours{After: table(b.hours[1].Opening)})
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := newMemory()
			test.scene.render(m)
			if test.spoil != nil {
				test.spoil(m)
			}
			b := &rareBooks{t: t}
			test.close(b, m)
			got := byHolder(b.hours[0].Hour, b.hours[1].Hour)["GPU-a p"]
			if want := byHolder(closed(t, m, 0, 2*hour))["GPU-a p"]; got.gpu != want.gpu {
				t.Errorf("%d ms in two hours, %d in one", got.gpu, want.gpu)
			}
		})
	}
}
