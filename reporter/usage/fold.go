package usage

import (
	"cmp"
	"fmt"
	"math"
	"slices"
)

// fold makes segments and edges of what was taken in. Its room is used again for
// every piece.
type fold struct {
	cluster     string
	pools       nodePools
	from, to    int64 // the window, Unix ms
	since       int64 // begin of the hour before, Unix ms
	back, ahead int64 // how far around an edge both neighbouring hours see, ms
	bridge      int64 // ms
	neighbours  Neighbours
	all         bool // keep every mark; for tests

	faults   Notes
	part     Part
	coverage Coverage
	there    nodesUntil
	roster   *roster

	// Of the GPU at hand: what the hour before has booked, for all that counts and
	// for what no sample near the edge tells of, and since when that may not know
	// what began.
	before, far *EdgeTable
	began       int64

	epochs    pool
	marks     []mark
	curves    knotSlab
	seen      []point
	near      curve
	stretches []stretch
	holdings  []Holding // that checkShares looks at
	thinner   thinner
	asked     []int64 // times at which the device asks what its holders had
}

// piece folds what was taken in, GPU by GPU. The part is valid until the next
// call.
func (f *fold) piece(in *intake) Part {
	f.faults = in.faults
	f.part = Part{f.part.Segments[:0], f.part.Opening[:0], f.part.Closing[:0]}
	for _, uuid := range sortedKeys(in.gpus) {
		f.gpu(in.gpus[uuid])
	}
	return f.part
}

// gpu folds one GPU: its containers first, because they tell what happened to
// the device between two scrapes and in its gaps.
func (f *fold) gpu(g *gpu) {
	f.epochs.reset()
	f.curves.reset()
	first := [3]int{len(f.part.Segments), len(f.part.Opening), len(f.part.Closing)}
	slices.SortFunc(g.holdings, func(a, b *holding) int {
		return cmp.Or(cmp.Compare(a.key.pod, b.key.pod), cmp.Compare(a.key.container, b.key.container))
	})
	place := f.roster.place(g.uuid)
	f.goOn(g.uuid)
	where, agree := g.info()
	blank := Segment{
		Cluster: f.cluster, UUID: g.uuid, Node: where.node, Model: where.model, NodePool: f.pools.of(where.node, where.model), Share: 1,
	}
	device := f.layDevice(g)
	var h heldTime
	for _, o := range g.holdings {
		f.holding(o, blank, &h)
	}
	if (len(g.strands) > 0 || len(h.tracks) > 0) && (where.node == "" || where.model == "") {
		f.faults.Add(GPUInfoMissing, g.uuid)
	}
	if last := lastSeen(&device, &h); last > 0 {
		if place >= 0 {
			f.roster.seen[place] = true
		}
		if last < f.from {
			f.part.Closing = append(f.part.Closing, sayUnseen(g.uuid, min(f.began, last)))
		}
	}
	if !agree {
		f.faults.Add(GPUInfoAmbiguous, g.uuid)
	}
	f.checkShares(f.part.Segments[first[0]:])
	f.device(&sight{gpu: g, track: &device, was: place >= 0}, blank, &h)
	slices.SortFunc(f.part.Segments[first[0]:], Compare)
	slices.SortFunc(f.part.Opening[first[1]:], CompareEdges)
	slices.SortFunc(f.part.Closing[first[2]:], CompareEdges)
}

// lastSeen is the time of the last scrape that tells of a GPU, Unix ms, 0 if none
// does.
func lastSeen(device *track, h *heldTime) int64 {
	last := device.lastSeen()
	for i := range h.tracks {
		last = max(last, h.tracks[i].lastSeen())
	}
	return last
}

func (t *track) lastSeen() int64 {
	last := int64(0)
	for i := range t.lives {
		points := t.lives[i].points
		last = max(last, points[len(points)-1].at)
	}
	return last
}

// goOn looks up from where the GPU counts on. One that the hour before did not
// see counts from what was carried, and what began since it was seen last is
// booked nowhere.
func (f *fold) goOn(uuid string) {
	n := &f.neighbours
	f.before, f.began, f.far = n.Before, f.since, nil
	if n.Before == nil {
		f.far = n.Carried
	}
	for _, table := range [...]*EdgeTable{n.Before, n.Carried} {
		if since, ok := table.Find(uuid, "", "", unseen); ok {
			f.before, f.began, f.far = table, min(f.since, since[0]), nil
			return
		}
	}
}

// heldTime is what containers held of one device.
type heldTime struct {
	tracks    []track
	total     int64     // GPU-milliseconds
	late      int64     // of those, held before the window
	settled   int64     // counted in the window, but charged already where an hour bridged a gap
	estimated []stretch // with what was held before the window
}

// metered is what was held before the window, but for what is estimated.
func (h *heldTime) metered() int64 {
	late := h.late
	for _, s := range h.estimated {
		if s.late {
			late -= s.amount[held]
		}
	}
	return late
}

// holding makes the segments of one holding: runs of the same share.
func (f *fold) holding(o *holding, blank Segment, h *heldTime) {
	t := track{
		key: o.key, uuid: o.name.uuid, split: straight,
		what: fmt.Sprintf("%s/%s/%s on %s", o.name.namespace, o.name.pod, o.name.container, o.name.uuid),
	}
	note := func(code Code) { f.faults.Add(code, t.what) }
	f.layTrack(&t, o.strands, func(s *strand, place int) []mark { return s.marks(f.marks[:0], place, note) })
	if len(t.lives) == 0 {
		return
	}
	h.tracks = append(h.tracks, t)
	blank.State, blank.Namespace, blank.Pod, blank.PodUID, blank.Container = Allocated, o.name.namespace, o.name.pod, o.name.podUID, o.name.container
	f.rows(&t, blank, h)
}

// rows makes the segments of a holder of its track.
func (f *fold) rows(t *track, blank Segment, h *heldTime) {
	first := len(f.part.Segments)
	var beside beside
	var lasted int64
	for _, s := range f.cutTrack(t) {
		h.note(s)
		if s.late || s.share == 0 {
			beside.note(s)
			continue
		}
		lasted += s.amount[held]
		rows := f.part.Segments[first:]
		if n := len(rows); n == 0 || s.from != rows[n-1].HeldTo || s.share != rows[n-1].Share {
			f.part.Segments = append(f.part.Segments, blank.startAt(s))
		}
		f.part.Segments[len(f.part.Segments)-1].extend(s)
	}
	h.settled += t.charged.settled
	if lasted > f.to-f.from+slack {
		f.faults.Add(HeldTooLong, t.what)
	}
	if beside.amount != (amounts{}) {
		if len(f.part.Segments) == first {
			f.part.Segments = append(f.part.Segments, beside.row(blank, f.from))
		}
		f.part.Segments[first].count(beside.amount)
		f.part.Segments[first].EstimatedMillis += beside.estimated
	}
	for _, s := range f.part.Segments[first:] {
		f.coverage.Allocated += s.GPUMillis
		f.coverage.Estimated += s.EstimatedMillis
	}
}

// beside is what a holder gets without time of its own in the window: what it
// held before and is counted only now, and what it used after its end. It is
// added to the holder's first row.
type beside struct {
	amount    amounts
	estimated int64
	to        int64 // until when it would have been held, Unix ms; 0 for nothing held
	share     float64
}

func (b *beside) note(s stretch) {
	b.amount.add(s.amount)
	if s.estimated {
		b.estimated += s.amount[held]
	}
	if s.amount[held] > 0 && b.to == 0 {
		b.to, b.share = s.to, s.share
	}
}

// row is a row for a holder that has none.
func (b *beside) row(blank Segment, from int64) Segment {
	blank.HeldFrom, blank.HeldTo, blank.Share = from, b.to, b.share
	if b.to == 0 {
		blank.HeldTo, blank.Share = from+1, 1
	}
	return blank
}

// layTrack puts a track together from what strands say.
func (f *fold) layTrack(t *track, strands []*strand, marks func(s *strand, place int) []mark) {
	slices.SortFunc(strands, func(a, b *strand) int { return cmp.Compare(a.key, b.key) })
	note := func(code Code) { f.faults.Add(code, t.what) }
	var es, clean []*epoch
	for place, s := range strands {
		f.marks = marks(s, place)
		es = f.epochs.sortIn(es, f.marks)
	}
	sortEpochs(es)
	for _, e := range es {
		clean = f.epochs.clean(e, clean, note)
	}
	f.thinner.device = t.isDevice()
	f.thinner.edges = append(f.thinner.edges[:0], f.from, f.to, math.MinInt64)
	f.thinner.edges = append(f.thinner.edges, f.asked...)
	for _, e := range clean {
		counted := e.marks[len(e.marks)-1].t
		if !f.all {
			f.thinner.thin(e, strands[e.marks[0].source].falls)
		}
		f.thinner.edges[2] = max(f.thinner.edges[2], counted)
		e.fill(strands, note)
		e.fillShares()
	}
	bridge := f.bridge
	if t.isDevice() { // its holders are bridged
		bridge = -1
	}
	f.lay(t, clean, bridge)
}

// cutTrack returns the stretches of a track inside the window, in the order of
// time. They are valid until the next call.
func (f *fold) cutTrack(t *track) []stretch {
	f.stretches = f.stretches[:0]
	for i := range t.lives {
		f.stretches = f.cut(f.stretches, &t.lives[i], f.booking(t, i))
	}
	byTime := func(a, b stretch) int { return cmp.Compare(a.from, b.from) }
	if !slices.IsSortedFunc(f.stretches, byTime) {
		slices.SortStableFunc(f.stretches, byTime)
	}
	return f.stretches
}

func (h *heldTime) note(s stretch) {
	h.total += s.amount[held]
	if s.late {
		h.late += s.amount[held]
	}
	if s.estimated {
		h.estimated = append(h.estimated, s)
	}
}

// startAt is a segment of the same holder that begins with the stretch.
func (s Segment) startAt(st stretch) Segment {
	s.HeldFrom, s.HeldTo, s.Share = st.from, st.from, st.share
	return s
}

// extend adds a stretch that begins where the segment ends.
func (s *Segment) extend(st stretch) {
	s.HeldTo = st.to
	s.count(st.amount)
	if st.estimated {
		s.EstimatedMillis += st.amount[held]
	}
}

// count adds amounts.
func (s *Segment) count(a amounts) {
	s.GPUMillis += a[held]
	s.ActiveMillis += a[active]
	s.IdleMillis += a[idle]
	s.ObservedMillis += a[observed]
	s.MemoryByteSeconds += a[memory]
	s.EnergyMillijoules += a[energy]
}

func (a *amounts) add(b amounts) {
	for q := range a {
		a[q] += b[q]
	}
}
