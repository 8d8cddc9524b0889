package ledger

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	"github.com/parquet-go/parquet-go"
)

// openSealed opens a Parquet file after it made sure that not one byte has
// changed since it was written, and gives the SHA-256 of all of it. The file
// must have the columns.
func openSealed[R any](data []byte, columns []column[R]) (file *parquet.File, sha256 string, err error) {
	sha256, err = checkSeal(data)
	if err != nil {
		return nil, "", err
	}
	err = guard(func() error {
		file, err = parquet.OpenFile(bytes.NewReader(data), int64(len(data)),
			parquet.SkipPageIndex(true), parquet.SkipBloomFilters(true))
		if err != nil {
			return err
		}
		return checkColumns(file, columns)
	})
	return file, sha256, err
}

// checkColumns makes sure that a column which is there is what it should be,
// and that all of the first version are there. A column added later may be
// missing in older files; there is none so far.
func checkColumns[R any](file *parquet.File, columns []column[R]) error {
	for _, c := range columns {
		leaf, ok := file.Schema().Lookup(c.name)
		if !ok {
			return fmt.Errorf("it has no column %s", c.name)
		}
		if kind := leaf.Node.Type().Kind(); kind != c.kind || !leaf.Node.Required() {
			return fmt.Errorf("column %s is %s, not a required %s", c.name, kind, c.kind)
		}
	}
	return nil
}

// readRows yields the rows of the groups, one row group at a time. The slice is
// overwritten for the next one. What is wrong with the file is reported through
// damaged; what yield returns comes back as it is.
func readRows[R any](groups []parquet.RowGroup, columns []column[R], damaged func(error) error, yield func([]R) error) error {
	var rows []R
	for _, group := range groups {
		n := group.NumRows()
		if n < 0 || n > rowGroupRows {
			return damaged(fmt.Errorf("a row group has %d rows, more than %d", n, rowGroupRows))
		}
		rows = slices.Grow(rows[:0], int(n))[:n]
		clear(rows)
		if err := guard(func() error { return readGroup(group, columns, rows) }); err != nil {
			return damaged(err)
		}
		if err := yield(rows); err != nil {
			return err
		}
	}
	return nil
}

// readGroup reads a row group.
func readGroup[R any](group parquet.RowGroup, columns []column[R], rows []R) error {
	chunks := group.ColumnChunks()
	for _, c := range columns {
		leaf, _ := group.Schema().Lookup(c.name)
		pages := chunks[leaf.ColumnIndex].Pages()
		err := c.read(pages, rows)
		if err := errors.Join(err, pages.Close()); err != nil {
			return fmt.Errorf("column %s: %w", c.name, err)
		}
	}
	return nil
}

// guard turns a panic into an error: behind a seal that holds, the Parquet
// library meets only what a gputally wrote, or somebody who forged the seal,
// and against him it does not check every length that it reads.
func guard(read func() error) (err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("it is no Parquet file of the ledger: %v", cause)
		}
	}()
	return read()
}
