package usage

import "math"

// track is the life of a holding, or of a device, over all its epochs.
type track struct {
	epochs epochs
	what   string // its name in exceptions
	split  splitter
}

// newTrack puts collected epochs in order and leaves out what cannot be.
func newTrack(es epochs, what string, f faults) track {
	es.sort()
	var clean epochs
	for _, e := range es {
		clean = append(clean, e.clean(f, what)...)
	}
	for _, e := range clean {
		e.fillShares()
	}
	return track{clean, what, straight}
}

// stretch is a part of a track with one share, inside the window.
type stretch struct {
	from, to  int64 // Unix ms
	share     float64
	amount    [6]int64 // growth by quantity, in the units of a Segment
	estimated bool     // nobody counted here; the same holder was seen on both sides
}

// stretches cuts the track to the window: what was counted, between any two
// knots, and the gaps that may be bridged, in the order of time. Cut anywhere
// at whole milliseconds, the amounts of the pieces sum to those of the whole.
func (f *fold) stretches(t track) []stretch {
	var all []stretch
	counted := int64(math.MinInt64) // up to here epochs before have counted,
	var latest *epoch               // this one last
	for _, e := range t.epochs {
		c := e.trace(e.points)
		first, last := c[0], c[len(c)-1]
		switch {
		case latest == nil:
		case first.t > counted:
			all = append(all, f.bridgeGap(latest, e, counted, first)...)
		case first.t < counted-slack && last.t > f.from && first.t < f.to && counted > f.from:
			f.faults.note(faultOverlap, t.what)
		}
		all = append(all, f.clip(t, e, c, counted)...)
		if last.t > counted {
			counted, latest = last.t, e
		}
	}
	return all
}

// clip cuts the curve of an epoch to the window and to what is not yet counted.
func (f *fold) clip(t track, e *epoch, c curve, counted int64) []stretch {
	from, to := max(f.from, counted, c[0].t), min(f.to, c[len(c)-1].t)
	if from >= to {
		return nil
	}
	begin, end := c.at(from), c.at(to)
	if from == f.from {
		begin = f.edge(t, e, c, from)
	}
	if to == f.to {
		end = f.edge(t, e, c, to)
	}
	for q := range end {
		if end[q] < begin[q] {
			f.faults.note(faultEdge, t.what)
			end[q] = begin[q]
		}
	}
	all := make([]stretch, 0, len(c)+1)
	last := knot{t: from, v: begin}
	for _, k := range c {
		if k.t > from && k.t < to {
			for q := range k.v {
				k.v[q] = min(max(k.v[q], last.v[q]), end[q])
			}
			all = append(all, grow(last, k))
			last = k
		} else if k.t <= from {
			last.share = k.share
		}
	}
	return append(all, grow(last, knot{t: to, v: end}))
}

// edge returns an epoch's totals at an edge of the window, such that the window
// on the other side of it finds the same.
func (f *fold) edge(t track, e *epoch, whole curve, at int64) totals {
	if c := e.around(at, f.view); len(c) > 0 {
		return c.splitAt(at, t.split)
	}
	return whole.at(at) // no more than one of the two knows anything
}

// grow is the stretch between two knots.
func grow(a, b knot) stretch {
	s := stretch{from: a.t, to: b.t, share: a.share}
	for q, unit := range units {
		s.amount[q] = int64(math.Round(b.v[q]*unit)) - int64(math.Round(a.v[q]*unit))
	}
	if s.share == 0 && s.amount[held] > 0 { // it came back and went between two scrapes
		s.share = min(1, float64(s.amount[held])/float64(s.to-s.from))
	}
	return s
}

// units are the units of a Segment in one of the metric: milliseconds in a
// second, byte-seconds, millijoules in a joule.
var units = [6]float64{held: 1000, active: 1000, idle: 1000, observed: 1000, memory: 1, energy: 1000}

// bridgeGap returns the part of a gap inside the window as an estimate, if the
// holding lasted on both sides. The time from the last poll before to the first
// scrape after decides, not the start: then both hours beside an edge in the gap
// see both.
func (f *fold) bridgeGap(before, after *epoch, from int64, next knot) []stretch {
	last, first := before.points[len(before.points)-1], after.points[0]
	share := min(last.share, next.share)
	if share == 0 || first.at-last.t > f.bridge {
		return nil
	}
	lo, hi := max(from, f.from), min(next.t, f.to)
	if lo >= hi {
		return nil
	}
	charged := func(t int64) int64 { return int64(math.Round(share * float64(t-from))) }
	s := stretch{from: lo, to: hi, share: share, estimated: true}
	s.amount[held] = charged(hi) - charged(lo)
	return []stretch{s}
}
