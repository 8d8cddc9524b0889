package usage

import "sort"

// thinner leaves out marks that change nothing: between their neighbours the
// same share is held and all grows as before. What is folded is the same with
// them and without.
type thinner struct {
	// The marks next to these times tell the totals there, Unix ms: the ends of
	// the window, the times up to which epochs before have counted, and those at
	// which a device asks what its holders had.
	edges  []int64
	ahead  int64 // how far after an edge both neighbouring hours see, ms
	device bool  // gaps between marks matter
	after  []int // room: the place of the first mark after each edge
}

// nextToEdge is how many marks are kept on either side of an edge.
const nextToEdge = 2

// thin thins the marks of an epoch. falls are the times at which a total other
// than the seconds held fell.
func (th *thinner) thin(e *epoch, falls []int64) {
	marks := e.marks
	if e.mixed || e.odd || len(marks) < 3 {
		return
	}
	th.after = th.after[:0]
	for _, edge := range th.edges {
		th.after = append(th.after, sort.Search(len(marks), func(i int) bool { return marks[i].t > edge }))
	}
	steady := th.steady(&marks[0], &marks[1])
	kept, last := marks[:1], 0 // overwrites only what was looked at
	for i := 1; i < len(marks); i++ {
		m := &marks[i]
		keep := !steady
		for _, first := range th.after {
			keep = keep || first-nextToEdge <= i && i < first+nextToEdge
		}
		if i+1 == len(marks) {
			keep = true
		} else {
			next := &marks[i+1]
			steady = th.steady(m, next)
			keep = keep || !steady || m.grew != next.grew || len(falls) > 0 && anyIn(falls, marks[i-1].at, next.at)
		}
		if keep {
			m.smooth = i-last > 1
			kept, last = append(kept, *m), i
		}
	}
	e.marks = kept
}

// steady tells whether nothing happened from one mark to the next but growth.
func (th *thinner) steady(a, b *mark) bool {
	return a.share == b.share && // not so for an unknown one, NaN
		(a.share > 0 || a.value == b.value) &&
		a.end == b.end && a.t < b.t && a.at < b.at && b.grew < unsteady &&
		b.at-b.t <= th.ahead && // else what is next to an edge may not be in view there
		(!th.device || float64(b.t-a.t)-(b.value-a.value)*1000 < slack-1)
}

// anyIn tells whether one of the times is after from, up to to.
func anyIn(times []int64, from, to int64) bool {
	i := sort.Search(len(times), func(i int) bool { return times[i] > from })
	return i < len(times) && times[i] <= to
}
