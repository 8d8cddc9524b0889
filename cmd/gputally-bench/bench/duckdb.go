package bench

import (
	"bytes"
	"context"
	"encoding/csv"
	"fmt"
	"io"
	"strings"
)

// query runs SQL in DuckDB; its rows go to out as CSV.
func (r *run) query(ctx context.Context, out io.Writer, sql string) (spent, error) {
	return r.process(ctx, out, r.duckdb, "-c", sql)
}

// rows runs SQL in DuckDB and returns its rows without the header.
func (r *run) rows(ctx context.Context, sql string) ([][]string, error) {
	var out bytes.Buffer
	if _, err := r.query(ctx, &out, sql); err != nil {
		return nil, err
	}
	rows, err := csv.NewReader(&out).ReadAll()
	if err != nil || len(rows) == 0 {
		return nil, fmt.Errorf("DuckDB's answer: %w", err)
	}
	return rows[1:], nil
}

// quote writes a text as SQL does.
func quote(text string) string { return "'" + strings.ReplaceAll(text, "'", "''") + "'" }

// hourly is the hourly table of a bucket.
func hourly(bucket string) string {
	return fmt.Sprintf("read_parquet(%s)", quote(bucket+"/ledger/hourly/**/*.parquet"))
}
