package report

import (
	"fmt"
	"io"
	"math/big"
	"strings"
	"time"
	"unicode/utf8"
)

// WriteText writes the table for people at a terminal: aligned columns in
// GPU-hours with two decimals, a total, the coverage, and what to know.
func (t Table) WriteText(w io.Writer) error {
	columns := t.textColumns()
	names := make([]string, len(columns))
	for i, c := range columns {
		names[i] = c.name
	}
	grid := make([][]string, 0, 2+t.Len())
	grid = append(grid, names)
	for row := range t.Rows() {
		grid = append(grid, line(columns, row))
	}
	total := line(columns, t.Total)
	total[0] = "total"
	grid = append(grid, total)

	out := &strings.Builder{}
	t.head(out)
	if t.Coverage.HoursClosed+t.Coverage.HoursOpen > 0 {
		layout(out, grid, 1+len(t.columns))
	} else {
		out.WriteString("Nothing is known: no hour of the period is closed.\n")
	}
	t.foot(out)
	if _, err := io.WriteString(w, out.String()); err != nil {
		return fmt.Errorf("write report %q: %w", t.Spec.Name, err)
	}
	return nil
}

func (t Table) textColumns() []column {
	columns := []column{{"STATE", func(r Row) string { return string(r.State) }}}
	for _, d := range t.columns {
		title := strings.ToUpper(strings.ReplaceAll(string(d), "_", " "))
		columns = append(columns, column{title, func(r Row) string { return r.field(d) }})
	}
	columns = append(columns,
		column{"GPU-HOURS", func(r Row) string { return hours(r.GPUMillis, 2) }},
		column{"ACTIVE", func(r Row) string { return percent(r.ActiveMillis, r.ObservedMillis) }},
	)
	if t.HasQuota {
		columns = append(columns,
			column{"DESERVED", quotaHours(func(q Quota) int64 { return q.Deserved })},
			column{"OVER", quotaHours(func(q Quota) int64 { return q.Over })},
			column{"LEFT", quotaHours(func(q Quota) int64 { return q.Left })},
		)
	}
	if t.Currency != "" {
		columns = append(columns, column{"COST " + t.Currency, Row.cost})
	}
	return columns
}

func quotaHours(value func(Quota) int64) func(Row) string {
	return func(r Row) string {
		if r.Quota == nil {
			return ""
		}
		return hours(value(*r.Quota), 2)
	}
}

// percent is part of all in percent, "" if nothing was observed.
func percent(part, all int64) string {
	if all <= 0 {
		return ""
	}
	return rounded(product(part, 100), all, 1) + "%"
}

func line(columns []column, r Row) []string {
	texts := make([]string, len(columns))
	for i, c := range columns {
		if texts[i] = c.text(r); texts[i] == "" {
			texts[i] = "-"
		}
	}
	return texts
}

// layout writes a grid with columns as wide as their widest cell: the first
// ones to the left, the numbers behind them to the right.
func layout(out *strings.Builder, grid [][]string, left int) {
	widths := make([]int, len(grid[0]))
	for _, cells := range grid {
		for i, text := range cells {
			widths[i] = max(widths[i], utf8.RuneCountInString(text))
		}
	}
	for _, cells := range grid {
		row := &strings.Builder{}
		for i, text := range cells {
			pad := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(text))
			if i > 0 {
				row.WriteString("  ")
			}
			if i < left {
				row.WriteString(text + pad)
			} else {
				row.WriteString(pad + text)
			}
		}
		out.WriteString(strings.TrimRight(row.String(), " ") + "\n")
	}
}

func (t Table) head(out *strings.Builder) {
	note := ""
	if t.Spec.Provisional {
		note = ", provisional"
	}
	fmt.Fprintf(out, "%s %s, %s to %s%s\n\n", t.Spec.Name, t.Spec.PeriodKey,
		t.Spec.Window.From.In(t.zone).Format(time.RFC3339), t.Spec.Window.To.In(t.zone).Format(time.RFC3339), note)
}

func (t Table) foot(out *strings.Builder) {
	open := ""
	if t.Coverage.HoursOpen > 0 {
		open = fmt.Sprintf(" and %d read while open", t.Coverage.HoursOpen)
	}
	fmt.Fprintf(out, "\ncoverage %s%%, %d of %d hours closed%s, %s GPU-hours estimated\n",
		rounded(big.NewInt(int64(t.Total.Coverage)*100), int64(whole), 4),
		t.Coverage.HoursClosed, t.Coverage.HoursAsked, open, hours(t.Coverage.Estimated, 2))
	for _, text := range t.Failures {
		fmt.Fprintf(out, "failed: %s\n", text)
	}
	for _, text := range t.Warnings {
		fmt.Fprintf(out, "warning: %s\n", text)
	}
}
