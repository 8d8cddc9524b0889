package report

import (
	"encoding/csv"
	"fmt"
	"io"
)

// WriteCSV writes the table as CSV: RFC 4180 quoting, lines that end with LF,
// UTF-8, a header always. The same table gives the same bytes.
func (t Table) WriteCSV(w io.Writer) error {
	columns := t.csvColumns()
	out := csv.NewWriter(w)
	record := make([]string, len(columns))
	for i, c := range columns {
		record[i] = c.name
	}
	// The writer keeps its first error for Error.
	_ = out.Write(record)
	for row := range t.Rows() {
		for i, c := range columns {
			record[i] = c.text(row)
		}
		_ = out.Write(record)
	}
	out.Flush()
	if err := out.Error(); err != nil {
		return fmt.Errorf("write CSV of report %q: %w", t.Spec.Name, err)
	}
	return nil
}
