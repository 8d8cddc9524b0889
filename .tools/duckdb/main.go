// Command duckdb runs SQL and prints the rows of its last statement as CSV: an
// engine that shares no code with ours and reads the same Parquet files.
//
//	duckdb -threads 2 -c "SELECT sum(allocated) FROM read_parquet('**/*.parquet')"
package main

import (
	"context"
	"database/sql"
	"encoding/csv"
	"flag"
	"fmt"
	"io"
	"os"
	"strconv"
	"time"

	_ "github.com/duckdb/duckdb-go/v2" // registers the driver
)

func main() {
	query := flag.String("c", "", "SQL to run; several statements are separated by semicolons")
	threads := flag.Int("threads", 0, "threads to use (0: all cores)")
	flag.Parse()
	if *query == "" || flag.NArg() > 0 {
		fmt.Fprintln(os.Stderr, `duckdb: give the SQL as -c "SELECT …"`)
		os.Exit(2)
	}
	if err := run(context.Background(), *query, *threads, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "duckdb:", err)
		os.Exit(1)
	}
}

// run prints a header and the rows; nothing is printed of a query that fails
// before its first row. The engine is kept from fetching extensions.
func run(ctx context.Context, query string, threads int, out io.Writer) error {
	source := "?autoinstall_known_extensions=false"
	if threads > 0 {
		source += "&threads=" + strconv.Itoa(threads)
	}
	db, err := sql.Open("duckdb", source)
	if err != nil {
		return err
	}
	defer db.Close()
	rows, err := db.QueryContext(ctx, query)
	if err != nil {
		return err
	}
	defer rows.Close()
	names, err := rows.Columns()
	if err != nil {
		return err
	}
	w := csv.NewWriter(out)
	if err := w.Write(names); err != nil {
		return err
	}
	values, targets := make([]any, len(names)), make([]any, len(names))
	for i := range values {
		targets[i] = &values[i]
	}
	fields := make([]string, len(names))
	for rows.Next() {
		if err := rows.Scan(targets...); err != nil {
			return err
		}
		for i, v := range values {
			fields[i] = text(v)
		}
		if err := w.Write(fields); err != nil {
			return err
		}
	}
	if err := rows.Err(); err != nil {
		return err
	}
	w.Flush()
	return w.Error()
}

// text writes a value: NULL as nothing, times as RFC 3339, floats in full.
func text(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case time.Time:
		return v.UTC().Format(time.RFC3339Nano)
	case float64:
		return strconv.FormatFloat(v, 'g', -1, 64)
	case []byte:
		return string(v)
	}
	return fmt.Sprint(v)
}
