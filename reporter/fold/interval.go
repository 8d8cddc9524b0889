package fold

import (
	"cmp"
	"math"
	"slices"

	"github.com/gputally/gputally/reporter/usage"
)

// interval is a part of a track with one share, inside the window.
type interval struct {
	from, to  int64 // Unix ms
	share     float64
	amount    amounts // growth by quantity
	estimated bool    // nobody counted here; the same holder was seen on both sides
	smooth    bool    // scrapes inside were left out, none of them odd
	late      bool    // held before the window, and stands here only to be counted
}

// intervals cuts a track at the edges of the window, stores its edges, and
// returns what is inside, in the order of time, with the GPU-milliseconds that
// are left out because a bridge has charged them. The intervals are valid until
// the next call.
func (f *gpuFold) intervals(t *track) (all []interval, paid int64) {
	all = f.scratch.intervals[:0]
	stored := f.scratch.totals[:0]
	for i := range t.epochs {
		stored = append(stored, f.edgeTotals(t, i))
		f.storeEdges(t, i, stored[i])
	}
	f.scratch.totals = stored
	var debt bridgeDebt
	for i := range t.epochs {
		e, totals := &t.epochs[i], stored[i]
		ahead, knownBefore := t.chargedAhead(i, totals), totals.opening[Held] != 0
		if e.counted > e.whole[0].t {
			totals.skip(e.whole.at(e.counted).whole())
		}
		if others := f.countedByOthers(t, i, stored); others != (amounts{}) {
			totals.leaveOut(others, e.whole.at(f.span.from).whole())
		}
		totals.orderBegin()
		debt.payBack(&totals, knownBefore)
		debt.add(ahead)
		if totals.begin[Held]-totals.opening[Held] > slack {
			f.notes.Add(usage.LateCounted, t.name)
		}
		all = f.cut(all, e, totals)
	}
	byTime := func(a, b interval) int { return cmp.Compare(a.from, b.from) }
	if !slices.IsSortedFunc(all, byTime) {
		slices.SortStableFunc(all, byTime)
	}
	f.scratch.intervals = all
	return all, debt.paid
}

// cut appends the intervals of an epoch inside the window: what was counted, and
// estimated, between any two knots, in the order of time, and what was held
// before the window and is counted only now. Their amounts sum to the growth
// from opening to closing.
func (f *gpuFold) cut(all []interval, e *trackEpoch, b edgeTotals) []interval {
	c := e.whole
	from, to := max(f.span.from, e.counted, c[0].t), min(f.span.to, c.last().t)
	if from >= to {
		return f.cutLate(all, e, b.opening, b.closing)
	}
	all = f.cutLate(all, e, b.opening, b.begin)
	s := interval{from: from}
	last := b.begin
	for i := range c {
		k := &c[i]
		if k.t >= to {
			s.smooth = k.smooth
			break
		}
		if k.t > from {
			v := k.v.whole()
			for q := range v {
				v[q] = min(max(v[q], last[q]), b.closing[q])
			}
			s.smooth = k.smooth
			all = append(all, s.grow(k.t, last, v))
			s.from, last = k.t, v
		}
		s.share, s.estimated = k.share, k.estimated
	}
	return append(all, s.grow(to, last, b.closing))
}

// grow is the interval up to a time, in which totals grew.
func (s interval) grow(to int64, a, b amounts) interval {
	s.to = to
	for q := range b {
		s.amount[q] = b[q] - a[q]
	}
	if s.share == 0 && s.amount[Held] > 0 { // it came back and went between two scrapes
		s.share = min(1, float64(s.amount[Held])/float64(s.to-s.from))
	}
	return s
}

// cutLate appends, at the window's begin, what an epoch held before that and is
// counted only now. What it counted itself comes before what bridges a gap.
func (f *gpuFold) cutLate(all []interval, e *trackEpoch, opening, closing amounts) []interval {
	if opening == closing {
		return all
	}
	s := interval{from: f.span.from, late: true}
	for i := range e.points {
		s.share = max(s.share, e.points[i].Share)
	}
	if s.share == 0 {
		s.share = 1
	}
	lasting := func(a, b amounts) int64 {
		return min(f.span.to, f.span.from+max(1, lasted(math.Ceil(float64(b[Held]-a[Held])/s.share))))
	}
	if e.bridged && closing[Held] > opening[Held] {
		if own := e.own().v.whole()[Held]; own < closing[Held] {
			middle := closing
			middle[Held] = max(own, opening[Held])
			if middle != opening {
				all = append(all, s.grow(lasting(opening, middle), opening, middle))
			}
			s.estimated, opening = true, middle
		}
	}
	return append(all, s.grow(lasting(opening, closing), opening, closing))
}
