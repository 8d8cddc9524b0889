package report

import (
	"cmp"
	"slices"
	"strings"

	"github.com/gputally/gputally/reporter/usage"
)

// rows are those of a table, in order.
type rows struct {
	columns   []Dimension
	names     *names
	groups    *groups
	order     []uint32          // numbers of groups
	quotas    map[uint32]*Quota // by number of the group
	priced    bool              // there is a price book
	coverage  Ratio             // of the report
	byCluster map[string]Ratio  // nil unless the report groups by cluster
}

// sort puts tenants first, then the other states, each by their keys in the
// order of the columns.
func (r *rows) sort() {
	r.order = make([]uint32, r.groups.len())
	for i := range r.order {
		r.order[i] = uint32(i)
	}
	slices.SortFunc(r.order, func(a, b uint32) int { return r.compare(r.groups.key(a), r.groups.key(b)) })
}

func (r *rows) compare(a, b []uint32) int {
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

// at puts the i-th row together.
func (r *rows) at(i int) Row {
	number := r.order[i]
	key, s := r.groups.key(number), r.groups.at(number)
	row := Row{Key: Key{State: states()[key[0]]}, Sums: s.Sums, Cost: s.cost, Coverage: r.coverage, Quota: r.quotas[number]}
	for i, d := range r.columns {
		*row.at(d) = r.names.text(key[1+i])
	}
	row.Priced = r.priced && row.State == usage.Allocated && !s.unpriced
	if r.byCluster != nil {
		row.Coverage = r.byCluster[row.Cluster]
	}
	return row
}
