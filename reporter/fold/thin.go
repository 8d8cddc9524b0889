package fold

import "sort"

// thinner leaves out scrapes that change nothing: between their neighbours the
// same share is held and all grows as before. What is folded is the same with
// them and without.
type thinner struct {
	// The scrapes next to these times say what the totals are there, Unix ms: the
	// ends of the window, the times up to which earlier epochs have counted, and
	// those at which a device asks what its holders had.
	edges  []int64
	ahead  int64 // how far after an edge both neighbouring hours see, ms
	device bool  // gaps between scrapes matter
	after  []int // scratch: the place of the first scrape after each edge
}

// nextToEdge is how many scrapes are kept on either side of an edge.
const nextToEdge = 2

// thin thins the scrapes of an epoch. falls are the times at which a total other
// than the seconds held fell.
func (th *thinner) thin(e *epoch, falls []int64) {
	scrapes := e.scrapes
	if e.mixed || e.odd || len(scrapes) < 3 {
		return
	}
	th.after = th.after[:0]
	for _, edge := range th.edges {
		th.after = append(th.after, sort.Search(len(scrapes), func(i int) bool { return scrapes[i].Time > edge }))
	}
	steady := th.steady(&scrapes[0], &scrapes[1])
	kept, last := scrapes[:1], 0 // overwrites only what was looked at
	for i := 1; i < len(scrapes); i++ {
		s := &scrapes[i]
		keep := !steady
		for _, first := range th.after {
			keep = keep || first-nextToEdge <= i && i < first+nextToEdge
		}
		if i+1 == len(scrapes) {
			keep = true
		} else {
			next := &scrapes[i+1]
			steady = th.steady(s, next)
			// After a fall a total counts nothing until it is above its former value.
			keep = keep || !steady || s.Grew != next.Grew || len(falls) > 0 && anyIn(falls, scrapes[0].At, next.At)
		}
		if keep {
			s.smooth = i-last > 1
			kept, last = append(kept, *s), i
		}
	}
	e.scrapes = kept
}

// steady says whether nothing happened from one scrape to the next but growth.
func (th *thinner) steady(a, b *Scrape) bool {
	return a.Share == b.Share && // not so for an unknown one, NaN
		(a.Share > 0 || a.Value == b.Value) &&
		a.End == b.End && a.Time < b.Time && a.At < b.At && b.Grew < Unsteady &&
		b.At-b.Time <= th.ahead && // else what is next to an edge may not be in view there
		(!th.device || float64(b.Time-a.Time)-(b.Value-a.Value)*1000 < slack-1 && b.Time-a.Time <= retained-slack)
}

// anyIn says whether one of the times is after from, up to to.
func anyIn(times []int64, from, to int64) bool {
	i := sort.Search(len(times), func(i int) bool { return times[i] > from })
	return i < len(times) && times[i] <= to
}
