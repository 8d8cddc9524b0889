package report

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"math"
	"math/big"
	"strings"
	"time"
	"unicode/utf8"
)

// WriteText writes the table for people at a terminal: aligned columns in
// GPU-hours with two decimals, a total, the coverage, failures and warnings. The title
// names the report and its period in the first line.
func (t Table) WriteText(w io.Writer, title string) error {
	out := bufio.NewWriter(w) // keeps its first error for Flush
	t.head(out, title)
	if t.Coverage.HoursClosed+t.Coverage.HoursOpen > 0 {
		t.grid(out)
	} else {
		fmt.Fprintln(out, "Nothing is known: no hour of the period is closed.")
	}
	t.foot(out)
	if err := out.Flush(); err != nil {
		return fmt.Errorf("write report %s: %w", title, err)
	}
	return nil
}

// textColumns are the columns for people. A unit that is not part of a column's
// name stands below it, in a second line of the name.
func (t Table) textColumns() []column {
	columns := []column{{"STATE", func(to []byte, r *Row) []byte { return append(to, r.State...) }}}
	for _, d := range t.Spec.Columns() {
		title := strings.ToUpper(strings.ReplaceAll(string(d), "_", " "))
		columns = append(columns, column{title, func(to []byte, r *Row) []byte { return append(to, *r.At(d)...) }})
	}
	columns = append(columns,
		column{"GPU-HOURS", func(to []byte, r *Row) []byte { return appendHours(to, r.GPUMillis, 2) }},
		column{"ACTIVE", func(to []byte, r *Row) []byte { return appendPercent(to, r.ActiveMillis, r.ObservedMillis) }},
	)
	if t.HasQuota {
		columns = append(columns,
			column{"DESERVED\nGPU-HOURS", quotaHours(func(q Quota) int64 { return q.Deserved })},
			column{"OVER\nGPU-HOURS", quotaHours(func(q Quota) int64 { return q.Over })},
			column{"LEFT\nGPU-HOURS", quotaHours(func(q Quota) int64 { return q.Left })},
		)
	}
	if t.Currency != "" {
		columns = append(columns, column{"COST " + t.Currency, appendCost})
	}
	return columns
}

func quotaHours(value func(Quota) int64) func([]byte, *Row) []byte {
	return func(to []byte, r *Row) []byte {
		if r.Quota == nil {
			return to
		}
		return appendHours(to, value(*r.Quota), 2)
	}
}

// appendPercent writes part of all in percent, nothing if nothing was observed.
func appendPercent(to []byte, part, all int64) []byte {
	if all <= 0 {
		return to
	}
	if part > math.MaxInt64/100 {
		return append(append(to, rounded(product(part, 100), all, 1)...), '%')
	}
	return append(appendRounded(to, 100*part, all, 1), '%')
}

// grid writes the rows and the total in columns as wide as their widest cell:
// the keys to the left, the numbers behind them to the right. All cells are
// made twice, first for their widths, so that no more than one is in memory.
func (t Table) grid(out *bufio.Writer) {
	g, units := grid{columns: t.textColumns(), left: 1 + len(t.Spec.Columns())}, false
	for _, c := range g.columns {
		title, unit, _ := strings.Cut(c.name, "\n")
		g.widths = append(g.widths, max(utf8.RuneCountInString(title), utf8.RuneCountInString(unit)))
		units = units || unit != ""
	}
	t.lines(&g, func(i int, cell []byte) { g.widths[i] = max(g.widths[i], utf8.RuneCount(cell)) })
	g.header(out, func(title, _ string) string { return title })
	if units {
		g.header(out, func(_, unit string) string { return unit })
	}
	t.lines(&g, func(i int, cell []byte) { g.put(out, i, cell) })
}

// lines hands on all cells of the rows and of the total.
func (t Table) lines(g *grid, take func(column int, cell []byte)) {
	for i := range t.Len() + 1 {
		total := i == t.Len()
		if g.row = t.Total; !total {
			g.row = t.Content.At(i)
		}
		for i, c := range g.columns {
			g.cell = c.cell(g.cell[:0], &g.row)
			switch {
			case total && i == 0:
				g.cell = append(g.cell[:0], "total"...)
			case len(g.cell) == 0:
				g.cell = append(g.cell, '-')
			}
			take(i, g.cell)
		}
	}
}

// grid is the layout of a table.
type grid struct {
	columns []column
	widths  []int // in characters
	left    int   // so many columns go to the left

	row        Row // this one
	cell, line []byte
}

// header writes a line of titles or of units.
func (g *grid) header(out *bufio.Writer, of func(title, unit string) string) {
	for i, c := range g.columns {
		title, unit, _ := strings.Cut(c.name, "\n")
		g.put(out, i, []byte(of(title, unit)))
	}
}

// put adds a cell to the line, and writes the line with its last one.
func (g *grid) put(out *bufio.Writer, i int, cell []byte) {
	pad := g.widths[i] - utf8.RuneCount(cell)
	if i > 0 {
		g.line = append(g.line, "  "...)
	}
	if i < g.left {
		g.line = append(g.line, cell...)
	}
	for range pad {
		g.line = append(g.line, ' ')
	}
	if i >= g.left {
		g.line = append(g.line, cell...)
	}
	if i == len(g.columns)-1 {
		_, _ = out.Write(append(bytes.TrimRight(g.line, " "), '\n'))
		g.line = g.line[:0]
	}
}

func (t Table) head(out io.Writer, title string) {
	note := ""
	if t.Spec.Provisional {
		note = ", provisional"
	}
	fmt.Fprintf(out, "%s, %s to %s%s\n\n", title,
		t.Spec.Window.From.In(t.Zone).Format(time.RFC3339), t.Spec.Window.To.In(t.Zone).Format(time.RFC3339), note)
}

func (t Table) foot(out io.Writer) {
	open := ""
	if t.Coverage.HoursOpen > 0 {
		open = fmt.Sprintf(" and %d read while open", t.Coverage.HoursOpen)
	}
	fmt.Fprintf(out, "\ncoverage %s%%, %d of %d hours closed%s, %s GPU-hours estimated\n",
		rounded(big.NewInt(int64(t.Total.Coverage)*100), int64(whole), 4),
		t.Coverage.HoursClosed, t.Coverage.HoursAsked, open, Hours(t.Coverage.Estimated, 2))
	for _, text := range t.Failures {
		fmt.Fprintf(out, "failed: %s\n", text)
	}
	for _, text := range t.Warnings {
		fmt.Fprintf(out, "warning: %s\n", text)
	}
	for _, f := range t.Findings {
		fmt.Fprintf(out, "finding: %s\n", f)
	}
}
