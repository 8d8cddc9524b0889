package usage

import (
	"fmt"
	"math"
)

// device makes the rows of a GPU's time that no container held, and holds the
// parts against each other.
func (f *fold) device(uuid string, d *device, h *heldTime) {
	var es epochs
	d.points(&es)
	if len(es) == 0 {
		if h.total > 0 {
			f.faults.note(faultNoDevice, uuid)
		}
		return
	}
	info, agree := d.info()
	if info.node == "" || info.model == "" {
		f.faults.note(faultNoInfo, uuid)
	}
	if !agree {
		f.faults.note(faultTwoInfos, uuid)
	}
	var counted []stretch
	t := newTrack(es, uuid, f.faults)
	t.split = f.splitByHolders(h)
	for _, s := range f.stretches(t) {
		if !s.estimated { // a device is not bridged, its holders are
			counted = append(counted, s)
		}
	}
	from, to := f.presence(d, t)
	if from >= to {
		return
	}
	var sum [1 + len(states)]int64
	orphaned := orphans(counted, h)
	for i, state := range states {
		row := stateRow(f.blank(uuid, d), state, 1+i, counted)
		if state == Unattributed && orphaned > 0 {
			row = merged(row, stateRow(f.blank(uuid, d), state, 1, counted), orphaned)
		}
		sum[1+i] = row.GPUMillis
		if state != Allocated && row.GPUMillis > 0 {
			f.segments = append(f.segments, row)
		}
	}
	uncovered := f.uncovered(f.blank(uuid, d), gaps(from, to, counted), h)
	f.coverage.Expected += to - from
	f.coverage.Unallocated += sum[2]
	f.coverage.Unattributed += sum[3]
	f.coverage.Unavailable += sum[4]
	f.coverage.Uncovered += uncovered
	f.prove(uuid, to-from, sum, uncovered, h)
}

// splitByHolders tells what the states of a device were between two of its
// scrapes from what its containers held there: their ends are known, where the
// device shows only sums.
func (f *fold) splitByHolders(h *heldTime) splitter {
	return func(t int64, a, b knot) totals {
		var before, all float64 // what containers held from a to t, and to b
		for _, holding := range h.tracks {
			for _, e := range holding.epochs {
				if c := e.around(t, f.view); len(c) > 0 {
					from := c.at(a.t)[held]
					before += c.at(t)[held] - from
					all += c.at(b.t)[held] - from
				}
			}
		}
		passed, whole := float64(t-a.t)/1000, float64(b.t-a.t)/1000
		v := between(a.v, b.v, passed/whole)
		part := func(state int, grown, all float64) {
			if all > 0 {
				v[state] = a.v[state] + (b.v[state]-a.v[state])*min(max(grown/all, 0), 1)
			}
		}
		part(1, before, all)
		part(2, passed-before, whole-all)
		return v
	}
}

// presence is the part of the window for which the device was there.
func (f *fold) presence(d *device, t track) (from, to int64) {
	first, last := t.epochs[0], int64(math.MinInt64)
	for _, e := range t.epochs {
		last = max(last, e.points[len(e.points)-1].t)
	}
	from = first.trace(first.points[:1])[0].t
	if last < f.to && d.stale <= d.last {
		last = f.to // nobody saw it go
	}
	return max(from, f.from), min(last, f.to)
}

// stateRow sums what one state grew by, over the time for which it grew.
func stateRow(row Segment, state State, place int, counted []stretch) Segment {
	row.State = state
	for _, s := range counted {
		if s.amount[place] == 0 {
			continue
		}
		if row.GPUMillis == 0 {
			row.HeldFrom = s.from
		}
		row.HeldTo = s.to
		row.GPUMillis += s.amount[place]
	}
	return row
}

// orphans is the time that the device was allocated, by its own account, to
// containers of which no sample tells: too short to be seen between lost
// scrapes. It is 0 within what the meters' rounding and lag explain.
func orphans(counted []stretch, h *heldTime) int64 {
	var allocated int64
	for _, s := range counted {
		allocated += s.amount[1]
	}
	metered := h.total
	for _, s := range h.estimated {
		metered -= s.amount[held]
	}
	if excess := allocated - metered; float64(excess) > slack+0.001*float64(allocated) {
		return excess
	}
	return 0
}

// merged adds orphaned time, which lies where the device was allocated, to the
// device's unattributed time.
func merged(row, allocated Segment, orphaned int64) Segment {
	if row.GPUMillis == 0 {
		row.HeldFrom, row.HeldTo = allocated.HeldFrom, allocated.HeldTo
	}
	row.HeldFrom, row.HeldTo = min(row.HeldFrom, allocated.HeldFrom), max(row.HeldTo, allocated.HeldTo)
	row.GPUMillis += orphaned
	return row
}

// gap is a time for which less was counted than passed.
type gap struct{ from, to, missing int64 }

// gaps lists where the time from from to to is not in the counted stretches:
// between them, and inside those that grew less than a lag explains.
func gaps(from, to int64, counted []stretch) []gap {
	var all []gap
	for _, s := range counted {
		if s.from > from {
			all = append(all, gap{from, s.from, s.from - from})
		}
		if missing := s.to - s.from - s.amount[held]; missing > slack {
			all = append(all, gap{s.from, s.to, missing})
		}
		from = max(from, s.to)
	}
	if to > from {
		all = append(all, gap{from, to, to - from})
	}
	return all
}

// uncovered makes the rows of the gaps, less what containers are charged for
// there, and returns their sum.
func (f *fold) uncovered(row Segment, gaps []gap, h *heldTime) int64 {
	row.State = Uncovered
	var sum int64
	for _, g := range gaps {
		missing := float64(g.missing)
		for _, s := range h.estimated {
			if common := min(g.to, s.to) - max(g.from, s.from); common > 0 {
				missing -= float64(s.amount[held]) * float64(common) / float64(s.to-s.from)
			}
		}
		row.HeldFrom, row.HeldTo, row.GPUMillis = g.from, g.to, int64(math.Round(missing))
		if row.GPUMillis > 0 {
			f.segments = append(f.segments, row)
			sum += row.GPUMillis
		}
	}
	return sum
}

// prove compares what must be equal up to 2 s and 0.1 %.
func (f *fold) prove(uuid string, present int64, sum [1 + len(states)]int64, uncovered int64, h *heldTime) {
	var estimated int64
	for _, s := range h.estimated {
		estimated += s.amount[held]
	}
	differ := func(a, b int64) bool {
		return math.Abs(float64(a-b)) > slack+0.001*float64(max(a, b))
	}
	if device := sum[1] + estimated; differ(h.total, device) {
		f.faults.note(faultHeld, fmt.Sprintf("%s: containers %.3f s, device %.3f s", uuid, seconds(h.total), seconds(device)))
	}
	if parts := h.total + sum[2] + sum[3] + sum[4] + uncovered; differ(parts, present) {
		f.faults.note(faultSum, fmt.Sprintf("%s: parts %.3f s, there for %.3f s", uuid, seconds(parts), seconds(present)))
	}
}

func seconds(ms int64) float64 { return float64(ms) / 1000 }
