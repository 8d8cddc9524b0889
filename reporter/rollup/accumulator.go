package rollup

import (
	"errors"
	"slices"

	"github.com/gputally/gputally/reporter/report"
	"github.com/gputally/gputally/reporter/usage"
	"github.com/gputally/gputally/reporter/window"
)

// accumulator adds up one kind of quantity: what was used, what it costs, what
// counts against quotas.
//
// What it adds up for a row of the report is a fixed number of cells. The engine
// keeps them: it adds the cells of a class of segments to those of a row, and the
// cells of all rows to the total, and does not know what they mean. So a cell
// must be a sum that does not depend on order and grouping. A sum beyond 64 bits
// is an error of the report, never a wrong figure.
type accumulator interface {
	// needs says what the accumulator must know of segments. It is asked once.
	needs() needs
	// add adds the segments of a batch to the cells of their classes, which are
	// all 0 before. Batches come in the order of hours. An hour may have several,
	// of one cluster or of more.
	add(b *batch, sums cells) error
	// finish fills in what a table says besides its rows: currency, revisions,
	// failures, warnings, findings. It is called before fill whenever a table is
	// made, and may be called again after more was added. It may set its cells of
	// any row: row returns them, and makes the row if there is none yet.
	finish(t *report.Table, row func(report.Key) []int64)
	// fill puts what the cells say into a row. The state of the total is "".
	fill(row *report.Row, cells []int64)
}

// needs says what must be known of segments.
type needs struct {
	cells int // width of what is added up
	// What decides about an origin, besides cluster, state and the keys of the
	// report's rows.
	owner, nodePool, model bool
	texts                  []usage.Text // further columns
	numbers                []usage.Number
}

// batch is a batch of segments, sorted into classes.
type batch struct {
	*usage.Batch
	cluster string
	inside  window.Window // the part of the hour that is in the report
	classOf []int32       // by row
	origins []*origin     // by class
}

// cells are those of one accumulator, for each class of a batch.
type cells struct {
	all   []int64
	first int // of the accumulator in the cells of a class
	width int // of the cells of all accumulators
}

// of returns the cells of a class, followed by those of other accumulators.
func (c cells) of(class int32) []int64 { return c.all[int(class)*c.width+c.first:] }

// errSum says that a quantity is more than a report can count.
var errSum = errors.New("a sum is beyond 64 bits")

// addCells adds cells to others.
func addCells(to, from []int64) error {
	from = from[:len(to)]
	overflow := int64(0) // negative if a sum has another sign than both of its parts
	for i, n := range from {
		sum := to[i] + n
		overflow |= (to[i] ^ sum) & (n ^ sum)
		to[i] = sum
	}
	if overflow < 0 {
		return errSum
	}
	return nil
}

// accumulators are those of a report. Each has its cells behind those of the one
// before.
type accumulators struct {
	list  []accumulator
	needs []needs
	first []int // cell of each
	width int
}

func (a *accumulators) use(accs ...accumulator) {
	for _, acc := range accs {
		needs := acc.needs()
		a.list, a.needs, a.first = append(a.list, acc), append(a.needs, needs), append(a.first, a.width)
		a.width += needs.cells
	}
}

// need reports whether any accumulator needs something.
func (a *accumulators) need(what func(needs) bool) bool { return slices.ContainsFunc(a.needs, what) }

// numbers are the columns that the accumulators need.
func (a *accumulators) numbers() []usage.Number {
	var all []usage.Number
	for _, n := range a.needs {
		all = append(all, n.numbers...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// texts are the further columns with names that the accumulators need.
func (a *accumulators) texts() []usage.Text {
	var all []usage.Text
	for _, n := range a.needs {
		all = append(all, n.texts...)
	}
	return all
}

// add has each accumulator add a batch to the cells of its classes.
func (a *accumulators) add(b *batch, all []int64) error {
	for i, acc := range a.list {
		if err := acc.add(b, cells{all, a.first[i], a.width}); err != nil {
			return err
		}
	}
	return nil
}

// finish has each accumulator fill in its part of a table; row returns the cells
// of a row.
func (a *accumulators) finish(t *report.Table, row func(report.Key) []int64) {
	for i, acc := range a.list {
		acc.finish(t, func(k report.Key) []int64 { return a.of(i, row(k)) })
	}
}

// fill has each accumulator put what the cells of a row say into it.
func (a *accumulators) fill(row *report.Row, cells []int64) {
	for i, acc := range a.list {
		acc.fill(row, a.of(i, cells))
	}
}

// of returns the cells of one accumulator among those of a row.
func (a *accumulators) of(i int, cells []int64) []int64 {
	return cells[a.first[i]:][:a.needs[i].cells]
}

// perOrigin keeps what an accumulator finds out about origins.
type perOrigin[T any] []*T

// of returns what is kept of an origin. Where there is nothing yet, it calls find.
func (p *perOrigin[T]) of(o *origin, find func(*origin) *T) *T {
	if missing := o.number + 1 - len(*p); missing > 0 {
		*p = append(*p, make([]*T, missing)...)
	}
	if (*p)[o.number] == nil {
		(*p)[o.number] = find(o)
	}
	return (*p)[o.number]
}
