package command

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
)

// grid is a table for the terminal or for a program.
type grid struct {
	head  []string // names of the columns, as programs read them
	title []string // of the columns, as people read them; without them there is no header
	units []string // of the columns, a second line below the titles; nil if they need none
	texts int      // so many columns go to the left; those after them are numbers
	rows  [][]string
	shown [][]string // rows as people read them, nil if that is the same
}

// print writes the grid as a table, as CSV, or as a JSON list of objects with the
// texts of the CSV.
func (g grid) print(w io.Writer, format string) error {
	switch format {
	case "json":
		objects := make([]map[string]string, len(g.rows))
		for i, row := range g.rows {
			objects[i] = map[string]string{}
			for j, cell := range row {
				objects[i][g.head[j]] = cell
			}
		}
		return printJSON(w, objects)
	case "csv":
		out := csv.NewWriter(w)
		if err := out.WriteAll(append([][]string{g.head}, g.rows...)); err != nil {
			return fmt.Errorf("print the table: %w", err)
		}
		return nil
	}
	t := table.NewWriter()
	t.SetStyle(table.Style{
		Box:     table.BoxStyle{PaddingRight: "  "},
		Format:  table.FormatOptions{Header: text.FormatUpper},
		Options: table.OptionsNoBordersAndSeparators,
	})
	t.SuppressTrailingSpaces()
	var columns []table.ColumnConfig
	for i := range g.title {
		if i >= g.texts {
			columns = append(columns, table.ColumnConfig{Number: i + 1, Align: text.AlignRight, AlignHeader: text.AlignRight})
		}
	}
	t.SetColumnConfigs(columns)
	if len(g.title) > 0 {
		t.AppendHeader(cells(g.title))
	}
	if g.units != nil {
		t.AppendHeader(cells(g.units))
	}
	rows := g.shown
	if rows == nil {
		rows = g.rows
	}
	for _, row := range rows {
		t.AppendRow(cells(row))
	}
	if _, err := io.WriteString(w, t.Render()+"\n"); err != nil {
		return fmt.Errorf("print the table: %w", err)
	}
	return nil
}

func cells(texts []string) table.Row {
	row := make(table.Row, len(texts))
	for i, t := range texts {
		row[i] = t
	}
	return row
}

// printJSON writes a value as indented JSON.
func printJSON(w io.Writer, value any) error {
	out := json.NewEncoder(w)
	out.SetEscapeHTML(false)
	out.SetIndent("", "  ")
	if err := out.Encode(value); err != nil {
		return fmt.Errorf("print JSON: %w", err)
	}
	return nil
}
