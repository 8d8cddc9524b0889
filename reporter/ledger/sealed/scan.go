package sealed

import (
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/parquet-go/parquet-go"

	"github.com/gputally/gputally/reporter/usage"
)

// Scan reads columns of segments, one row group after the other. Only the columns
// that are asked for are unpacked, and a name is made once for each row group.
type Scan struct {
	columns usage.Columns
	groups  []parquet.RowGroup // those that are left
}

// Scan begins a scan of the rows of a file of segments.
func (r Rows) Scan(columns usage.Columns) *Scan { return &Scan{columns, r.groups} }

// Next fills the batch with the next row group. Errors: io.EOF after the last
// one, *DamagedError.
func (s *Scan) Next(b *usage.Batch) error {
	if len(s.groups) == 0 {
		return io.EOF
	}
	group := s.groups[0]
	s.groups = s.groups[1:]
	if err := guard(func() error { return s.fill(b, group) }); err != nil {
		return &DamagedError{err}
	}
	return nil
}

func (s *Scan) fill(b *usage.Batch, group parquet.RowGroup) error {
	rows := group.NumRows()
	if rows < 0 || rows > rowGroupRows {
		return tooLong(rows)
	}
	b.Reset()
	b.Rows = int(rows)
	chunks := group.ColumnChunks()
	for _, column := range s.columns.Texts {
		name := textColumn(column)
		leaf, _ := group.Schema().Lookup(name) // it is there, or the file had not been opened
		if err := scanTexts(&b.Texts[column], b.Rows, chunks[leaf.ColumnIndex]); err != nil {
			return fmt.Errorf("column %s: %w", name, err)
		}
	}
	for _, column := range s.columns.Numbers {
		name := numberColumn(column)
		leaf, _ := group.Schema().Lookup(name)
		var err error
		if b.Numbers[column], err = scanNumbers(b.Numbers[column], b.Rows, chunks[leaf.ColumnIndex]); err != nil {
			return fmt.Errorf("column %s: %w", name, err)
		}
	}
	return nil
}

// scanTexts reads a column with names.
func scanTexts(names *usage.Names, rows int, chunk parquet.ColumnChunk) error {
	names.Codes = slices.Grow(names.Codes, rows)
	var dictionary parquet.Dictionary
	return eachPage(rows, chunk, func(page parquet.Page) error {
		if page.Dictionary() == nil {
			plainTexts(names, page)
			return nil
		}
		if dictionary == nil {
			if names.Len() > 0 {
				return errors.New("its dictionary comes late")
			}
			dictionary = page.Dictionary()
			addEntries(names, dictionary)
		}
		data := page.Data()
		return addCodes(names, data.Int32(), dictionary.Len())
	})
}

// addEntries takes over the names of a dictionary.
func addEntries(names *usage.Names, dictionary parquet.Dictionary) {
	data := dictionary.Page().Data()
	values, offsets := data.ByteArray()
	for i := range dictionary.Len() {
		names.Add(values[offsets[i]:offsets[i+1]])
	}
}

// addCodes takes over codes of the dictionary, whose names come first.
func addCodes(names *usage.Names, codes []int32, entries int) error {
	for _, code := range codes {
		if uint(code) >= uint(entries) {
			return fmt.Errorf("code %d of %d names", code, entries)
		}
	}
	names.Codes = append(names.Codes, codes...)
	return nil
}

// plainTexts takes the names of a page without a dictionary.
func plainTexts(names *usage.Names, page parquet.Page) {
	data := page.Data()
	values, offsets := data.ByteArray()
	for i := range int(page.NumValues()) {
		names.Codes = append(names.Codes, names.Add(values[offsets[i]:offsets[i+1]]))
	}
}

// scanNumbers reads a column with numbers into the memory of numbers.
func scanNumbers(numbers []int64, rows int, chunk parquet.ColumnChunk) ([]int64, error) {
	numbers = slices.Grow(numbers[:0], rows)
	if value, ok := constant(chunk); ok {
		for range rows {
			numbers = append(numbers, value)
		}
		return numbers, nil
	}
	err := eachPage(rows, chunk, func(page parquet.Page) error {
		data := page.Data()
		dictionary := page.Dictionary()
		if dictionary == nil {
			numbers = append(numbers, data.Int64()...)
			return nil
		}
		for _, code := range data.Int32() { // as another version may have stored them
			numbers = append(numbers, dictionary.Index(code).Int64())
		}
		return nil
	})
	return numbers, err
}

// constant is the value of a column that has one value only, as its statistics
// tell: many hours have no estimated second.
func constant(chunk parquet.ColumnChunk) (int64, bool) {
	c, ok := chunk.(interface {
		Bounds() (least, most parquet.Value, ok bool)
	})
	if !ok {
		return 0, false
	}
	least, most, ok := c.Bounds()
	if !ok || least.Kind() != parquet.Int64 {
		return 0, false
	}
	return least.Int64(), least.Int64() == most.Int64()
}

// eachPage hands on the pages of a column, which have a value for each row.
func eachPage(rows int, chunk parquet.ColumnChunk, take func(parquet.Page) error) error {
	pages := chunk.Pages()
	n := 0
	for n < rows {
		page, err := pages.ReadPage()
		if err != nil {
			return errors.Join(fmt.Errorf("after %d of %d rows: %w", n, rows, err), pages.Close())
		}
		n += int(page.NumValues())
		err = take(page)
		parquet.Release(page)
		if err != nil {
			return errors.Join(err, pages.Close())
		}
	}
	if n > rows {
		return errors.Join(fmt.Errorf("%d values for %d rows", n, rows), pages.Close())
	}
	return pages.Close()
}

// textColumn is the name under which a column is stored.
func textColumn(t usage.Text) string {
	return [usage.Texts]string{
		"cluster", "node", "node_pool", "uuid", "model", "state", "namespace", "pod", "pod_uid", "container",
	}[t]
}

// numberColumn is the name under which a column is stored.
func numberColumn(n usage.Number) string {
	return [usage.Numbers]string{
		"held_from", "held_to", "gpu_ms", "active_ms", "idle_ms", "observed_ms", "estimated_ms",
		"memory_byte_seconds", "energy_mj",
	}[n]
}
