package gputally_test

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/gputally/gputally/reporter/usage"
)

// twoCollectors meter a container side by side, the second one from a time on.
// Scrapes of the first are missing from one time to another.
func twoCollectors(second, lostFrom, lostTo int64) *memory {
	m := newMemory()
	sc := oneNode(hold{uuid: "GPU-a", pod: "p", share: 0.5, from: -hour, to: 2 * hour})
	sc.processes = []process{{"a", -2 * hour, 3 * hour}}
	sc.scrapers[0].lost = func(at int64) bool { return lostFrom < at && at < lostTo }
	sc.render(m)
	sc.processes = []process{{"b", second, 3 * hour}}
	sc.scrapers[0].lost = nil
	sc.render(m)
	return m
}

// While one collector is out of the previous hour's sight, another one on its node
// counts. What that one counted is not counted again when the first is seen next.
func TestWhatAnotherCollectorCountedIsNotCountedAgain(t *testing.T) {
	t.Parallel()
	for what, m := range map[string]*memory{
		"both are seen before":                     twoCollectors(-50*minute+300, 55*minute, 66*minute),
		"the second comes after the last scrape":   twoCollectors(57*minute+300, 55*minute, 66*minute),
		"the second comes after the hour":          twoCollectors(61*minute+300, 55*minute, 66*minute),
		"the first is seen by both hours":          twoCollectors(-50*minute+300, 55*minute, 64*minute),
		"the first is not seen for the whole hour": twoCollectors(-50*minute+300, 55*minute, 3*hour),
	} {
		first := closeHour(t, m, 0, usage.Neighbours{})
		next := closeHour(t, m, 1, usage.Neighbours{})
		for order, hours := range map[string][2]whole{
			"one after the other": {first, closeHour(t, m, 1, first.before())},
			"the next one first":  {closeHour(t, m, 0, usage.Neighbours{After: table(next.Opening)}), next},
			"each by itself":      {first, next},
		} {
			got := [2]int64{byHolder(hours[0].Hour)["GPU-a p"].gpu, byHolder(hours[1].Hour)["GPU-a p"].gpu}
			if got[0]+got[1] != hour {
				t.Errorf("%s, %s: %d ms held, %d in each hour, want %d", what, order, got[0]+got[1], got, hour)
			}
		}
	}
}

// Collectors overlap, each of them is out of sight for a while, and hours meet
// near that. None is out of sight for as long as both hours at an edge see, 15
// minutes: then nobody knows where the previous hour saw it last. Where one is out of
// sight for longer than an hour looks back, the hours are closed one after the other:
// else free time after the edge is uncovered until the hour is restated.
func TestHoursAddUpWhileCollectorsAreOutOfSight(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		m := newMemory()
		sc := oneNode(hold{uuid: "GPU-a", pod: "p", share: 1 / float64(rapid.IntRange(1, 3).Draw(t, "slots")), from: -30 * minute, to: 3 * short})
		at, longest := -hour, int64(0)
		for _, instance := range []string{"a", "b", "c"}[:rapid.IntRange(2, 3).Draw(t, "collectors")] {
			at += rapid.Int64Range(1, 50*minute).Draw(t, "after")
			gone := rapid.Int64Range(-5*minute, 2*short).Draw(t, "out of sight")
			back := gone + rapid.Int64Range(0, 14*minute).Draw(t, "for")
			longest = max(longest, back-gone)
			sc.processes = []process{{instance, at, at + 3*hour}}
			sc.scrapers[0].lost = func(at int64) bool { return gone < at && at < back }
			sc.render(m)
		}
		b := drawBooks(t, 1)
		b.own = 2 * second // where two overlap, which one counts is told by the second
		b.closeAll(m, longest <= 9*minute)
		b.mustBe("in some order", closeScene(t, m, 0, 2*short))
	})
}
