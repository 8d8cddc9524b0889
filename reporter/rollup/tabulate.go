package rollup

import (
	"fmt"
	"maps"
	"slices"

	"github.com/gputally/gputally/reporter/report"
)

// Table returns what was added so far as a table. Its rows are read from the
// rollup, and are valid until more is added.
func (r *Rollup) Table() (report.Table, error) {
	zone, err := r.spec.Location()
	if err == nil {
		err = r.flush()
	}
	if err != nil {
		return report.Table{}, fmt.Errorf("report of %s: %w", r.spec.Window, err)
	}
	t := report.Table{
		Spec: r.spec, Zone: zone,
		Clusters: slices.Sorted(maps.Keys(r.clusters)),
		Inputs:   report.Digest(r.inputs),
	}
	if r.projects != nil {
		t.QuotaRevision = r.projects.Revision()
	}
	r.accumulators.finish(&t, r.row)
	r.cover(&t)
	if err := r.fill(&t); err != nil {
		return report.Table{}, fmt.Errorf("report of %s: %w", r.spec.Window, err)
	}
	r.notes.writeTo(&t)
	return t, nil
}

// row returns the cells of the row to which a key belongs, by the fields that the
// report groups by.
func (r *Rollup) row(k report.Key) []int64 {
	r.key = append(r.key[:0], uint32(rank(k.State)))
	for _, d := range r.columns {
		r.key = append(r.key, r.names.ID(*k.At(d)))
	}
	return r.groups.at(r.groups.find(r.key))
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
		columns: r.columns, names: r.names, groups: r.groups, accumulators: &r.accumulators,
		coverage: t.Coverage.Ratio(),
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
