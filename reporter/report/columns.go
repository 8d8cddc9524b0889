package report

import (
	"time"
)

// column is a column of the CSV file.
type column struct {
	name string
	text func(Row) string
}

// csvColumns are the columns of the table's CSV file, in order.
func (t Table) csvColumns() []column {
	constant := func(name, value string) column {
		return column{name, func(Row) string { return value }}
	}
	columns := []column{
		constant("period_start", t.Spec.Window.From.In(t.zone).Format(time.RFC3339)),
		constant("period_end", t.Spec.Window.To.In(t.zone).Format(time.RFC3339)),
		{"state", func(r Row) string { return string(r.State) }},
	}
	for _, d := range t.columns {
		columns = append(columns, column{string(d), func(r Row) string { return cell(r.field(d)) }})
	}
	columns = append(columns,
		column{"gpu_seconds", func(r Row) string { return seconds(r.GPUMillis) }},
		column{"allocated_gpu_seconds", func(r Row) string { return seconds(r.AllocatedMillis) }},
		column{"active_gpu_seconds", func(r Row) string { return seconds(r.ActiveMillis) }},
		column{"idle_gpu_seconds", func(r Row) string { return seconds(r.IdleMillis) }},
		column{"observed_gpu_seconds", func(r Row) string { return seconds(r.ObservedMillis) }},
		column{"estimated_gpu_seconds", func(r Row) string { return seconds(r.EstimatedMillis) }},
		column{"allocated_gpu_hours", func(r Row) string { return hours(r.AllocatedMillis, 6) }},
		column{"memory_gib_hours", func(r Row) string { return gibHours(r.Memory) }},
		column{"energy_kwh", func(r Row) string { return kilowattHours(r.EnergyMilliJoule) }},
	)
	if t.HasQuota {
		columns = append(columns,
			column{"deserved_gpu_seconds", ofQuota(func(q Quota) int64 { return q.Deserved })},
			column{"over_quota_gpu_seconds", ofQuota(func(q Quota) int64 { return q.Over })},
			column{"left_gpu_seconds", ofQuota(func(q Quota) int64 { return q.Left })},
		)
	}
	if t.Currency != "" {
		columns = append(columns, column{"cost", Row.cost}, constant("currency", t.Currency))
	}
	return append(columns, column{"coverage_ratio", func(r Row) string { return r.Coverage.String() }})
}

func ofQuota(value func(Quota) int64) func(Row) string {
	return func(r Row) string {
		if r.Quota == nil {
			return ""
		}
		return seconds(value(*r.Quota))
	}
}

// cell keeps a spreadsheet from taking a name for a formula. Names of
// Kubernetes objects can't begin like one and those of projects may not, so
// this changes nothing unless a ledger was written by hand; then the leading
// apostrophe shows.
func cell(name string) string {
	if name == "" {
		return ""
	}
	switch name[0] {
	case '=', '+', '-', '@', '\t', '\r', '\n':
		return "'" + name
	}
	return name
}
