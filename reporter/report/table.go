package report

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"iter"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/gputally/gputally/reporter/quota"
	"github.com/gputally/gputally/reporter/usage"
)

// Table is a report ready to be written. Its rows are read from the rollup that
// it came from, and are good until more is added to that.
type Table struct {
	Spec     Spec
	Clusters []string // sorted; those of the Spec, or those found
	Total    Row      // without key
	Coverage Coverage
	// ByCluster is the coverage of each of the Clusters.
	ByCluster []Coverage
	Missing   []Gap // hours that are not closed, by cluster and time

	Inputs   Inputs
	Sources  []string // source profiles, sorted
	Roads    []string // sorted
	Warnings []string
	// Exceptions are what was odd about the samples; Warnings tell of them, too.
	Exceptions []Exception
	Failures   []string // why the report is Failed; empty if it is Ready

	Currency      string // "" without a price book: then there are no cost columns
	BookRevision  string
	HasQuota      bool // there are quota columns
	QuotaRevision string

	columns []Dimension
	zone    *time.Location
	rows    rows
}

// Len is the number of rows.
func (t Table) Len() int { return len(t.rows.order) }

// Rows yields the rows, sorted. They are put together as they are asked for:
// there may be a million of them.
func (t Table) Rows() iter.Seq[Row] {
	return func(yield func(Row) bool) {
		for i := range t.rows.order {
			if !yield(t.rows.at(i)) {
				return
			}
		}
	}
}

// Inputs names the closed hours that a report was made from.
type Inputs struct {
	Hours int `json:"hours"`
	// SHA256 is the hash of one line per hour, sorted: cluster, start, revision
	// and hash of the ledger object.
	SHA256 string `json:"sha256"`
}

// State is Ready, or Failed if there are failures.
func (t Table) State() State {
	if len(t.Failures) > 0 {
		return Failed
	}
	return Ready
}

// Table returns what was added so far as a table.
func (r *Rollup) Table() (Table, error) {
	zone, err := r.spec.zone()
	if err == nil {
		err = r.settle()
	}
	if err != nil {
		return Table{}, fmt.Errorf("report %q: %w", r.spec.Name, err)
	}
	t := Table{
		Spec: r.spec, columns: r.columns, zone: zone,
		Clusters: slices.Sorted(maps.Keys(r.clusters)),
		Inputs:   Digest(r.inputs),
		HasQuota: r.tally != nil,
	}
	if r.book != nil {
		t.Currency, t.BookRevision = r.book.Currency(), r.book.Revision()
	}
	if r.projects != nil {
		t.QuotaRevision = r.projects.Revision()
	}
	r.cover(&t)
	if err := r.fill(&t); err != nil {
		return Table{}, fmt.Errorf("report %q: %w", r.spec.Name, err)
	}
	r.notes.tell(&t)
	return t, nil
}

// quotas adds the figures of all scopes to the rows that they belong to. A
// scope that was not used gets a row of its own.
func (r *Rollup) quotas() map[uint32]*Quota {
	if r.tally == nil {
		return nil
	}
	quotas := map[uint32]*Quota{}
	for _, f := range r.tally.Figures() {
		row := r.groups.find(r.quotaKey(f))
		if quotas[row] == nil {
			quotas[row] = &Quota{}
		}
		quotas[row].add(Quota{f.Deserved, f.Over, f.Left})
	}
	return quotas
}

func (r *Rollup) quotaKey(f quota.Figures) []uint32 {
	key := []uint32{uint32(rank(usage.Allocated))}
	for _, d := range r.columns {
		name := map[Dimension]string{
			ByProject: f.Project, ByDepartment: orNone(f.Department), ByNodePool: orNone(f.NodePool),
		}[d]
		key = append(key, r.names.idOf(name))
	}
	return key
}

// cover fills in the table's coverage and gaps.
func (r *Rollup) cover(t *Table) {
	for _, name := range t.Clusters {
		c := r.clusters[name]
		of := Coverage{Coverage: c.coverage}
		for hour := range r.spec.Window.Hours() {
			of.HoursAsked++
			if p, ok := c.hours[hour.From.UnixMilli()]; ok {
				if p.open {
					of.HoursOpen++
					of.OpenMillis += p.millis
				} else {
					of.HoursClosed++
				}
				continue
			}
			if last := len(t.Missing) - 1; last >= 0 && t.Missing[last].Cluster == name && t.Missing[last].To.Equal(hour.From) {
				t.Missing[last].To = hour.To
			} else {
				t.Missing = append(t.Missing, Gap{name, hour.From, hour.To})
			}
		}
		t.ByCluster = append(t.ByCluster, of)
		merge(&t.Coverage.Coverage, of.Coverage)
		t.Coverage.HoursAsked += of.HoursAsked
		t.Coverage.HoursClosed += of.HoursClosed
		t.Coverage.HoursOpen += of.HoursOpen
		t.Coverage.OpenMillis += of.OpenMillis
	}
}

// fill sorts the rows and makes the total.
func (r *Rollup) fill(t *Table) error {
	t.rows = rows{
		columns: r.columns, names: r.names, groups: r.groups, quotas: r.quotas(),
		priced: r.book != nil, coverage: t.Coverage.Ratio(),
	}
	if r.by(ByCluster) {
		t.rows.byCluster = map[string]Ratio{}
		for i, name := range t.Clusters {
			t.rows.byCluster[name] = t.ByCluster[i].Ratio()
		}
	}
	t.rows.sort()
	var err error
	t.Total, err = t.rows.total()
	return err
}

// Digest names the inputs whatever order they came in.
func Digest(inputs []Input) Inputs {
	sorted := slices.Clone(inputs)
	slices.SortFunc(sorted, func(a, b Input) int {
		return cmp.Or(strings.Compare(a.Cluster, b.Cluster), a.From.Compare(b.From))
	})
	sum := sha256.New()
	for _, in := range sorted {
		// A hash never fails to take bytes.
		_, _ = io.WriteString(sum, fmt.Sprintf("%s %s %d %s\n", in.Cluster, in.From.UTC().Format(time.RFC3339), in.Revision, in.SHA256))
	}
	return Inputs{len(inputs), hex.EncodeToString(sum.Sum(nil))}
}
