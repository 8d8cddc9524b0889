package report

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/gputally/gputally/reporter/usage"
)

// Table is a report ready to be written.
type Table struct {
	Spec     Spec
	Clusters []string // sorted; those of the Spec, or those found
	Rows     []Row    // sorted
	Total    Row      // without key
	Coverage Coverage
	Missing  []Gap // hours that are not closed, by cluster and time

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
	if err != nil {
		return Table{}, err
	}
	t := Table{
		Spec: r.spec, columns: r.columns, zone: zone,
		Clusters: slices.Sorted(maps.Keys(r.clusters)),
		Inputs:   digest(r.inputs),
		HasQuota: r.tally != nil,
	}
	if r.book != nil {
		t.Currency, t.BookRevision = r.book.Currency(), r.book.Revision()
	}
	if r.projects != nil {
		t.QuotaRevision = r.projects.Revision()
	}
	quotas := r.quotas()
	byCluster := r.cover(&t)
	if err := r.fill(&t, quotas, byCluster); err != nil {
		return Table{}, fmt.Errorf("report %q: %w", r.spec.Name, err)
	}
	r.notes.tell(&t)
	return t, nil
}

// quotas adds the figures of all scopes to the rows that they belong to.
func (r *Rollup) quotas() map[Key]*Quota {
	quotas := map[Key]*Quota{}
	if r.tally == nil {
		return quotas
	}
	for _, f := range r.tally.Figures() {
		k := Key{
			State:   usage.Allocated,
			Project: f.Project, Department: orNone(f.Department), NodePool: orNone(f.NodePool),
		}.only(r.columns)
		if quotas[k] == nil {
			quotas[k] = &Quota{}
		}
		quotas[k].add(Quota{f.Deserved, f.Over, f.Left})
	}
	return quotas
}

// cover fills in the table's coverage and gaps, and returns the ratio of each cluster.
func (r *Rollup) cover(t *Table) map[string]Ratio {
	ratios := map[string]Ratio{}
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
		ratios[name] = of.Ratio()
		merge(&t.Coverage.Coverage, of.Coverage)
		t.Coverage.HoursAsked += of.HoursAsked
		t.Coverage.HoursClosed += of.HoursClosed
		t.Coverage.HoursOpen += of.HoursOpen
		t.Coverage.OpenMillis += of.OpenMillis
	}
	return ratios
}

// fill makes the sorted rows and the total.
func (r *Rollup) fill(t *Table, quotas map[Key]*Quota, byCluster map[string]Ratio) error {
	rows := make(map[Key]Row, len(r.rows))
	for k, g := range r.rows {
		row := g.Row
		row.Priced = r.book != nil && k.State == usage.Allocated && !g.unpriced
		rows[k] = row
	}
	for k, q := range quotas {
		row, used := rows[k]
		if !used {
			row = Row{Key: k, Priced: r.book != nil}
		}
		row.Quota = q
		rows[k] = row
	}
	t.Rows = slices.SortedFunc(maps.Values(rows), func(a, b Row) int { return compareKeys(a.Key, b.Key) })
	t.Total = Row{Priced: r.book != nil, Coverage: t.Coverage.Ratio()}
	for i := range t.Rows {
		row := &t.Rows[i]
		row.Coverage = t.Total.Coverage
		if r.by(ByCluster) {
			row.Coverage = byCluster[row.Cluster]
		}
		if err := t.Total.merge(*row); err != nil {
			return err
		}
	}
	return nil
}

// merge adds a row to a total, which is priced only if every tenant's row is.
func (r *Row) merge(o Row) (err error) {
	r.Sums.merge(o.Sums)
	if o.State == usage.Allocated {
		r.Priced = r.Priced && o.Priced
		if r.Cost, err = r.Cost.Add(o.Cost); err != nil {
			return err
		}
	}
	if o.Quota != nil {
		if r.Quota == nil {
			r.Quota = &Quota{}
		}
		r.Quota.add(*o.Quota)
	}
	return nil
}

// digest names the inputs whatever order they came in.
func digest(inputs []input) Inputs {
	sorted := slices.Clone(inputs)
	slices.SortFunc(sorted, func(a, b input) int {
		return cmp.Or(strings.Compare(a.cluster, b.cluster), a.from.Compare(b.from))
	})
	sum := sha256.New()
	for _, in := range sorted {
		// A hash never fails to take bytes.
		_, _ = io.WriteString(sum, fmt.Sprintf("%s %s %d %s\n", in.cluster, in.from.UTC().Format(time.RFC3339), in.revision, in.sha256))
	}
	return Inputs{len(inputs), hex.EncodeToString(sum.Sum(nil))}
}

// cost formats the cost of a row, "" if it is not known.
func (r Row) cost() string {
	if !r.Priced {
		return ""
	}
	return r.Cost.String()
}
