package usage

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
)

// fold makes the segments of one window.
type fold struct {
	cluster  string
	pools    pools
	from, to int64 // the window, Unix ms
	view     view
	bridge   int64 // ms
	faults   faults

	segments []Segment
	coverage Coverage
}

// hour folds what was taken in, GPU by GPU: its containers first, because they
// tell what happened to the device between two scrapes and in its gaps.
func (f *fold) hour(in *intake) ([]Segment, Coverage) {
	keys := slices.SortedFunc(maps.Keys(in.tracks), func(a, b foldKey) int {
		return cmp.Or(cmp.Compare(a.uuid, b.uuid), cmp.Compare(a.pod, b.pod), cmp.Compare(a.container, b.container))
	})
	holdings := map[string][]foldKey{}
	for _, key := range keys {
		holdings[key.uuid] = append(holdings[key.uuid], key)
		if in.devices[key.uuid] == nil {
			in.devices[key.uuid] = &device{}
		}
	}
	for _, uuid := range slices.Sorted(maps.Keys(in.devices)) {
		d := in.devices[uuid]
		var h heldTime
		for _, key := range holdings[uuid] {
			f.container(in.tracks[key], d, &h)
		}
		f.device(uuid, d, &h)
	}
	slices.SortFunc(f.segments, Compare)
	c := &f.coverage
	c.Residue = c.Expected - c.Allocated - c.Unallocated - c.Unattributed - c.Unavailable - c.Uncovered
	return f.segments, f.coverage
}

// heldTime is what containers held of one device.
type heldTime struct {
	tracks    []track
	total     int64 // GPU-milliseconds
	estimated []stretch
}

// container makes the segments of one holding: runs of the same share.
func (f *fold) container(strands []*strand, d *device, h *heldTime) {
	var es epochs
	who := strands[0].holder
	for _, s := range strands {
		s.points(&es)
		if byName := cmp.Or(cmp.Compare(s.holder.namespace, who.namespace), cmp.Compare(s.holder.pod, who.pod)); byName < 0 {
			who = s.holder
		}
	}
	if len(es) == 0 {
		return
	}
	seg := f.blank(who.uuid, d)
	seg.State, seg.Namespace, seg.Pod, seg.PodUID, seg.Container = Allocated, who.namespace, who.pod, who.podUID, who.container
	t := newTrack(es, fmt.Sprintf("%s/%s/%s on %s", who.namespace, who.pod, who.container, who.uuid), f.faults)
	h.tracks = append(h.tracks, t)
	open := false
	for _, s := range f.stretches(t) {
		if s.share == 0 {
			continue
		}
		if !open || s.from != seg.HeldTo || s.share != seg.Share {
			if open {
				f.segments = append(f.segments, seg)
			}
			seg = seg.startAt(s)
			open = true
		}
		seg.extend(s)
		h.total += s.amount[held]
		f.coverage.Allocated += s.amount[held]
		if s.estimated {
			h.estimated = append(h.estimated, s)
			f.coverage.Estimated += s.amount[held]
		}
	}
	if open {
		f.segments = append(f.segments, seg)
	}
}

// blank is a segment of a GPU of which nothing is said yet.
func (f *fold) blank(uuid string, d *device) Segment {
	info, _ := d.info()
	return Segment{
		Cluster: f.cluster, UUID: uuid,
		Node: info.node, Model: info.model, NodePool: f.pools.of(info.node, info.model),
		Share: 1,
	}
}

// startAt is a segment of the same holder that begins with the stretch.
func (s Segment) startAt(st stretch) Segment {
	return Segment{
		Cluster: s.Cluster, Node: s.Node, NodePool: s.NodePool, UUID: s.UUID, Model: s.Model,
		State: s.State, Namespace: s.Namespace, Pod: s.Pod, PodUID: s.PodUID, Container: s.Container,
		HeldFrom: st.from, HeldTo: st.from, Share: st.share,
	}
}

// extend adds a stretch that begins where the segment ends.
func (s *Segment) extend(st stretch) {
	s.HeldTo = st.to
	s.GPUMillis += st.amount[held]
	s.ActiveMillis += st.amount[active]
	s.IdleMillis += st.amount[idle]
	s.ObservedMillis += st.amount[observed]
	s.MemoryByteSeconds += st.amount[memory]
	s.EnergyMillijoules += st.amount[energy]
	if st.estimated {
		s.EstimatedMillis += st.amount[held]
	}
}
