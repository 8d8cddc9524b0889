package command

import (
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/gputally/gputally/reporter/archive"
	"github.com/gputally/gputally/reporter/report"
)

// printReportJSON writes a report as one object: its manifest, and its rows, each an
// object with the columns of the CSV file. Values are text, as they stand in the CSV
// file, so that no reader rounds them; an empty value is an empty text. Rows are
// written one by one.
func printReportJSON(w io.Writer, t report.Table, as archive.Publication, made time.Time) error {
	m := t.Manifest(made)
	m.Name, m.Period.Key = as.Name, as.Period
	manifest, err := m.Encode()
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintf(w, `{"manifest": %s, "rows": [`, manifest); err != nil {
		return err
	}
	in := csv.NewReader(t.CSV())
	head, err := in.Read()
	if err != nil {
		return err
	}
	for n := 0; ; n++ {
		cells, err := in.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		row := make(map[string]string, len(cells))
		for i, cell := range cells {
			row[head[i]] = cell
		}
		data, err := json.Marshal(row)
		if err != nil {
			return err
		}
		comma := ",\n"
		if n == 0 {
			comma = "\n"
		}
		if _, err := fmt.Fprintf(w, "%s%s", comma, data); err != nil {
			return err
		}
	}
	_, err = io.WriteString(w, "\n]}\n")
	return err
}
