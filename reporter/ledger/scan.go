package ledger

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/parquet-go/parquet-go"

	"github.com/gputally/gputally/reporter/usage"
	"github.com/gputally/gputally/reporter/window"
)

// Scan reads columns of a closed hour, one row group after the other. It is
// the way to add up millions of segments: only the columns that are asked for
// are unpacked, and a name is made once for each row group.
type Scan struct {
	file    *file
	columns usage.Columns
	groups  []parquet.RowGroup // those that are left
}

// Scan opens a closed hour. Errors: as Stat.
func (l *Ledger) Scan(ctx context.Context, cluster string, hour window.Window, columns usage.Columns) (*Scan, error) {
	f, err := l.openHour(ctx, cluster, hour)
	if err != nil {
		return nil, err
	}
	return &Scan{f, columns, f.parquet.RowGroups()}, nil
}

// Entry describes the object that is read.
func (s *Scan) Entry() Entry { return s.file.entry() }

// Hour is what is known of the hour beside its segments.
func (s *Scan) Hour() usage.Hour { return s.file.hour() }

// Next fills the batch with the next row group. Errors: io.EOF after the last
// one, *CorruptError.
func (s *Scan) Next(b *usage.Batch) error {
	if len(s.groups) == 0 {
		return io.EOF
	}
	group := s.groups[0]
	s.groups = s.groups[1:]
	b.Reset()
	b.Rows = int(group.NumRows())
	if err := s.fill(b, group.ColumnChunks()); err != nil {
		return s.file.raw.damaged(err)
	}
	return nil
}

func (s *Scan) fill(b *usage.Batch, chunks []parquet.ColumnChunk) error {
	for _, column := range s.columns.Texts {
		if err := s.text(textColumn(column), b.Rows, &b.Texts[column], chunks); err != nil {
			return err
		}
	}
	for _, column := range s.columns.Numbers {
		numbers, err := s.number(numberColumn(column), b.Rows, b.Numbers[column], chunks)
		if err != nil {
			return err
		}
		b.Numbers[column] = numbers
	}
	return nil
}

// text reads a column with names.
func (s *Scan) text(name string, rows int, names *usage.Names, chunks []parquet.ColumnChunk) error {
	names.Codes = slices.Grow(names.Codes, rows)
	leaf, ok := s.file.parquet.Schema().Lookup(name)
	if !ok { // it was added later
		names.Add(nil)
		names.Codes = names.Codes[:rows]
		clear(names.Codes)
		return nil
	}
	var dictionary parquet.Dictionary
	return eachPage(name, rows, chunks[leaf.ColumnIndex], func(page parquet.Page) error {
		if page.Dictionary() == nil {
			return plainTexts(names, page)
		}
		if dictionary == nil {
			dictionary = page.Dictionary()
			addEntries(names, dictionary)
		}
		data := page.Data()
		return addCodes(names, data.Int32())
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

// addCodes takes over codes of a dictionary, which is all that names holds.
func addCodes(names *usage.Names, codes []int32) error {
	for _, code := range codes {
		if uint(code) >= uint(names.Len()) {
			return fmt.Errorf("code %d of %d", code, names.Len())
		}
	}
	names.Codes = append(names.Codes, codes...)
	return nil
}

// plainTexts takes the names of a page without a dictionary.
func plainTexts(names *usage.Names, page parquet.Page) error {
	data := page.Data()
	values, offsets := data.ByteArray()
	for i := range int(page.NumValues()) {
		names.Codes = append(names.Codes, names.Add(values[offsets[i]:offsets[i+1]]))
	}
	return nil
}

// number reads a column with numbers, into the memory of numbers.
func (s *Scan) number(name string, rows int, numbers []int64, chunks []parquet.ColumnChunk) ([]int64, error) {
	numbers = slices.Grow(numbers[:0], rows)
	leaf, ok := s.file.parquet.Schema().Lookup(name)
	if !ok { // it was added later
		numbers = numbers[:rows]
		clear(numbers)
		return numbers, nil
	}
	if value, ok := constant(chunks[leaf.ColumnIndex]); ok {
		for range rows {
			numbers = append(numbers, value)
		}
		return numbers, nil
	}
	err := eachPage(name, rows, chunks[leaf.ColumnIndex], func(page parquet.Page) error {
		if page.Dictionary() != nil {
			return errors.New("numbers have no dictionary")
		}
		data := page.Data()
		numbers = append(numbers, data.Int64()...)
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

// eachPage hands on the pages of a column, which hold as many rows as the row
// group.
func eachPage(name string, rows int, chunk parquet.ColumnChunk, take func(parquet.Page) error) error {
	pages := chunk.Pages()
	n := 0
	for n < rows {
		page, err := pages.ReadPage()
		if err != nil {
			return errors.Join(fmt.Errorf("column %s: after %d of %d rows: %w", name, n, rows, err), pages.Close())
		}
		n += int(page.NumValues())
		err = take(page)
		parquet.Release(page)
		if err != nil {
			return errors.Join(fmt.Errorf("column %s: %w", name, err), pages.Close())
		}
	}
	if n > rows {
		return errors.Join(fmt.Errorf("column %s: %d values for %d rows", name, n, rows), pages.Close())
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
