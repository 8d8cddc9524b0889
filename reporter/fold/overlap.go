package fold

import "cmp"

// countedByOthers is what the previous hour counted of later epochs while epoch i
// was out of its sight: from the last scrape of epoch i that both hours see, up to
// the window's begin. Epoch i counted that time, too, as a scrape shows that only
// this hour sees. all are the totals of the track's epochs.
func (f *gpuFold) countedByOthers(t *track, i int, all []edgeTotals) (sum amounts) {
	e, from := &t.epochs[i], f.span.from
	if i+1 == len(t.epochs) {
		return sum
	}
	reach := e.start
	if c := f.around(e, from); len(c) > 0 {
		reach = c.last().t
	} else if !e.known || reach < from-f.span.back {
		return sum // where the previous hour saw it last, nobody knows
	}
	if reach >= from || e.own().t <= from {
		return sum
	}
	reach = max(reach, e.counted)
	for j := i + 1; j < len(t.epochs) && reach < from; j++ {
		c := f.around(&t.epochs[j], from)
		if len(c) == 0 || c.last().t <= reach {
			continue
		}
		until := c.at(reach).whole()
		for q := range sum {
			sum[q] += max(0, all[j].opening[q]-until[q])
		}
		reach = c.last().t
	}
	return sum
}

// leaveOut leaves out what the previous hour counted of other epochs instead. has
// is what the epoch had counted at the window's begin, by all of its scrapes: if
// what the previous hour stored comes close to it, that hour counted the epoch.
func (b *edgeTotals) leaveOut(others, has amounts) {
	counted := b.opening[Held]+others[Held] > has[Held]+slack
	for q, more := range others {
		if counted {
			more = min(more, max(0, has[q]-b.opening[q]))
		}
		b.opening[q] = min(b.opening[q]+more, b.closing[q])
	}
}

// bridgeOutOfSight adds to c, an epoch's curve near an edge, the bridge that the
// hour before the edge lays from its last scrape to the next epoch, because it does
// not see that this one goes on.
func (f *gpuFold) bridgeOutOfSight(t *track, e *trackEpoch, c curve, at int64) curve {
	point := f.scratch.seen[len(f.scratch.seen)-1]
	last := &c[len(c)-1]
	if t.isDevice() || point.Share == 0 || last.t >= at {
		return c
	}
	after := false
	for i := range t.epochs {
		o := &t.epochs[i]
		if o.epoch == e.epoch {
			after = true
			continue
		}
		first, latest := f.inSight(o, at)
		if first == nil || latest.Time <= last.t {
			continue
		}
		if start := o.whole[0]; after && start.t > last.t && first.At-point.Time <= f.span.bridge {
			last.share, last.estimated = min(point.Share, cmp.Or(first.Share, start.share)), true
			end := knot{t: start.t, v: last.v}
			end.v[Held] += last.share * float64(start.t-last.t) / 1000
			return append(c, end)
		}
		return c // it counts up to the edge, or too much time passed
	}
	return c
}

// inSight returns the first and the last point of an epoch that both hours at an
// edge see, nil if there are none.
func (f *gpuFold) inSight(e *trackEpoch, at int64) (first, last *scrapeTotals) {
	for i := range e.points {
		if p := &e.points[i]; p.At >= at-f.span.back && p.At <= at+f.span.ahead {
			if first == nil {
				first = p
			}
			last = p
		}
	}
	return first, last
}
