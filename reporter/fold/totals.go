package fold

import (
	"math"
	"slices"

	"github.com/gputally/gputally/reporter/usage"
)

// totals are what was counted in all, by quantity; of a device the seconds of
// all its states, then of each.
type totals [Quantities]float64

// amounts are quantities in the units of a usage.Segment.
type amounts [Quantities]int64

// units are the units of a usage.Segment in one of the metric: milliseconds in a
// second, byte-seconds, millijoules in a joule.
var units = [Quantities]float64{Held: 1000, Active: 1000, Idle: 1000, Observed: 1000, Memory: 1, Energy: 1000}

// whole rounds totals to the units of a usage.Segment.
func (v totals) whole() (a amounts) {
	for q, unit := range units {
		a[q] = int64(math.Round(v[q] * unit))
	}
	return a
}

func (a *amounts) add(b amounts) {
	for q := range a {
		a[q] += b[q]
	}
}

// scrapeTotals is all that one scrape says.
type scrapeTotals struct {
	Scrape
	v totals
}

// fill makes the epoch's points of its scrapes.
func (e *epoch) fill(targets []TargetSeries, note noter) {
	since := slices.MinFunc(e.scrapes, func(a, b Scrape) int { return int(a.At - b.At) }).At
	fallen := false
	e.points = slices.Grow(e.points, len(e.scrapes))
	for i, s := range e.scrapes {
		p := scrapeTotals{Scrape: s, v: totals{Held: s.Value}}
		for q := Held + 1; q < len(p.v); q++ {
			// What is not known now is what it was: nothing is added.
			p.v[q], _ = targets[s.source].Total[q].latest(s.At, since, int(s.Index))
			if i > 0 {
				last := &e.points[i-1]
				fallen = fallen || last.source == s.source && (last.v[q]-p.v[q])*units[q] > 1
				p.v[q] = max(p.v[q], last.v[q])
			}
		}
		e.points = append(e.points, p)
	}
	if fallen && e.known {
		note(usage.OtherCounterFell)
	}
}

// fillShares replaces unknown shares by what the growth says.
func (e *epoch) fillShares() {
	share := math.NaN()
	for i := range e.points {
		p := &e.points[i]
		if !math.IsNaN(p.Share) {
			share = p.Share
			continue
		}
		if math.IsNaN(share) {
			share = e.slope(i)
		}
		if p.Share = share; e.flatAfter(i) {
			p.Share = 0
		}
	}
}

// slope is the share that explains the growth around point i.
func (e *epoch) slope(i int) float64 {
	p := e.points[i]
	var grown, passed float64
	switch {
	case i+1 < len(e.points):
		next := e.points[i+1]
		grown, passed = next.v[Held]-p.v[Held], float64(next.Time-p.Time)/1000
	case e.known:
		grown, passed = p.v[Held], float64(p.Time-e.start)/1000
	}
	if grown <= 0 || passed <= 0 {
		return 1
	}
	return simplest(grown/(passed+1), grown/max(passed-1, grown))
}

// flatAfter says whether the holding was over at point i: nothing grows after
// it, or, at the last, less grew before it than would have.
func (e *epoch) flatAfter(i int) bool {
	p := e.points[i]
	if i+1 < len(e.points) {
		return e.points[i+1].v[Held] == p.v[Held]
	}
	if i == 0 {
		return false
	}
	before := e.points[i-1]
	return (p.v[Held]-before.v[Held])*1000 < before.Share*float64(p.Time-before.Time)-slack
}

// simplest returns the fraction with the smallest denominator from low to high,
// at most 1. Shares are ratios of small whole numbers (slots held to slots
// offered, slices to sevenths), so that one measured over a short life is found
// exactly.
func simplest(low, high float64) float64 {
	if high >= 1 || low >= high {
		return min(1, high)
	}
	// Walk down the Stern-Brocot tree: a/b and c/d enclose the answer.
	a, b, c, d := 0.0, 1.0, 1.0, 1.0
	for range 1000 {
		m := (a + c) / (b + d)
		switch {
		case m < low:
			a, b = a+c, b+d
		case m > high:
			c, d = a+c, b+d
		default:
			return m
		}
	}
	return (low + high) / 2
}
