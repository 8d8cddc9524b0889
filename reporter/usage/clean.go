package usage

import "math"

// slack is by how much values may differ from what time and share demand, in
// milliseconds: a scrape may show a poll of a second ago, and clocks differ.
const slack = 2000

// clean returns the epoch without points that cannot be, as one or, where its
// value falls for good, more epochs.
func (e *epoch) clean(f faults, what string) epochs {
	points := e.points
	if e.known && float64(points[0].t-e.start)+slack < points[0].v[held]*1000 {
		if len(points) > 1 && points[1].v[held] < points[0].v[held] {
			f.note(faultFast, what)
			points = points[1:]
		} else {
			f.note(faultClock, what)
		}
	}
	kept := points[:1]
	for i := 1; i < len(points); i++ {
		p, last := points[i], kept[len(kept)-1]
		grown := (p.v[held] - last.v[held]) * 1000
		switch {
		case grown < -slack && (i+1 == len(points) || points[i+1].v[held] < last.v[held]):
			f.note(faultFell, what)
			rest := &epoch{start: p.t, points: points[i:]}
			return append(epochs{{e.start, e.known, kept}}, rest.clean(f, what)...)
		case grown < -slack:
			f.note(faultValue, what)
		case grown > float64(p.t-last.t)+slack:
			f.note(faultFast, what)
		default:
			for q := range p.v { // a little less is of another replica, by its own clock
				p.v[q] = max(p.v[q], last.v[q])
			}
			kept = append(kept, p)
		}
	}
	return epochs{{e.start, e.known, kept}}
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
