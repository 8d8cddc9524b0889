package fold

import (
	"math"
	"slices"

	"github.com/gputally/gputally/reporter/usage"
)

// deviceTrack puts the track of the device together, and lists the times at
// which it will ask what its containers held: those of its points at an edge. The
// list is valid until the next GPU.
func (f *gpuFold) deviceTrack() (t track, asked []int64) {
	t = track{uuid: f.gpu.Place.UUID, name: f.gpu.Place.UUID}
	f.track(&t, f.gpu.Device, nil)
	asked = f.scratch.asked[:0]
	for i := range t.epochs {
		e := &t.epochs[i]
		for _, edge := range [...]int64{f.span.from, f.span.to} {
			before, after := e.whole[0].t, int64(math.MinInt64)
			for j := range e.points {
				if p := &e.points[j]; p.Time <= edge {
					before = p.Time
				} else if after < edge {
					after = p.Time
				}
			}
			if before < edge && edge < after {
				asked = append(asked, before, after)
			}
		}
	}
	f.scratch.asked = asked
	return t, asked
}

// deviceTime is what the device says of its time in the window.
type deviceTime struct {
	from, to  int64             // the part of the window for which it was there, Unix ms
	intervals []interval        // what it counted
	charged   []interval        // what containers are charged for beyond that
	sum       [1 + States]int64 // by place, GPU-milliseconds
	late      int64             // held before the window, by no container
	orphaned  int64             // allocated to containers that no scrape shows
}

// deviceRows makes the rows of the GPU's time that no container held, and holds
// the parts against each other.
func (f *gpuFold) deviceRows(t *track, held *heldTime) {
	if len(t.epochs) == 0 {
		f.withoutDevice(held)
		return
	}
	t.split, t.far = f.splitInSight(held), f.splitByHolders(held, func(e *trackEpoch, _ int64) curve { return e.whole })
	d, ok := f.deviceTime(t, held)
	if !ok {
		return
	}
	if ms := f.missing(t, &d, held); ms > 0 {
		f.lost.add(f.row.UUID, ms)
	}
	uncovered := f.uncovered(gaps(d.from, d.to, d.intervals), d.charged)
	excess := d.excess(held, uncovered)
	for i, state := range states {
		if state == usage.Allocated {
			continue
		}
		row := stateRow(f.row, state, 1+i, d.intervals)
		if state == usage.Unattributed && d.orphaned > 0 {
			row = withOrphans(row, stateRow(f.row, state, 1, d.intervals), d.orphaned)
		}
		if state != usage.Unavailable {
			less := min(excess, row.GPUMillis)
			row.GPUMillis -= less
			excess -= less
		}
		d.sum[1+i] = row.GPUMillis
		f.add(row)
	}
	f.absent(d.from, d.to)
	f.sums.Expected += d.to - d.from
	f.sums.Unallocated += d.sum[2]
	f.sums.Unattributed += d.sum[3]
	f.sums.Unavailable += d.sum[4]
	f.sums.Uncovered += uncovered
	f.sums.Late += held.metered() + d.late
	f.prove(&d, held, uncovered)
}

// deviceTime cuts the track at the edges of the window and adds up its states. It
// is not ok for a GPU that is gone and left nothing to be counted.
func (f *gpuFold) deviceTime(t *track, held *heldTime) (d deviceTime, ok bool) {
	d.intervals, _ = f.intervals(t)
	d.charged = f.uncounted(held)
	d.from, d.to = f.presence(t)
	for _, s := range held.early { // the GPU was there, though its age is not known
		d.from = min(d.from, max(s.from, f.span.from))
	}
	if d.from >= d.to {
		if !slices.ContainsFunc(d.intervals, func(s interval) bool { return s.late }) {
			return d, false
		}
		d.to = d.from // it is gone, but left something to be counted
	}
	var lateAllocated int64 // d.late is of the other states
	for _, s := range d.intervals {
		for i := range states {
			d.sum[1+i] += s.amount[1+i]
		}
		if s.late {
			d.late += s.amount[0] - s.amount[1]
			lateAllocated += s.amount[1]
		}
	}
	d.orphaned = orphans(d.sum[1], held, d.charged)
	d.late += min(d.orphaned, max(0, lateAllocated-held.metered()-held.paid))
	return d, true
}

// withoutDevice counts a GPU that only containers show as there for the whole
// window; what they did not hold is uncovered.
func (f *gpuFold) withoutDevice(held *heldTime) {
	if held.total == 0 {
		return
	}
	f.notes.Add(usage.DeviceMissing, f.row.UUID)
	row := f.row
	row.State, row.HeldFrom, row.HeldTo = usage.Uncovered, f.span.from, f.span.to
	row.GPUMillis = max(0, f.span.to-f.span.from-(held.total-held.late))
	f.add(row)
	f.sums.Expected += f.span.to - f.span.from
	f.sums.Uncovered += row.GPUMillis
	f.sums.Late += held.metered()
}

// absent makes the rows of the time for which the device was not there.
func (f *gpuFold) absent(from, to int64) {
	row := f.row
	row.State = usage.Absent
	for _, gone := range [...][2]int64{{f.span.from, from}, {to, f.span.to}} {
		row.HeldFrom, row.HeldTo = gone[0], gone[1]
		row.GPUMillis = gone[1] - gone[0]
		f.sums.Absent += row.GPUMillis
		f.add(row)
	}
}

// splitInSight is splitByHolders near an edge, where a may be the start of a process
// that is older than what both neighbouring hours see.
func (f *gpuFold) splitInSight(held *heldTime) splitter {
	split := f.splitByHolders(held, f.around)
	return func(t int64, a, b knot) totals {
		if a.v == (totals{}) && a.t < t-f.span.back {
			_, after := heldBetween(held, f.around, t, t, b.t)
			return f.beforeFirst(t, b, after)
		}
		return split(t, a, b)
	}
}

// splitByHolders splits the states of a device between two of its scrapes by what
// its containers held there: their ends are known, where the device shows only
// sums.
func (f *gpuFold) splitByHolders(held *heldTime, drawn drawing) splitter {
	return func(t int64, a, b knot) totals {
		before, all := heldBetween(held, drawn, a.t, t, b.t)
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

// drawing is the curve of an epoch as far as it counts at a time; empty for none.
type drawing func(e *trackEpoch, at int64) curve

// heldBetween is what containers held from one time to a second and to a third,
// in GPU-seconds.
func heldBetween(held *heldTime, drawn drawing, from, second, third int64) (before, all float64) {
	for i := range held.tracks {
		epochs := held.tracks[i].epochs
		var most, then float64 // two that overlap show the same time
		for j := range epochs {
			if c := drawn(&epochs[j], second); len(c) > 0 {
				begin := c.at(from)[Held]
				if grown := c.at(third)[Held] - begin; grown > most {
					most, then = grown, c.at(second)[Held]-begin
				}
			}
		}
		all += most
		before += then
	}
	return before, all
}

// presence is the part of the window for which the device was there.
func (f *gpuFold) presence(t *track) (from, to int64) {
	from, to = t.epochs[0].whole[0].t, math.MinInt64
	for i := range t.epochs {
		to = max(to, t.epochs[i].lastPoint().Time)
	}
	if f.wasThere {
		from = f.span.from
	}
	if to < f.span.to {
		if !f.gpu.Ended {
			to = f.span.to // nobody saw it go
		}
		to = max(to, f.span.until[f.row.Node])
	}
	return max(from, f.span.from), min(to, f.span.to)
}

// stateRow sums what one state grew by, over the time for which it grew.
func stateRow(row usage.Segment, state usage.State, place int, counted []interval) usage.Segment {
	row.State = state
	for _, s := range counted {
		if s.amount[place] == 0 {
			continue
		}
		if row.GPUMillis == 0 {
			row.HeldFrom = s.from
		}
		row.HeldTo = max(row.HeldTo, s.to)
		row.GPUMillis += s.amount[place]
	}
	return row
}

// orphans is the time that the device was allocated, by its own account, to
// containers that no scrape shows: too short to be seen between lost scrapes. It is
// 0 within what the meters' rounding and lag explain.
func orphans(allocated int64, held *heldTime, charged []interval) int64 {
	metered := held.total + held.paid - sumHeld(charged)
	if allocated < metered || usage.Agree(allocated, metered) {
		return 0
	}
	return allocated - metered
}

// withOrphans adds orphaned time, which lies where the device was allocated, to
// the device's unattributed time.
func withOrphans(row, allocated usage.Segment, orphaned int64) usage.Segment {
	if row.GPUMillis == 0 {
		row.HeldFrom, row.HeldTo = allocated.HeldFrom, allocated.HeldTo
	}
	row.HeldFrom, row.HeldTo = min(row.HeldFrom, allocated.HeldFrom), max(row.HeldTo, allocated.HeldTo)
	row.GPUMillis += orphaned
	return row
}
