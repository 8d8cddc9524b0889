package fold

import "github.com/gputally/gputally/reporter/usage"

// edgeTotals is what an epoch had counted in all at the edges of the window. The
// hour counts the difference.
type edgeTotals struct {
	opening, closing amounts // at the window's begin and end
	begin            amounts // at the window's begin as the samples say, from opening to closing
	missing          int64   // GPU-ms at the window's end, by the samples, that closing leaves out
	unknown          bool    // opening is the first scrape, and nothing is known of the window's begin
}

// edgeTotals works out the totals of epoch i of a track. What the neighbouring
// hours have stored goes before what the samples say now.
func (f *gpuFold) edgeTotals(t *track, i int) edgeTotals {
	e := &t.epochs[i]
	begin, end := f.total(t, e, f.span.from), f.total(t, e, f.span.to)
	opening, opened := f.opening(t, i, begin)
	closing, closed := f.closing(t, i, end)
	b := edgeTotals{opening: opening, closing: closing, begin: begin, missing: max(0, end[Held]-closing[Held])}
	if begin == (amounts{}) {
		b.begin = e.whole.at(f.span.from).whole()
	}
	f.beginLate(t, i, opened, &b)
	contradict := false
	for q := range begin {
		if off := b.opening[q] - b.closing[q]; off > 0 { // what is stored stands
			contradict = contradict || opened == closed && off > max(slack, b.opening[q]/1000)
			if closed && !opened {
				b.opening[q] = b.closing[q]
			}
			b.closing[q] = b.opening[q]
		}
	}
	if contradict {
		f.notes.Add(usage.EdgeContradicted, t.name)
	}
	return b
}

// opening is the total at the window's begin, and whether it is stored. An epoch
// that began after the previous hour did, and that the previous hour did not
// store, was not counted yet. An older one may have been counted in earlier
// hours: there the samples decide.
func (f *gpuFold) opening(t *track, i int, computed amounts) (total amounts, stored bool) {
	e := &t.epochs[i]
	table := f.before.near
	if f.before.far != nil && (len(f.around(e, f.span.from)) == 0 || i == 0 && f.beginsLate(t)) {
		table = f.before.far
	}
	if table == nil || !e.known && i != t.lastUnknown(f.span.from) {
		return computed, false
	}
	if total, ok := table.Find(t.uuid, t.key.Pod, t.key.Container, e.edgeStart()); ok && (e.known || e.reaches(total)) {
		return total, true
	}
	if !e.known {
		return computed, false
	}
	if i == 0 && e.beganBefore(f.span.from) { // the previous hour may not have known the start
		if total, ok := table.Find(t.uuid, t.key.Pod, t.key.Container, 0); ok && e.reaches(total) {
			return total, true
		}
	}
	if e.start >= f.before.since && e.beganBefore(f.span.from) {
		return amounts{}, true
	}
	if table == f.before.near && computed[Held] > slack && !t.isDevice() {
		f.notes.Add(usage.EarlierNotCounted, t.name)
	}
	return computed, false
}

// closing is the total at the window's end, and whether the next hour has stored
// it.
func (f *gpuFold) closing(t *track, i int, computed amounts) (total amounts, stored bool) {
	e := &t.epochs[i]
	if !e.known && i != t.lastUnknown(f.span.to) {
		return computed, false
	}
	if total, ok := f.span.neighbours.After.Find(t.uuid, t.key.Pod, t.key.Container, e.edgeStart()); ok {
		return total, true
	}
	return computed, false
}

// storeEdges adds the totals to the edges that the neighbouring hours shall use.
func (f *gpuFold) storeEdges(t *track, i int, b edgeTotals) {
	e := &t.epochs[i]
	edge := usage.Edge{UUID: t.uuid, Pod: t.key.Pod, Container: t.key.Container, Start: e.edgeStart()}
	if !b.unknown && e.beganBefore(f.span.from) && (e.known || i == t.lastUnknown(f.span.from)) {
		edge.Total = b.opening
		f.part.Opening = append(f.part.Opening, edge)
	}
	last := e.lastPoint()
	// What ended so long ago is shown to no later window.
	over := last.Share == 0 && last.At < min(f.span.from, f.span.to-f.span.back)
	unknown := b.unknown && e.points[0].Time > f.span.to
	if !unknown && e.beganBefore(f.span.to) && (e.known || i == t.lastUnknown(f.span.to)) && !over {
		edge.Total = b.closing
		f.part.Closing = append(f.part.Closing, edge)
	}
}

// skip leaves out what an epoch counted up to some totals, because an earlier one
// counted that time too. The stored edges keep it: how far the other one counted
// depends on the hour that looks.
func (b *edgeTotals) skip(up amounts) {
	for q := range up {
		b.opening[q] = min(max(b.opening[q], up[q]), b.closing[q])
	}
}

// orderBegin brings the total at the window's begin between the edges.
func (b *edgeTotals) orderBegin() {
	for q := range b.begin {
		b.begin[q] = min(max(b.begin[q], b.opening[q]), b.closing[q])
	}
}
