package fold

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
func (e *epoch) trace(room curve, points []scrapeTotals) curve {
	first := &points[0]
	c := room[:0]
	if e.known {
		c = born(c, e.start, first)
	} else {
		c = append(c, knot{t: first.Time, share: first.Share, v: first.v})
	}
	for i := range points[1:] {
		if p := &points[1+i]; p.Time > c[len(c)-1].t { // else the same poll once more
			c = c.extend(p)
		}
	}
	return c
}

// born draws from the start of an epoch to its first point.
func born(c curve, start int64, p *scrapeTotals) curve {
	if p.Share == 0 {
		return bornAndOver(c, start, p)
	}
	// Growth came last: a hold of before the samples in view may have been less,
	// and a holding may wait before anything is counted.
	grown := p.v[Held] * 1000
	began := p.Time - lasted(grown/p.Share)
	if more := grown - p.Share*float64(p.Time-start); began < start-slack && more <= (1-p.Share)*float64(p.Time-start) {
		// It held more before: the whole GPU, for as short as may be.
		until := start + lasted(math.Ceil(more/(1-p.Share)))
		c = append(c, knot{t: start, share: 1})
		if until < p.Time {
			part := (grown - p.Share*float64(p.Time-until)) / grown
			c = append(c, knot{t: until, share: p.Share, v: between(totals{}, p.v, part)})
		}
		return append(c, knot{t: p.Time, share: p.Share, v: p.v})
	}
	if began > start+slack || began < start-slack || start >= p.Time {
		if start < min(began, p.Time) {
			c = append(c, knot{t: start, share: p.Share})
		}
		start = began
	}
	if start < p.Time {
		c = append(c, knot{t: start, share: p.Share})
	}
	return append(c, knot{t: p.Time, share: p.Share, v: p.v})
}

// lasted rounds milliseconds; no process counts for more than 100,000 years.
func lasted(ms float64) int64 { return int64(math.Round(min(ms, 1<<52))) }

// bornAndOver draws a holding that is over at its first point: the growth over
// its life is its share.
func bornAndOver(c curve, start int64, p *scrapeTotals) curve {
	grown := p.v[Held] * 1000
	if grown == 0 {
		return append(c, knot{t: p.Time, v: p.v})
	}
	end, share := p.End, 1.0
	if life := float64(end - start); life > 0 && life+slack >= grown { // else it was charged for longer, as an estimate
		// Start and end are whole milliseconds.
		share = simplest(grown/(life+1), grown/max(life-1, grown))
	} else {
		end = start + int64(math.Ceil(grown))
	}
	if late := end - p.Time; late > 0 { // the node's clock is ahead
		start, end = start-late, end-late
	}
	c = append(c, knot{t: start, share: share})
	if end < p.Time {
		c = append(c, knot{t: end, v: p.v})
	}
	return append(c, knot{t: p.Time, v: p.v})
}

// extend draws from the last knot to p: straight, unless the share changed.
func (c curve) extend(p *scrapeTotals) curve {
	last := &c[len(c)-1]
	passed := float64(p.Time - last.t)
	grown := (p.v[Held] - last.v[Held]) * 1000
	switch p.Share {
	case last.share:
	case 0:
		end := p.End
		charged := float64(end-last.t)*last.share+slack >= grown // else for longer, as an estimate
		if end <= last.t || end > p.Time+slack || !charged {
			end = last.t + lasted(grown/last.share)
		}
		if end <= last.t {
			last.share = 0
		} else if end < p.Time {
			c = append(c, knot{t: end, v: p.v})
		}
	default:
		// grown = last.share × before + p.Share × (passed − before)
		before := math.Round((grown - p.Share*passed) / (last.share - p.Share))
		switch {
		case before <= 0:
			last.share = p.Share
		case before < passed:
			at := min(1, last.share*before/max(grown, 1e-9))
			c = append(c, knot{t: last.t + int64(before), share: p.Share, v: between(last.v, p.v, at)})
		}
	}
	return append(c, knot{t: p.Time, share: p.Share, v: p.v, smooth: p.smooth})
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

// knotArena is room for the curves of one GPU, used again for the next.
type knotArena struct{ room []knot }

// take returns room for n knots, of length 0.
func (s *knotArena) take(n int) curve {
	if cap(s.room)-len(s.room) < n {
		s.room = make([]knot, 0, max(n, 2*cap(s.room))) // curves keep what they have
	}
	at := len(s.room)
	s.room = s.room[:at+n]
	return s.room[at : at : at+n]
}

func (s *knotArena) reset() { s.room = s.room[:0] }
