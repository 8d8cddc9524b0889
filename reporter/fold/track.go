package fold

import (
	"cmp"
	"math"
	"slices"

	"github.com/gputally/gputally/reporter/usage"
)

// track is all epochs of a holding, or of a device, in the order of time.
type track struct {
	key    HolderKey // zero for a device
	uuid   string
	name   string // in findings
	epochs []trackEpoch
	split  splitter // between two scrapes in sight of an edge
	far    splitter // where none is; a device's
}

func (t *track) isDevice() bool { return t.key == (HolderKey{}) }

// trackEpoch is an epoch as it counts in its track.
type trackEpoch struct {
	*epoch
	whole   curve // through all its points, and over the bridge
	counted int64 // up to here, Unix ms, earlier epochs have counted
	bridged bool  // whole has one more knot, where a bridge to the next epoch ends
}

// track puts a track together from what the targets say. asked are times near
// which scrapes must be kept.
func (f *gpuFold) track(t *track, targets []TargetSeries, asked []int64) {
	note := func(code usage.Code) { f.notes.Add(code, t.name) }
	sc := f.scratch
	var raw, clean []*epoch
	for place := range targets {
		scrapes := targets[place].Scrapes
		for i := range scrapes {
			scrapes[i].source = int32(place)
		}
		raw = sc.epochs.sortIn(raw, scrapes)
	}
	sortEpochs(raw)
	for _, e := range raw {
		clean = sc.epochs.clean(e, clean, note)
	}
	sc.thinner.device = t.isDevice()
	sc.thinner.edges = append(sc.thinner.edges[:0], f.span.from, f.span.to, math.MinInt64)
	sc.thinner.edges = append(sc.thinner.edges, asked...)
	for _, e := range clean {
		counted := e.scrapes[len(e.scrapes)-1].Time
		if !f.span.keepAll {
			sc.thinner.thin(e, targets[e.scrapes[0].source].Falls)
		}
		sc.thinner.edges[2] = max(sc.thinner.edges[2], counted)
		e.fill(targets, note)
		e.fillShares()
	}
	bridge := f.span.bridge
	if t.isDevice() { // its holders are bridged
		bridge = -1
	}
	f.lay(t, clean, bridge)
}

// lay lays the epochs end to end, so that no time counts twice, and bridges the
// gaps between them that may be bridged.
func (f *gpuFold) lay(t *track, all []*epoch, bridge int64) {
	counted, latest := int64(math.MinInt64), -1 // which one counted up to there
	for _, e := range all {
		c := e.trace(f.scratch.curves.take(len(e.points)+4), e.points)
		first, last := c[0], c[len(c)-1]
		switch {
		case latest < 0:
		case first.t > counted:
			t.epochs[latest].bridgeTo(first.t, e.points[0].At, cmp.Or(e.points[0].Share, first.share), bridge)
		case first.t < counted-slack && last.t > f.span.from && first.t < f.span.to && counted > f.span.from:
			f.notes.Add(usage.TwoCollectors, t.name)
		}
		t.epochs = append(t.epochs, trackEpoch{epoch: e, whole: c, counted: counted})
		if last.t > counted {
			counted, latest = last.t, len(t.epochs)-1
		}
	}
}

// bridgeTo charges a gap in which nobody counted, up to the start of the next
// epoch, at the smaller of the shares before and after, if the holding lasted on
// both sides and no more than most ms passed. The time from the last poll before
// to the first scrape after decides, not the start: so both hours at an edge in
// the gap see both.
func (e *trackEpoch) bridgeTo(start, scraped int64, share float64, most int64) {
	last := &e.whole[len(e.whole)-1]
	point := e.lastPoint()
	share = min(point.Share, share)
	if share == 0 || scraped-point.Time > most {
		return
	}
	last.share, last.estimated = share, true
	end := knot{t: start, v: last.v}
	end.v[Held] += share * float64(start-last.t) / 1000
	e.whole, e.bridged = append(e.whole, end), true
}

func (e *epoch) lastPoint() *scrapeTotals { return &e.points[len(e.points)-1] }

// own is the last knot of what the epoch counted itself.
func (e *trackEpoch) own() knot {
	if e.bridged {
		return e.whole[len(e.whole)-2]
	}
	return e.whole.last()
}

// reaches says whether the epoch's seconds held can have been at a total.
func (e *trackEpoch) reaches(total amounts) bool {
	return total[Held] <= e.whole.last().v.whole()[Held]
}

// beganBefore says whether there may be something to count before an edge.
func (e *trackEpoch) beganBefore(edge int64) bool {
	return e.whole[0].t < edge || e.known && e.start < edge
}

// lastUnknown is the last epoch without a start that began before an edge, or -1.
func (t *track) lastUnknown(edge int64) int {
	for i := range slices.Backward(t.epochs) {
		if e := &t.epochs[i]; !e.known && e.beganBefore(edge) {
			return i
		}
	}
	return -1
}

// lastSeen is the time of the last scrape, Unix ms, 0 without any.
func (t *track) lastSeen() int64 {
	last := int64(0)
	for i := range t.epochs {
		last = max(last, t.epochs[i].lastPoint().At)
	}
	return last
}

// around draws an epoch's curve near an edge of a window, from nothing but the
// start and the points that both neighbouring hours see; it is empty if there are
// none. It is valid until the next call.
func (f *gpuFold) around(e *trackEpoch, at int64) curve {
	sc := f.scratch
	sc.seen = sc.seen[:0]
	for i := range e.points {
		if p := &e.points[i]; p.At >= at-f.span.back && p.At <= at+f.span.ahead {
			sc.seen = append(sc.seen, *p)
		}
	}
	if len(sc.seen) == 0 {
		return nil
	}
	sc.near = e.trace(sc.near, sc.seen)
	return sc.near
}

// total returns what an epoch has counted in all at an edge of the window, such
// that the hour on the other side of it finds the same.
func (f *gpuFold) total(t *track, e *trackEpoch, at int64) amounts {
	c := f.around(e, at)
	if len(c) == 0 { // no more than one of the two hours knows anything
		if e.known && e.start >= at-f.span.back && e.start < at && e.points[0].Time > at {
			return amounts{} // the previous hour knows nothing: it is too early for a scrape
		}
		return e.whole.at(at).whole()
	}
	if own := e.own(); c.last().t < own.t {
		c = f.bridgeOutOfSight(t, e, c, at)
	} else if e.bridged && c.last().t == own.t {
		c = append(append(c[:len(c)-1], own), e.whole.last())
	}
	return c.splitAt(at, t.split).whole()
}
