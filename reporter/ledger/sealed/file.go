package sealed

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	"github.com/parquet-go/parquet-go"

	"github.com/gputally/gputally/reporter/usage"
)

// DamagedError says that a file is not what an Encoder writes.
type DamagedError struct{ Err error }

func (e *DamagedError) Error() string { return "damaged file: " + e.Err.Error() }

// Unwrap gives what is wrong with the file.
func (e *DamagedError) Unwrap() error { return e.Err }

// File is a sealed Parquet file in memory. Not one byte of it has changed since it
// was written.
type File struct {
	SHA256  string // of all of it, hexadecimal
	file    *parquet.File
	unknown []string
}

// OpenSegments opens a file of segments. Errors: *DamagedError.
func OpenSegments(data []byte) (*File, error) { return open(data, segmentColumns()) }

// OpenEdges opens a file of edges. Errors: *DamagedError.
func OpenEdges(data []byte) (*File, error) { return open(data, edgeColumns()) }

// open checks the seal, and that the file has the columns.
func open[R any](data []byte, columns []column[R]) (*File, error) {
	sum, err := checkSeal(data)
	if err != nil {
		return nil, &DamagedError{err}
	}
	f := &File{SHA256: sum}
	err = guard(func() error {
		f.file, err = parquet.OpenFile(bytes.NewReader(data), int64(len(data)),
			parquet.SkipPageIndex(true), parquet.SkipBloomFilters(true))
		if err != nil {
			return err
		}
		f.unknown = unknownColumns(f.file, columns)
		return checkColumns(f.file, columns)
	})
	if err != nil {
		return nil, &DamagedError{err}
	}
	return f, nil
}

// Lookup gives a value of the footer.
func (f *File) Lookup(key string) (value string, ok bool) { return f.file.Lookup(key) }

// Pairs are all values of the footer, by key, but for the seal.
func (f *File) Pairs() map[string]string {
	pairs := map[string]string{}
	for _, kv := range f.file.Metadata().KeyValueMetadata {
		if kv.Key != sealKey {
			pairs[kv.Key] = kv.Value
		}
	}
	return pairs
}

// Unknown are the columns that this version does not know: a later one has
// written the file, and its rows can be read, but not copied.
func (f *File) Unknown() []string { return f.unknown }

// Rows are all rows of the file.
func (f *File) Rows() Rows { return Rows{f.file.RowGroups()} }

// checkColumns makes sure that a column which is there is what it should be,
// and that all of the first version are there. A column added later may be
// missing in older files; there is none so far. Columns of later versions are
// passed over.
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

func unknownColumns[R any](file *parquet.File, columns []column[R]) []string {
	var unknown []string
	for _, field := range file.Schema().Fields() {
		if !slices.ContainsFunc(columns, func(c column[R]) bool { return c.name == field.Name() }) {
			unknown = append(unknown, field.Name())
		}
	}
	return unknown
}

// Rows are whole row groups of a file, one after the other.
type Rows struct{ groups []parquet.RowGroup }

// Count is how many rows there are.
func (r Rows) Count() int64 {
	n := int64(0)
	for _, group := range r.groups {
		n += group.NumRows()
	}
	return n
}

// Take splits off the row groups that have the first n rows. An error says that
// no row group ends there.
func (r Rows) Take(n int64) (taken, rest Rows, err error) {
	groups := 0
	for left := n; left > 0; groups++ {
		if groups == len(r.groups) || r.groups[groups].NumRows() > left || r.groups[groups].NumRows() <= 0 {
			return Rows{}, Rows{}, fmt.Errorf("row groups don't end where its %d rows do", n)
		}
		left -= r.groups[groups].NumRows()
	}
	return Rows{r.groups[:groups]}, Rows{r.groups[groups:]}, nil
}

// Segments yields the rows of a file of segments, one row group at a time. The
// slice is overwritten for the next one. Errors: *DamagedError; what yield
// returns comes back as it is.
func (r Rows) Segments(yield func([]usage.Segment) error) error {
	return readRows(r.groups, segmentColumns(), yield)
}

// Edges yields the rows of a file of edges, as Segments does.
func (r Rows) Edges(yield func([]usage.Edge) error) error {
	return readRows(r.groups, edgeColumns(), yield)
}

func readRows[R any](groups []parquet.RowGroup, columns []column[R], yield func([]R) error) error {
	var rows []R
	for _, group := range groups {
		n := group.NumRows()
		if n < 0 || n > rowGroupRows {
			return &DamagedError{tooLong(n)}
		}
		rows = slices.Grow(rows[:0], int(n))[:n]
		clear(rows)
		if err := guard(func() error { return readGroup(group, columns, rows) }); err != nil {
			return &DamagedError{err}
		}
		if err := yield(rows); err != nil {
			return err
		}
	}
	return nil
}

func tooLong(rows int64) error {
	return fmt.Errorf("a row group has %d rows, more than %d", rows, rowGroupRows)
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
