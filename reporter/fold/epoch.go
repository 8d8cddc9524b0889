package fold

import (
	"cmp"
	"slices"

	"github.com/gputally/gputally/reporter/usage"
)

// epoch is what one process counted, from its start.
type epoch struct {
	start   int64 // Unix ms
	known   bool  // the start is given; else it is the first sample, and the value there counts for nothing
	mixed   bool  // the scrapes are of more than one target
	odd     bool  // impossible scrapes were left out
	scrapes []Scrape
	points  []scrapeTotals
}

// epochPool lends epochs. Their memory is used again for the next GPU.
type epochPool struct {
	epochs []*epoch
	lent   int
}

func (p *epochPool) reset() { p.lent = 0 }

func (p *epochPool) lend(start int64, known bool) *epoch {
	if p.lent == len(p.epochs) {
		p.epochs = append(p.epochs, &epoch{})
	}
	e := p.epochs[p.lent]
	p.lent++
	*e = epoch{start: start, known: known, scrapes: e.scrapes[:0], points: e.points[:0]}
	return e
}

// sortIn adds the scrapes of one target to the epochs that they belong to: those
// with the same start. Without a start, a falling value begins an epoch.
func (p *epochPool) sortIn(all []*epoch, scrapes []Scrape) []*epoch {
	fillStarts(scrapes)
	for len(scrapes) > 0 {
		first := &scrapes[0]
		n, known := 1, first.Start != 0
		for n < len(scrapes) && scrapes[n].Start == first.Start && (known || scrapes[n].Value >= scrapes[n-1].Value) {
			n++
		}
		start := first.Start
		if !known {
			start = first.At
		}
		e := find(all, start, known)
		if e == nil {
			e = p.lend(start, known)
			all = append(all, e)
		}
		e.mixed = e.mixed || len(e.scrapes) > 0 && e.scrapes[0].source != first.source
		e.scrapes = append(e.scrapes, scrapes[:n]...)
		scrapes = scrapes[n:]
	}
	return all
}

func find(all []*epoch, start int64, known bool) *epoch {
	for _, e := range slices.Backward(all) {
		if e.start == start && e.known == known {
			return e
		}
	}
	return nil
}

// sortEpochs puts epochs, and the scrapes of each, into the order of time.
func sortEpochs(all []*epoch) {
	for _, e := range all {
		e.sort()
	}
	slices.SortFunc(all, func(a, b *epoch) int {
		return cmp.Or(cmp.Compare(a.start, b.start), cmp.Compare(a.scrapes[0].Time, b.scrapes[0].Time), cmp.Compare(len(a.scrapes), len(b.scrapes)))
	})
}

func (e *epoch) sort() {
	sorted := true
	for i := 1; i < len(e.scrapes) && sorted; i++ {
		sorted = e.scrapes[i].Time > e.scrapes[i-1].Time
	}
	if sorted {
		return
	}
	slices.SortFunc(e.scrapes, func(a, b Scrape) int {
		return cmp.Or(cmp.Compare(a.Time, b.Time), cmp.Compare(a.Value, b.Value), cmp.Compare(a.At, b.At),
			cmp.Compare(a.Share, b.Share), cmp.Compare(a.source, b.source))
	})
}

// edgeStart is how an Edge names the epoch: by its start, or 0 if that is not
// known. Of a track's epochs without a start only the one at the edge is stored.
func (e *epoch) edgeStart() int64 {
	if e.known {
		return e.start
	}
	return 0
}

// noter notes a finding about the thing at hand.
type noter func(usage.Code)
