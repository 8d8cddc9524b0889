package usage

import (
	"math"
	"slices"
)

// totals are cumulative values of a container by quantity. Those of a device
// are the seconds of all its states, then of each.
type totals [6]float64

// point is all that one scrape says.
type point struct {
	mark
	v totals
}

// fill makes the epoch's points of its marks.
func (e *epoch) fill(strands []*strand, note func(code Code)) {
	since := slices.MinFunc(e.marks, func(a, b mark) int { return int(a.at - b.at) }).at
	fallen := false
	e.points = slices.Grow(e.points, len(e.marks))
	for i, m := range e.marks {
		p := point{mark: m, v: totals{held: m.value}}
		for q := held + 1; q < len(p.v); q++ {
			// What is not known now is what it was: nothing is added.
			p.v[q], _ = strands[m.source].total[q].before(m.at, since, int(m.index))
			if i > 0 {
				last := &e.points[i-1]
				fallen = fallen || last.source == m.source && (last.v[q]-p.v[q])*units[q] > 1
				p.v[q] = max(p.v[q], last.v[q])
			}
		}
		e.points = append(e.points, p)
	}
	if fallen && e.known {
		note(OtherCounterFell)
	}
}

// fillShares replaces unknown shares by what the growth says.
func (e *epoch) fillShares() {
	share := math.NaN()
	for i := range e.points {
		p := &e.points[i]
		if !math.IsNaN(p.share) {
			share = p.share
			continue
		}
		if math.IsNaN(share) {
			share = e.slope(i)
		}
		if p.share = share; e.flatAfter(i) {
			p.share = 0
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
		grown, passed = next.v[held]-p.v[held], float64(next.t-p.t)/1000
	case e.known:
		grown, passed = p.v[held], float64(p.t-e.start)/1000
	}
	if grown <= 0 || passed <= 0 {
		return 1
	}
	return simplest(grown/(passed+1), grown/max(passed-1, grown))
}

// flatAfter tells whether the holding was over at point i: nothing grows after
// it, or, at the last, less grew before it than would have.
func (e *epoch) flatAfter(i int) bool {
	p := e.points[i]
	if i+1 < len(e.points) {
		return e.points[i+1].v[held] == p.v[held]
	}
	if i == 0 {
		return false
	}
	before := e.points[i-1]
	return (p.v[held]-before.v[held])*1000 < before.share*float64(p.t-before.t)-slack
}

// simplest returns the fraction with the smallest denominator from low to high,
// at most 1. Shares are ratios of small whole numbers (slots held to slots
// offered, slices to sevenths), so that one measured over a short life can be
// told exactly.
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
