package usage

import "sort"

// thinner leaves out marks that change nothing: between their neighbours the
// same share is held and all grows as before. What is folded is the same with
// them and without.
type thinner struct {
	edges  [2]int64 // of the window, Unix ms; the marks next to them tell the totals there
	device bool     // gaps between marks matter
}

// nextToEdge is how many marks are kept on either side of an edge.
const nextToEdge = 2

// thin thins the marks of an epoch. falls are the times at which a total other
// than the seconds held fell.
func (th thinner) thin(e *epoch, falls []int64) {
	marks := e.marks
	if e.mixed || e.odd || len(marks) < 3 {
		return
	}
	after := [2]int{th.after(0, marks), th.after(1, marks)}
	steady := th.steady(&marks[0], &marks[1])
	kept, last := marks[:1], 0 // overwrites only what was looked at
	for i := 1; i < len(marks); i++ {
		m := &marks[i]
		keep := !steady || i-after[0] < nextToEdge && i-after[0] >= -nextToEdge || i-after[1] < nextToEdge && i-after[1] >= -nextToEdge
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

// after returns the place of the first mark after an edge.
func (th thinner) after(edge int, marks []mark) int {
	return sort.Search(len(marks), func(i int) bool { return marks[i].t > th.edges[edge] })
}

// steady tells whether nothing happened from one mark to the next but growth.
func (th thinner) steady(a, b *mark) bool {
	return a.share == b.share && // not so for an unknown one, NaN
		a.end == b.end && a.t < b.t && a.at < b.at && b.grew < unsteady &&
		(!th.device || float64(b.t-a.t)-(b.value-a.value)*1000 < slack-1)
}

// anyIn tells whether one of the times is after from, up to to.
func anyIn(times []int64, from, to int64) bool {
	i := sort.Search(len(times), func(i int) bool { return times[i] > from })
	return i < len(times) && times[i] <= to
}
