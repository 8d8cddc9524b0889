package usage

import (
	"math"
	"sort"
)

// knot is a corner of a curve: at t the totals are v, and from t to the next
// knot the share is held.
type knot struct {
	t         int64 // Unix ms
	share     float64
	v         totals
	smooth    bool // scrapes since the knot before were left out, none of them odd
	estimated bool // from here nobody counted; the same holder was seen on both sides
}

// curve is the polyline of an epoch's totals; times strictly increase.
type curve []knot

// trace draws the curve through some of the epoch's points, into room.
func (e *epoch) trace(room curve, points []point) curve {
	first := &points[0]
	c := room[:0]
	if e.known {
		c = born(c, e.start, first)
	} else {
		c = append(c, knot{t: first.t, share: first.share, v: first.v})
	}
	for i := range points[1:] {
		if p := &points[1+i]; p.t > c[len(c)-1].t { // else the same poll once more
			c = c.extend(p)
		}
	}
	return c
}

// born draws from the start of an epoch to its first point.
func born(c curve, start int64, p *point) curve {
	if p.share == 0 {
		return bornAndOver(c, start, p)
	}
	// Growth came last: a hold of before the samples in view may have been less,
	// and a holding may wait before anything is counted.
	grown := p.v[held] * 1000
	began := p.t - lasted(grown/p.share)
	if more := grown - p.share*float64(p.t-start); began < start-slack && more <= (1-p.share)*float64(p.t-start) {
		// It held more before: the whole GPU, for as short as may be.
		until := start + lasted(math.Ceil(more/(1-p.share)))
		c = append(c, knot{t: start, share: 1})
		if until < p.t {
			part := (grown - p.share*float64(p.t-until)) / grown
			c = append(c, knot{t: until, share: p.share, v: between(totals{}, p.v, part)})
		}
		return append(c, knot{t: p.t, share: p.share, v: p.v})
	}
	if began > start+slack || began < start-slack || start >= p.t {
		if start < min(began, p.t) {
			c = append(c, knot{t: start, share: p.share})
		}
		start = began
	}
	if start < p.t {
		c = append(c, knot{t: start, share: p.share})
	}
	return append(c, knot{t: p.t, share: p.share, v: p.v})
}

// lasted rounds milliseconds; no process counts for more than 100,000 years.
func lasted(ms float64) int64 { return int64(math.Round(min(ms, 1<<52))) }

// bornAndOver draws a holding that is over at its first point: its life tells
// the share.
func bornAndOver(c curve, start int64, p *point) curve {
	grown := p.v[held] * 1000
	if grown == 0 {
		return append(c, knot{t: p.t, v: p.v})
	}
	end, share := p.end, 1.0
	if life := float64(end - start); life > 0 {
		// Start and end are whole milliseconds.
		share = simplest(grown/(life+1), grown/max(life-1, grown))
	} else {
		end = start + int64(math.Ceil(grown))
	}
	if late := end - p.t; late > 0 { // the node's clock is ahead
		start, end = start-late, end-late
	}
	c = append(c, knot{t: start, share: share})
	if end < p.t {
		c = append(c, knot{t: end, v: p.v})
	}
	return append(c, knot{t: p.t, v: p.v})
}

// extend draws from the last knot to p: straight, unless the share changed.
func (c curve) extend(p *point) curve {
	last := &c[len(c)-1]
	passed := float64(p.t - last.t)
	grown := (p.v[held] - last.v[held]) * 1000
	switch p.share {
	case last.share:
	case 0:
		end := p.end
		if end <= last.t || end > p.t+slack {
			end = last.t + lasted(grown/last.share)
		}
		if end <= last.t {
			last.share = 0
		} else if end < p.t {
			c = append(c, knot{t: end, v: p.v})
		}
	default:
		// grown = last.share × before + p.share × (passed − before)
		before := math.Round((grown - p.share*passed) / (last.share - p.share))
		switch {
		case before <= 0:
			last.share = p.share
		case before < passed:
			at := min(1, last.share*before/max(grown, 1e-9))
			c = append(c, knot{t: last.t + int64(before), share: p.share, v: between(last.v, p.v, at)})
		}
	}
	return append(c, knot{t: p.t, share: p.share, v: p.v, smooth: p.smooth})
}

// between returns the totals at a fraction of the way from a to b.
func between(a, b totals, at float64) totals {
	for q := range a {
		a[q] += (b[q] - a[q]) * at
	}
	return a
}

// last returns the last knot.
func (c curve) last() knot { return c[len(c)-1] }

// at returns the totals at t: before the curve its first, behind it its last.
func (c curve) at(t int64) totals { return c.splitAt(t, straight) }

// splitter returns the totals at a time between two knots.
type splitter func(t int64, a, b knot) totals

func straight(t int64, a, b knot) totals {
	return between(a.v, b.v, float64(t-a.t)/float64(b.t-a.t))
}

func (c curve) splitAt(t int64, split splitter) totals {
	i := sort.Search(len(c), func(i int) bool { return c[i].t > t })
	switch {
	case i == 0:
		return c[0].v
	case i == len(c) || c[i-1].t == t:
		return c[i-1].v
	}
	return split(t, c[i-1], c[i])
}

// knotSlab is room for the curves of one GPU, used again for the next.
type knotSlab struct{ room []knot }

// take returns room for n knots, of length 0.
func (s *knotSlab) take(n int) curve {
	if cap(s.room)-len(s.room) < n {
		s.room = make([]knot, 0, max(n, 2*cap(s.room))) // curves keep what they have
	}
	at := len(s.room)
	s.room = s.room[:at+n]
	return s.room[at : at : at+n]
}

func (s *knotSlab) reset() { s.room = s.room[:0] }
