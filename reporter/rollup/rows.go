package rollup

import (
	"cmp"
	"slices"
	"strings"
	"sync"

	"github.com/gputally/gputally/reporter/report"
	"github.com/gputally/gputally/reporter/rollup/intern"
	"github.com/gputally/gputally/reporter/usage"
)

// rows are those of a table, in order.
type rows struct {
	columns      []report.Dimension
	names        *intern.Names
	groups       *groups
	accumulators *accumulators
	order        []uint32                // numbers of groups
	coverage     report.Ratio            // of the report
	byCluster    map[string]report.Ratio // nil unless the report groups by cluster
}

// total stands for the state of the row that is the sum of all.
const total usage.State = ""

// Len is the number of rows.
func (r *rows) Len() int { return len(r.order) }

// sort puts tenants first, then the other states, each by their keys in the
// order of the columns.
func (r *rows) sort() {
	r.order = make([]uint32, r.groups.keys.Len())
	for i := range r.order {
		r.order[i] = uint32(i)
	}
	half := len(r.order) / 2
	var other sync.WaitGroup
	other.Go(func() { slices.SortFunc(r.order[:half], r.compare) })
	slices.SortFunc(r.order[half:], r.compare)
	other.Wait()
	r.order = r.merged(r.order[:half], r.order[half:])
}

// merged is both sorted lists as one.
func (r *rows) merged(a, b []uint32) []uint32 {
	all := make([]uint32, 0, len(a)+len(b))
	for len(a) > 0 && len(b) > 0 {
		if r.compare(a[0], b[0]) < 0 {
			all, a = append(all, a[0]), a[1:]
		} else {
			all, b = append(all, b[0]), b[1:]
		}
	}
	return append(append(all, a...), b...)
}

func (r *rows) compare(one, other uint32) int {
	a, b := r.groups.keys.At(one), r.groups.keys.At(other)
	if a[0] != b[0] {
		return cmp.Compare(a[0], b[0])
	}
	for i := 1; i < len(a); i++ {
		if a[i] != b[i] { // numbers differ where names do
			return strings.Compare(r.names.Text(a[i]), r.names.Text(b[i]))
		}
	}
	return 0
}

// total is the sum of all rows.
func (r *rows) total() (report.Row, error) {
	all, tenants := make([]int64, r.groups.cells), make([]int64, r.groups.cells)
	for i := range uint32(r.groups.keys.Len()) {
		cells := r.groups.at(i)
		if err := addCells(all, cells); err != nil {
			return report.Row{}, err
		}
		if report.States()[r.groups.keys.At(i)[0]] == usage.Allocated {
			if err := addCells(tenants, cells); err != nil {
				return report.Row{}, err
			}
		}
	}
	row, held := report.Row{Coverage: r.coverage}, report.Row{}
	held.State = usage.Allocated
	r.accumulators.fill(&row, all)
	r.accumulators.fill(&held, tenants)
	row.AllocatedMillis = held.AllocatedMillis
	return row, nil
}

// At puts the i-th row together.
func (r *rows) At(i int) report.Row {
	number := r.order[i]
	key := r.groups.keys.At(number)
	row := report.Row{Key: report.Key{State: report.States()[key[0]]}, Coverage: r.coverage}
	for i, d := range r.columns {
		*row.At(d) = r.names.Text(key[1+i])
	}
	if r.byCluster != nil {
		row.Coverage = r.byCluster[row.Cluster]
	}
	r.accumulators.fill(&row, r.groups.at(number))
	return row
}
