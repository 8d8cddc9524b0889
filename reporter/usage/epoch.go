package usage

import (
	"cmp"
	"slices"
)

// epoch is what one process counted, from its start.
type epoch struct {
	start  int64 // Unix ms
	known  bool  // start is given; else it is the first sample, and the value there counts for nothing
	mixed  bool  // marks are of more than one strand
	odd    bool  // marks were left out because they cannot be
	marks  []mark
	points []point
}

// pool lends epochs, whose room is used again for the next GPU.
type pool struct {
	epochs []*epoch
	lent   int
}

func (p *pool) reset() { p.lent = 0 }

func (p *pool) lend(start int64, known bool) *epoch {
	if p.lent == len(p.epochs) {
		p.epochs = append(p.epochs, &epoch{})
	}
	e := p.epochs[p.lent]
	p.lent++
	*e = epoch{start: start, known: known, marks: e.marks[:0], points: e.points[:0]}
	return e
}

// sortIn adds the marks of one strand to the epochs that they belong to.
func (p *pool) sortIn(es []*epoch, marks []mark) []*epoch {
	fillStarts(marks)
	for len(marks) > 0 {
		n, known := 1, marks[0].start != 0
		for n < len(marks) && marks[n].start == marks[0].start && (known || marks[n].value >= marks[n-1].value) {
			n++
		}
		start := marks[0].start
		if !known {
			start = marks[0].at
		}
		e := find(es, start, known)
		if e == nil {
			e = p.lend(start, known)
			es = append(es, e)
		}
		e.mixed = e.mixed || len(e.marks) > 0 && e.marks[0].source != marks[0].source
		e.marks = append(e.marks, marks[:n]...)
		marks = marks[n:]
	}
	return es
}

func find(es []*epoch, start int64, known bool) *epoch {
	for _, e := range slices.Backward(es) {
		if e.start == start && e.known == known {
			return e
		}
	}
	return nil
}

// sortEpochs puts epochs, and the marks of each, into the order of time.
func sortEpochs(es []*epoch) {
	for _, e := range es {
		e.sort()
	}
	slices.SortFunc(es, func(a, b *epoch) int {
		return cmp.Or(cmp.Compare(a.start, b.start), cmp.Compare(a.marks[0].t, b.marks[0].t), cmp.Compare(len(a.marks), len(b.marks)))
	})
}

func (e *epoch) sort() {
	sorted := true
	for i := 1; i < len(e.marks) && sorted; i++ {
		sorted = e.marks[i].t > e.marks[i-1].t
	}
	if sorted {
		return
	}
	slices.SortFunc(e.marks, func(a, b mark) int {
		return cmp.Or(cmp.Compare(a.t, b.t), cmp.Compare(a.value, b.value), cmp.Compare(a.at, b.at),
			cmp.Compare(a.share, b.share), cmp.Compare(a.source, b.source))
	})
}
