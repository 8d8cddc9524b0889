package usage

// booking is what an hour counts of one epoch: what that had counted in all at
// the window's end, less what it had at its begin.
type booking struct {
	opening, closing amounts
	begin            amounts // at the window's begin as the samples say, from opening to closing
	missing          int64   // GPU-ms at the window's end, by the samples, that what is booked leaves out
}

// booking makes the booking of a life. What the hours beside the window have
// booked goes before what the samples say now.
func (f *fold) booking(t *track, i int) booking {
	l := &t.lives[i]
	begin, end := f.total(t, l, f.from), f.total(t, l, f.to)
	opening, opened := f.opening(t, i, begin)
	closing, closed := f.closing(t, i, end)
	b := booking{opening: opening, closing: closing, begin: begin, missing: max(0, end[held]-closing[held])}
	if begin == (amounts{}) {
		b.begin = l.whole.at(f.from).whole()
	}
	contradict := false
	for q := range begin {
		if off := b.opening[q] - b.closing[q]; off > 0 { // what is booked stands
			contradict = contradict || opened == closed && off > max(slack, b.opening[q]/1000)
			if closed && !opened {
				b.opening[q] = b.closing[q]
			}
			b.closing[q] = b.opening[q]
		}
	}
	if contradict {
		f.faults.Add(EdgeContradicted, t.what)
	}
	f.book(t, i, b)
	foreseen := t.foreseen(i, b)
	late := b.opening[held] == 0 // the hour before did not know it
	if l.counted > l.whole[0].t {
		b.skip(l.whole.at(l.counted).whole())
	}
	for q := range b.begin {
		b.begin[q] = min(max(b.begin[q], b.opening[q]), b.closing[q])
	}
	t.charged.settle(&b, late)
	t.charged.add(foreseen)
	if b.begin[held]-b.opening[held] > slack {
		f.faults.Add(LateCounted, t.what)
	}
	return b
}

// skip leaves out what an epoch counted up to some totals, because another one
// did so too. What is booked has it all the same: how far the other one counted
// depends on the hour that looks.
func (b *booking) skip(up amounts) {
	for q := range up {
		b.opening[q] = min(max(b.opening[q], up[q]), b.closing[q])
	}
}

// opening is what the hour before has booked. An epoch that began since the hour
// before did, and of which that did not know, was counted nowhere. One that is
// older may have been counted in hours before: then the samples decide.
func (f *fold) opening(t *track, i int, computed amounts) (total amounts, booked bool) {
	l := &t.lives[i]
	before := f.before
	if f.far != nil && len(f.around(l, f.from)) == 0 {
		before = f.far
	}
	if before == nil || !l.known && i != t.lastUnknown(f.from) {
		return computed, false
	}
	if total, ok := before.Find(t.uuid, t.key.pod, t.key.container, l.name()); ok && (l.known || l.reaches(total)) {
		return total, true
	}
	if !l.known {
		return computed, false
	}
	if i == 0 && l.beganBefore(f.from) { // the hour before may not have known the start
		if total, ok := before.Find(t.uuid, t.key.pod, t.key.container, 0); ok && l.reaches(total) {
			return total, true
		}
	}
	if l.start >= f.began && l.beganBefore(f.from) {
		return amounts{}, true
	}
	if before == f.before && computed[held] > slack && !t.isDevice() {
		f.faults.Add(EarlierNotCounted, t.what)
	}
	return computed, false
}

// closing is what the hour after has booked.
func (f *fold) closing(t *track, i int, computed amounts) (total amounts, booked bool) {
	l := &t.lives[i]
	if !l.known && i != t.lastUnknown(f.to) {
		return computed, false
	}
	if total, ok := f.neighbours.After.Find(t.uuid, t.key.pod, t.key.container, l.name()); ok {
		return total, true
	}
	return computed, false
}

// name is what names the epoch in an Edge. An unknown start is 0: of a track's
// epochs without one only that at the edge is booked.
func (e *epoch) name() int64 {
	if e.known {
		return e.start
	}
	return 0
}

// reaches tells whether the life's seconds held can have been at a total.
func (l *life) reaches(total amounts) bool { return total[held] <= l.whole.last().v.whole()[held] }

// beganBefore tells whether there may be something to count before an edge.
func (l *life) beganBefore(edge int64) bool {
	return l.whole[0].t < edge || l.known && l.start < edge
}

// lastUnknown is the last epoch without start that began before an edge, or -1.
func (t *track) lastUnknown(edge int64) int {
	for i := len(t.lives) - 1; i >= 0; i-- {
		if l := &t.lives[i]; !l.known && l.beganBefore(edge) {
			return i
		}
	}
	return -1
}

// book notes the totals that the hours beside the window shall use.
func (f *fold) book(t *track, i int, b booking) {
	l := &t.lives[i]
	e := Edge{UUID: t.uuid, Pod: t.key.pod, Container: t.key.container, Start: l.name()}
	if l.beganBefore(f.from) && (l.known || i == t.lastUnknown(f.from)) {
		e.Total = b.opening
		f.part.Opening = append(f.part.Opening, e)
	}
	last := &l.points[len(l.points)-1]
	// What ended so long ago is shown to no later window.
	over := last.share == 0 && last.at < min(f.from, f.to-f.back)
	if l.beganBefore(f.to) && (l.known || i == t.lastUnknown(f.to)) && !over {
		e.Total = b.closing
		f.part.Closing = append(f.part.Closing, e)
	}
}
