package usage

import (
	"math"
	"slices"
	"sort"

	"github.com/gputally/gputally/reporter/prom"
)

// target is one scraped process, or several one after the other.
type target struct {
	key   string
	start steps // Unix seconds
	age   ages
	// interval is the time between polls, in seconds.
	interval steps
	node     string
	job      string
	up       sighting

	former bool // it was seen before the window only
}

// lag is by how many ms what a scrape shows lies behind what happened: a poll
// finds what changed since the one before, half an interval late on average, so
// starts, ends and all that is counted come late by that. hint is of interval.
func (t *target) lag(at int64, hint *int) int64 {
	interval, ok := t.interval.at(at, hint)
	if !ok { // of a collector that does not tell
		return 0
	}
	return millis(interval / 2)
}

// ages are the times between polls and scrapes of one target, in little room:
// there are as many as scrapes, for all targets at once.
type ages struct {
	base    int64 // Unix ms
	entries []age
}

type age struct{ scrape, age uint32 } // ms after base; ms

// mostAge is the longest range of scrapes, and the largest age, in ms.
const mostAge = math.MaxUint32

func (a *ages) add(base int64, samples []prom.Sample) {
	a.base = base
	a.entries = slices.Grow(a.entries, len(samples))
	for _, p := range samples {
		if ms := millis(p.V); ms <= mostAge {
			a.entries = append(a.entries, age{uint32(p.T - base), uint32(ms)})
		}
	}
	byScrape := func(x, y age) int { return int(int64(x.scrape) - int64(y.scrape)) }
	if !slices.IsSortedFunc(a.entries, byScrape) {
		slices.SortStableFunc(a.entries, byScrape)
	}
}

// poll returns the time of the poll that the scrape at a time shows: the scrape's
// own where its age is not known. hint is moved to where the search for the next,
// later scrape may begin.
func (a *ages) poll(at int64, hint *int) int64 {
	i, scrape := *hint, at-a.base
	if i >= len(a.entries) || int64(a.entries[i].scrape) != scrape {
		i = sort.Search(len(a.entries), func(i int) bool { return int64(a.entries[i].scrape) >= scrape })
		if i == len(a.entries) || int64(a.entries[i].scrape) != scrape {
			return at
		}
	}
	*hint = i + 1
	return at - int64(a.entries[i].age)
}

// millis converts seconds.
func millis(seconds float64) int64 { return int64(math.Round(seconds * 1000)) }
