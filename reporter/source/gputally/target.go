package gputally

import (
	"math"
	"slices"

	"github.com/gputally/gputally/reporter/series"
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
	// own are labels of the target with names that a collector writes: they are in the
	// series of its start, into which it writes none.
	own     []series.Label
	renamed bool // Prometheus renamed its node

	former bool // it was seen before the window only
	driver bool // it has a driver of GPUs

	starts, ages, intervals, nodes tally // the samples of its families
	gpus                           int   // how many it lists
}

// owns tells whether the target has a label of its own.
func (t *target) owns(name string) bool {
	return slices.ContainsFunc(t.own, func(l series.Label) bool { return l.Name == name })
}

// full is how many samples the fullest of the target's families has. One scrape
// brings all of them.
func (t *target) full() int {
	return max(t.starts.count, t.ages.count, t.intervals.count, t.nodes.count)
}

// lag is how late a scrape shows what happened, in ms: a poll finds what changed
// since the previous poll, half an interval late on average, and so starts, ends and
// all that is counted come late. hint is where to look in interval.
func (t *target) lag(at int64, hint *int) int64 {
	if len(t.interval) == 0 { // of a collector that does not say it
		return 0
	}
	interval, ok := t.interval.at(at, hint)
	if !ok { // it seldom changes
		interval = t.interval[*hint].v
	}
	return millis(interval / 2)
}

// millis converts seconds.
func millis(seconds float64) int64 { return int64(math.Round(seconds * 1000)) }
