package usage

import (
	"fmt"
	"math"
	"slices"
)

// sight is what is known of a GPU itself.
type sight struct {
	*gpu
	track *track
	was   bool // it was there at the end of the hour before
}

// device makes the rows of a GPU's time that no container held, and holds the
// parts against each other.
func (f *fold) device(g *sight, blank Segment, h *heldTime) {
	t := g.track
	if len(t.lives) == 0 {
		f.noDevice(blank, h)
		return
	}
	t.split = f.splitByHolders(h)
	counted := f.cutTrack(t)
	from, to := f.presence(g, blank.Node)
	if from >= to {
		if !slices.ContainsFunc(counted, func(s stretch) bool { return s.late }) {
			return
		}
		to = from // it is gone, but left something to be counted
	}
	var sum [1 + len(states)]int64
	var late, lateAllocated int64 // late is of states but allocated
	for _, s := range counted {
		for i := range states {
			sum[1+i] += s.amount[1+i]
		}
		if s.late {
			late += s.amount[0] - s.amount[1]
			lateAllocated += s.amount[1]
		}
	}
	orphaned := orphans(sum[1], h)
	late += min(orphaned, max(0, lateAllocated-h.metered()-h.settled))
	for i, state := range states {
		if state == Allocated {
			continue
		}
		row := stateRow(blank, state, 1+i, counted)
		if state == Unattributed && orphaned > 0 {
			row = merged(row, stateRow(blank, state, 1, counted), orphaned)
			sum[1+i] = row.GPUMillis
		}
		f.row(row)
	}
	uncovered := f.uncovered(blank, gaps(from, to, counted), h)
	f.absent(blank, from, to)
	f.coverage.Expected += to - from
	f.coverage.Unallocated += sum[2]
	f.coverage.Unattributed += sum[3]
	f.coverage.Unavailable += sum[4]
	f.coverage.Uncovered += uncovered
	f.coverage.Late += h.metered() + late
	f.prove(g.uuid, sum, h, proof{present: to - from, uncovered: uncovered, late: late})
}

// checkShares holds the shares that containers have at one time against the GPU.
func (f *fold) checkShares(segments []Segment) {
	if len(segments) < 2 {
		return
	}
	f.holdings = f.holdings[:0]
	for i := range segments {
		s := &segments[i]
		f.holdings = append(f.holdings, Holding{s.HeldFrom, s.HeldTo, s.Share})
	}
	if Overheld(f.holdings, f.to-f.from) > 0 {
		f.faults.Add(SharesAboveOne, segments[0].UUID)
	}
}

// layDevice puts the track of a device together, and notes at which times it
// will ask what its holders had: at its points beside an edge.
func (f *fold) layDevice(g *gpu) track {
	t := track{uuid: g.uuid, what: g.uuid}
	f.asked = f.asked[:0]
	f.layTrack(&t, g.strands, func(s *strand, place int) []mark { return s.deviceMarks(f.marks[:0], place) })
	for i := range t.lives {
		l := &t.lives[i]
		for _, edge := range [...]int64{f.from, f.to} {
			before, after := l.whole[0].t, int64(math.MinInt64)
			for j := range l.points {
				if p := &l.points[j]; p.t <= edge {
					before = p.t
				} else if after < edge {
					after = p.t
				}
			}
			if before < edge && edge < after {
				f.asked = append(f.asked, before, after)
			}
		}
	}
	return t
}

// row adds a row, if there is time in it.
func (f *fold) row(s Segment) {
	if s.GPUMillis > 0 {
		f.part.Segments = append(f.part.Segments, s)
	}
}

// noDevice counts a GPU of which only containers tell as there for the whole
// window; what they did not hold is uncovered.
func (f *fold) noDevice(blank Segment, h *heldTime) {
	if h.total == 0 {
		return
	}
	f.faults.Add(DeviceMissing, blank.UUID)
	blank.State, blank.HeldFrom, blank.HeldTo = Uncovered, f.from, f.to
	blank.GPUMillis = max(0, f.to-f.from-(h.total-h.late))
	f.row(blank)
	f.coverage.Expected += f.to - f.from
	f.coverage.Uncovered += blank.GPUMillis
	f.coverage.Late += h.metered()
}

// absent makes the rows of the time for which the device was not there.
func (f *fold) absent(blank Segment, from, to int64) {
	blank.State = Absent
	for _, gone := range [...][2]int64{{f.from, from}, {to, f.to}} {
		blank.HeldFrom, blank.HeldTo = gone[0], gone[1]
		blank.GPUMillis = gone[1] - gone[0]
		f.coverage.Absent += blank.GPUMillis
		f.row(blank)
	}
}

// splitByHolders tells what the states of a device were between two of its
// scrapes from what its containers held there: their ends are known, where the
// device shows only sums.
func (f *fold) splitByHolders(h *heldTime) splitter {
	return func(t int64, a, b knot) totals {
		var before, all float64 // what containers held from a to t, and to b
		for i := range h.tracks {
			lives := h.tracks[i].lives
			var most, then float64 // two that overlap tell of the same time
			for j := range lives {
				if c := f.around(&lives[j], t); len(c) > 0 {
					from := c.at(a.t)[held]
					if grown := c.at(b.t)[held] - from; grown > most {
						most, then = grown, c.at(t)[held]-from
					}
				}
			}
			all += most
			before += then
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
func (f *fold) presence(g *sight, node string) (from, to int64) {
	lives := g.track.lives
	from, to = lives[0].whole[0].t, math.MinInt64
	for i := range lives {
		points := lives[i].points
		to = max(to, points[len(points)-1].t)
	}
	if g.was {
		from = f.from
	}
	if to < f.to {
		if g.stale <= g.last {
			to = f.to // nobody saw it go
		}
		to = max(to, f.there[node])
	}
	return max(from, f.from), min(to, f.to)
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
		row.HeldTo = max(row.HeldTo, s.to)
		row.GPUMillis += s.amount[place]
	}
	return row
}

// orphans is the time that the device was allocated, by its own account, to
// containers of which no sample tells: too short to be seen between lost
// scrapes. It is 0 within what the meters' rounding and lag explain.
func orphans(allocated int64, h *heldTime) int64 {
	metered := h.total + h.settled
	for _, s := range h.estimated {
		metered -= s.amount[held]
	}
	if allocated < metered || Agree(allocated, metered) {
		return 0
	}
	return allocated - metered
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
		if s.late {
			continue
		}
		if s.from > from {
			all = append(all, gap{from, s.from, s.from - from})
		}
		if missing := s.to - s.from - s.amount[held]; missing > slack && !s.smooth {
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
			if common := min(g.to, s.to) - max(g.from, s.from); common > 0 && !s.late {
				missing -= float64(s.amount[held]) * float64(common) / float64(s.to-s.from)
			}
		}
		row.HeldFrom, row.HeldTo, row.GPUMillis = g.from, g.to, int64(math.Round(missing))
		f.row(row)
		sum += max(0, row.GPUMillis)
	}
	return sum
}

// proof is what a device's parts are held against, in GPU-milliseconds.
type proof struct {
	present   int64 // how long it was there
	uncovered int64
	late      int64 // held by no container, and before the window
}

// prove compares what must be equal.
func (f *fold) prove(uuid string, sum [1 + len(states)]int64, h *heldTime, p proof) {
	var estimated int64
	for _, s := range h.estimated {
		estimated += s.amount[held]
	}
	if held, device := h.total+h.settled, sum[1]+estimated; !Agree(held, device) {
		f.faults.Add(HeldDisagrees, fmt.Sprintf("%s: containers %.3f s, device %.3f s", uuid, seconds(held), seconds(device)))
	}
	if parts := h.total - h.late + sum[2] + sum[3] + sum[4] - p.late + p.uncovered; !Agree(parts, p.present) {
		f.faults.Add(PartsDisagree, fmt.Sprintf("%s: parts %.3f s, there for %.3f s", uuid, seconds(parts), seconds(p.present)))
	}
}

func seconds(ms int64) float64 { return float64(ms) / 1000 }
