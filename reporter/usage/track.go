package usage

import (
	"cmp"
	"math"
)

// track is the life of a holding, or of a device, over all its epochs.
type track struct {
	key   foldKey // zero for a device
	uuid  string
	what  string // its name in exceptions
	lives []life
	split splitter

	charged charge
}

func (t *track) isDevice() bool { return t.key == (foldKey{}) }

// life is an epoch as it counts in its track.
type life struct {
	*epoch
	whole   curve // through all its points, and over the bridge
	counted int64 // up to here, Unix ms, epochs before have counted
	bridged bool  // whole has one more knot, where a bridge to the next epoch ends
}

// amounts are quantities in the units of a Segment.
type amounts [6]int64

// units are the units of a Segment in one of the metric: milliseconds in a
// second, byte-seconds, millijoules in a joule.
var units = [6]float64{held: 1000, active: 1000, idle: 1000, observed: 1000, memory: 1, energy: 1000}

// whole rounds totals to the units of a Segment.
func (v totals) whole() (a amounts) {
	for q, unit := range units {
		a[q] = int64(math.Round(v[q] * unit))
	}
	return a
}

// lay lays the epochs end to end, so that no time counts twice, and bridges the
// gaps between them that may be.
func (f *fold) lay(t *track, es []*epoch, bridge int64) {
	counted, latest := int64(math.MinInt64), -1 // which one counted up to there
	for _, e := range es {
		c := e.trace(f.curves.take(len(e.points)+4), e.points)
		first, last := c[0], c[len(c)-1]
		switch {
		case latest < 0:
		case first.t > counted:
			t.lives[latest].bridgeTo(first.t, e.points[0].at, cmp.Or(e.points[0].share, first.share), bridge)
		case first.t < counted-slack && last.t > f.from && first.t < f.to && counted > f.from:
			f.faults.Add(TwoCollectors, t.what)
		}
		t.lives = append(t.lives, life{epoch: e, whole: c, counted: counted})
		if last.t > counted {
			counted, latest = last.t, len(t.lives)-1
		}
	}
}

// bridgeTo charges a gap in which nobody counted, up to the start of the next
// epoch, at the smaller of the shares before and after, if the holding lasted on
// both sides and no more than most ms passed. The time from the last poll before
// to the first scrape after decides, not the start: then both hours beside an
// edge in the gap see both.
func (l *life) bridgeTo(start, scraped int64, share float64, most int64) {
	last := &l.whole[len(l.whole)-1]
	point := l.points[len(l.points)-1]
	share = min(point.share, share)
	if share == 0 || scraped-point.t > most {
		return
	}
	last.share, last.estimated = share, true
	end := knot{t: start, v: last.v}
	end.v[held] += share * float64(start-last.t) / 1000
	l.whole, l.bridged = append(l.whole, end), true
}

// own is the last knot of what the epoch counted itself.
func (l *life) own() knot {
	if l.bridged {
		return l.whole[len(l.whole)-2]
	}
	return l.whole.last()
}

// around draws the curve near an edge of a window, from nothing but the start
// and the points that both neighbouring hours see; it is empty if there are none.
// It is valid until the next call.
func (f *fold) around(l *life, at int64) curve {
	f.seen = f.seen[:0]
	for i := range l.points {
		if p := &l.points[i]; p.at >= at-f.back && p.at <= at+f.ahead {
			f.seen = append(f.seen, *p)
		}
	}
	if len(f.seen) == 0 {
		return nil
	}
	f.near = l.trace(f.near, f.seen)
	return f.near
}

// total returns what a life has counted in all at an edge of the window, such
// that the window on the other side of it finds the same.
func (f *fold) total(t *track, l *life, at int64) amounts {
	c := f.around(l, at)
	if len(c) == 0 { // no more than one of the two knows anything
		if l.known && l.start >= at-f.back && l.start < at && l.points[0].t > at {
			return amounts{} // not the one before: it is too early for a scrape
		}
		return l.whole.at(at).whole()
	}
	if own := l.own(); l.bridged && c.last().t == own.t {
		c = append(append(c[:len(c)-1], own), l.whole.last())
	}
	return c.splitAt(at, t.split).whole()
}

// stretch is a part of a track with one share, inside the window.
type stretch struct {
	from, to  int64 // Unix ms
	share     float64
	amount    amounts // growth by quantity
	estimated bool    // nobody counted here; the same holder was seen on both sides
	smooth    bool    // scrapes inside were left out, none of them odd
	late      bool    // held before the window, and stands here only to be counted
}

// cut appends the stretches of a life inside the window: what was counted, and
// estimated, between any two knots, in the order of time, and what was held
// before the window and is counted only now. Their amounts sum to the growth
// from opening to closing.
func (f *fold) cut(all []stretch, l *life, b booking) []stretch {
	c := l.whole
	from, to := max(f.from, l.counted, c[0].t), min(f.to, c.last().t)
	if from >= to {
		return f.cutLate(all, l, b.opening, b.closing)
	}
	all = f.cutLate(all, l, b.opening, b.begin)
	s := stretch{from: from}
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

// grow is the stretch up to a time, in which totals grew.
func (s stretch) grow(to int64, a, b amounts) stretch {
	s.to = to
	for q := range b {
		s.amount[q] = b[q] - a[q]
	}
	if s.share == 0 && s.amount[held] > 0 { // it came back and went between two scrapes
		s.share = min(1, float64(s.amount[held])/float64(s.to-s.from))
	}
	return s
}

// cutLate appends, at the window's begin, what a life held before that and is
// counted only now. What it counted itself comes before what bridges a gap.
func (f *fold) cutLate(all []stretch, l *life, opening, closing amounts) []stretch {
	if opening == closing {
		return all
	}
	s := stretch{from: f.from, late: true}
	for i := range l.points {
		s.share = max(s.share, l.points[i].share)
	}
	if s.share == 0 {
		s.share = 1
	}
	lasting := func(a, b amounts) int64 {
		return min(f.to, f.from+max(1, lasted(math.Ceil(float64(b[held]-a[held])/s.share))))
	}
	if l.bridged && closing[held] > opening[held] {
		if own := l.own().v.whole()[held]; own < closing[held] {
			middle := closing
			middle[held] = max(own, opening[held])
			if middle != opening {
				all = append(all, s.grow(lasting(opening, middle), opening, middle))
			}
			s.estimated, opening = true, middle
		}
	}
	return append(all, s.grow(lasting(opening, closing), opening, closing))
}
