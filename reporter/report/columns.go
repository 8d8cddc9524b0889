package report

import (
	"time"
)

// column is a column of a file: its name, and a function that appends the cell
// of a row. There may be a million rows, so no cell is a string.
type column struct {
	name string
	cell func(to []byte, r *Row) []byte
}

// csvColumns are the columns of the table's CSV file, in order.
func (t Table) csvColumns() []column {
	constant := func(name, value string) column {
		return column{name, func(to []byte, _ *Row) []byte { return appendCell(to, value) }}
	}
	columns := []column{
		constant("period_start", t.Spec.Window.From.In(t.Zone).Format(time.RFC3339)),
		constant("period_end", t.Spec.Window.To.In(t.Zone).Format(time.RFC3339)),
		{"state", func(to []byte, r *Row) []byte { return append(to, r.State...) }},
	}
	for _, d := range t.Spec.Columns() {
		columns = append(columns, column{string(d), func(to []byte, r *Row) []byte { return appendCell(to, guarded(*r.At(d))) }})
	}
	columns = append(columns,
		column{"gpu_seconds", func(to []byte, r *Row) []byte { return appendSeconds(to, r.GPUMillis) }},
		column{"allocated_gpu_seconds", func(to []byte, r *Row) []byte { return appendSeconds(to, r.AllocatedMillis) }},
		column{"active_gpu_seconds", func(to []byte, r *Row) []byte { return appendSeconds(to, r.ActiveMillis) }},
		column{"idle_gpu_seconds", func(to []byte, r *Row) []byte { return appendSeconds(to, r.IdleMillis) }},
		column{"observed_gpu_seconds", func(to []byte, r *Row) []byte { return appendSeconds(to, r.ObservedMillis) }},
		column{"estimated_gpu_seconds", func(to []byte, r *Row) []byte { return appendSeconds(to, r.EstimatedMillis) }},
		column{"allocated_gpu_hours", func(to []byte, r *Row) []byte { return appendHours(to, r.AllocatedMillis, 6) }},
		column{"memory_gib_hours", func(to []byte, r *Row) []byte { return appendGiBHours(to, r.Memory) }},
		column{"energy_kwh", func(to []byte, r *Row) []byte { return appendKilowattHours(to, r.EnergyMilliJoule) }},
	)
	if t.HasQuota {
		columns = append(columns,
			column{"deserved_gpu_seconds", ofQuota(func(q Quota) int64 { return q.Deserved })},
			column{"over_quota_gpu_seconds", ofQuota(func(q Quota) int64 { return q.Over })},
			column{"left_gpu_seconds", ofQuota(func(q Quota) int64 { return q.Left })},
		)
	}
	if t.Currency != "" {
		columns = append(columns, column{"cost", appendCost}, constant("currency", t.Currency))
	}
	return append(columns, column{"coverage_ratio", func(to []byte, r *Row) []byte { return appendFixed(to, int64(r.Coverage), 6) }})
}

func ofQuota(value func(Quota) int64) func([]byte, *Row) []byte {
	return func(to []byte, r *Row) []byte {
		if r.Quota == nil {
			return to
		}
		return appendSeconds(to, value(*r.Quota))
	}
}

// appendCost writes the cost of a row, nothing if it is not known.
func appendCost(to []byte, r *Row) []byte {
	if !r.Priced {
		return to
	}
	return appendFixed(to, int64(r.Cost), 6)
}

// guarded puts an apostrophe before a name that a spreadsheet would take for a
// formula. Kubernetes and the projects file allow no such names; only a ledger
// that was written by hand can have them.
func guarded(name string) string {
	if name == "" {
		return ""
	}
	switch name[0] {
	case '=', '+', '-', '@', '\t', '\r', '\n':
		return "'" + name
	}
	return name
}
