package rollup

import (
	"cmp"
	"slices"
	"strings"
	"sync"

	"github.com/gputally/gputally/reporter/report"
	"github.com/gputally/gputally/reporter/usage"
)

// rows are those of a table, in order.
type rows struct {
	columns   []report.Dimension
	names     *names
	groups    *groups
	order     []uint32                 // numbers of groups
	quotas    map[uint32]*report.Quota // by number of the group
	priced    bool                     // there is a price book
	coverage  report.Ratio             // of the report
	byCluster map[string]report.Ratio  // nil unless the report groups by cluster
}

// Len is the number of rows.
func (r *rows) Len() int { return len(r.order) }

// sort puts tenants first, then the other states, each by their keys in the
// order of the columns.
func (r *rows) sort() {
	r.order = make([]uint32, r.groups.len())
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
	a, b := r.groups.key(one), r.groups.key(other)
	if a[0] != b[0] {
		return cmp.Compare(a[0], b[0])
	}
	for i := 1; i < len(a); i++ {
		if a[i] != b[i] { // numbers differ where names do
			return strings.Compare(r.names.text(a[i]), r.names.text(b[i]))
		}
	}
	return 0
}

// total is the sum of all rows, which is priced only if every tenant's row is.
func (r *rows) total() (report.Row, error) {
	total := report.Row{Priced: r.priced, Coverage: r.coverage}
	var all sums
	for i := range uint32(r.groups.len()) {
		s := r.groups.at(i)
		if err := all.merge(s); err != nil {
			return total, err
		}
		if report.States()[r.groups.key(i)[0]] == usage.Allocated {
			total.AllocatedMillis += s.GPUMillis
		}
	}
	total.Sums, total.Cost = all.Sums, all.cost
	total.Priced = r.priced && !all.unpriced
	for _, q := range r.quotas {
		if total.Quota == nil {
			total.Quota = &report.Quota{}
		}
		total.Quota.Add(*q)
	}
	return total, nil
}

// At puts the i-th row together.
func (r *rows) At(i int) report.Row {
	number := r.order[i]
	key, s := r.groups.key(number), r.groups.at(number)
	row := report.Row{Key: report.Key{State: report.States()[key[0]]}, Sums: s.Sums, Cost: s.cost, Coverage: r.coverage, Quota: r.quotas[number]}
	if row.State == usage.Allocated {
		row.AllocatedMillis = row.GPUMillis
	}
	for i, d := range r.columns {
		*row.At(d) = r.names.text(key[1+i])
	}
	row.Priced = r.priced && row.State == usage.Allocated && !s.unpriced
	if r.byCluster != nil {
		row.Coverage = r.byCluster[row.Cluster]
	}
	return row
}
