package rollup

import (
	"fmt"
	"maps"
	"slices"

	"github.com/gputally/gputally/reporter/quota"
	"github.com/gputally/gputally/reporter/report"
	"github.com/gputally/gputally/reporter/usage"
)

// Table returns what was added so far as a table.
func (r *Rollup) Table() (report.Table, error) {
	zone, err := r.spec.Location()
	if err == nil {
		err = r.settle()
	}
	if err != nil {
		return report.Table{}, fmt.Errorf("report %q: %w", r.spec.Name, err)
	}
	t := report.Table{
		Spec: r.spec, Zone: zone,
		Clusters: slices.Sorted(maps.Keys(r.clusters)),
		Inputs:   report.Digest(r.inputs),
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
		return report.Table{}, fmt.Errorf("report %q: %w", r.spec.Name, err)
	}
	r.notes.tell(&t)
	return t, nil
}

// quotas adds the figures of all scopes to the rows that they belong to. A
// scope that was not used gets a row of its own.
func (r *Rollup) quotas() map[uint32]*report.Quota {
	if r.tally == nil {
		return nil
	}
	quotas := map[uint32]*report.Quota{}
	for _, f := range r.tally.Figures() {
		row := r.groups.find(r.quotaKey(f))
		if quotas[row] == nil {
			quotas[row] = &report.Quota{}
		}
		quotas[row].Add(report.Quota{Deserved: f.Deserved, Over: f.Over, Left: f.Left})
	}
	return quotas
}

func (r *Rollup) quotaKey(f quota.Figures) []uint32 {
	key := []uint32{uint32(rank(usage.Allocated))}
	for _, d := range r.columns {
		name := map[report.Dimension]string{
			report.ByProject: f.Project, report.ByDepartment: orNone(f.Department), report.ByNodePool: orNone(f.NodePool),
		}[d]
		key = append(key, r.names.idOf(name))
	}
	return key
}

// cover fills in the table's coverage and gaps.
func (r *Rollup) cover(t *report.Table) {
	for _, name := range t.Clusters {
		c := r.clusters[name]
		of := report.Coverage{Coverage: c.coverage}
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
				t.Missing = append(t.Missing, report.Gap{Cluster: name, From: hour.From, To: hour.To})
			}
		}
		t.ByCluster = append(t.ByCluster, of)
		t.Coverage.Add(of.Coverage)
		t.Coverage.HoursAsked += of.HoursAsked
		t.Coverage.HoursClosed += of.HoursClosed
		t.Coverage.HoursOpen += of.HoursOpen
		t.Coverage.OpenMillis += of.OpenMillis
	}
}

// fill sorts the rows and makes the total.
func (r *Rollup) fill(t *report.Table) error {
	lines := &rows{
		columns: r.columns, names: r.names, groups: r.groups, quotas: r.quotas(),
		priced: r.book != nil, coverage: t.Coverage.Ratio(),
	}
	if r.by(report.ByCluster) {
		lines.byCluster = map[string]report.Ratio{}
		for i, name := range t.Clusters {
			lines.byCluster[name] = t.ByCluster[i].Ratio()
		}
	}
	lines.sort()
	t.Content = lines
	var err error
	t.Total, err = lines.total()
	return err
}
