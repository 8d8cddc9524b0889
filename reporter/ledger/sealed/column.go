package sealed

import (
	"errors"
	"fmt"
	"io"

	"github.com/parquet-go/parquet-go"

	"github.com/gputally/gputally/reporter/usage"
)

// A column reads its values of a row group into rows. Reading by column makes
// one string of a name that a row group repeats; reading by row would make one
// for each row.
type column[R any] struct {
	name string
	kind parquet.Kind
	read func(pages parquet.Pages, rows []R) error
}

// segmentColumns are the columns of the hourly and the daily table with what
// they are read into.
func segmentColumns() []column[usage.Segment] {
	return []column[usage.Segment]{
		texts("cluster", func(s *usage.Segment) *string { return &s.Cluster }),
		texts("node", func(s *usage.Segment) *string { return &s.Node }),
		texts("node_pool", func(s *usage.Segment) *string { return &s.NodePool }),
		texts("uuid", func(s *usage.Segment) *string { return &s.UUID }),
		texts("model", func(s *usage.Segment) *string { return &s.Model }),
		texts("state", func(s *usage.Segment) *string { return (*string)(&s.State) }),
		texts("namespace", func(s *usage.Segment) *string { return &s.Namespace }),
		texts("pod", func(s *usage.Segment) *string { return &s.Pod }),
		texts("pod_uid", func(s *usage.Segment) *string { return &s.PodUID }),
		texts("container", func(s *usage.Segment) *string { return &s.Container }),
		numbers("held_from", func(s *usage.Segment) *int64 { return &s.HeldFrom }),
		numbers("held_to", func(s *usage.Segment) *int64 { return &s.HeldTo }),
		{"share", parquet.Double, reader(parquet.Value.Double, func(s *usage.Segment) *float64 { return &s.Share })},
		numbers("gpu_ms", func(s *usage.Segment) *int64 { return &s.GPUMillis }),
		numbers("active_ms", func(s *usage.Segment) *int64 { return &s.ActiveMillis }),
		numbers("idle_ms", func(s *usage.Segment) *int64 { return &s.IdleMillis }),
		numbers("observed_ms", func(s *usage.Segment) *int64 { return &s.ObservedMillis }),
		numbers("estimated_ms", func(s *usage.Segment) *int64 { return &s.EstimatedMillis }),
		numbers("memory_byte_seconds", func(s *usage.Segment) *int64 { return &s.MemoryByteSeconds }),
		numbers("energy_mj", func(s *usage.Segment) *int64 { return &s.EnergyMillijoules }),
	}
}

// edgeColumns are the columns of edges.
func edgeColumns() []column[usage.Edge] {
	return []column[usage.Edge]{
		texts("uuid", func(e *usage.Edge) *string { return &e.UUID }),
		texts("pod", func(e *usage.Edge) *string { return &e.Pod }),
		texts("container", func(e *usage.Edge) *string { return &e.Container }),
		numbers("start", func(e *usage.Edge) *int64 { return &e.Start }),
		numbers("total_1", func(e *usage.Edge) *int64 { return &e.Total[0] }),
		numbers("total_2", func(e *usage.Edge) *int64 { return &e.Total[1] }),
		numbers("total_3", func(e *usage.Edge) *int64 { return &e.Total[2] }),
		numbers("total_4", func(e *usage.Edge) *int64 { return &e.Total[3] }),
		numbers("total_5", func(e *usage.Edge) *int64 { return &e.Total[4] }),
		numbers("total_6", func(e *usage.Edge) *int64 { return &e.Total[5] }),
	}
}

func texts[R any](name string, field func(*R) *string) column[R] {
	return column[R]{name, parquet.ByteArray, reader(func(v parquet.Value) string { return string(v.ByteArray()) }, field)}
}

func numbers[R any](name string, field func(*R) *int64) column[R] {
	return column[R]{name, parquet.Int64, reader(parquet.Value.Int64, field)}
}

// reader reads a column's pages into the field of each row in turn.
func reader[R, T any](convert func(parquet.Value) T, field func(*R) *T) func(parquet.Pages, []R) error {
	return func(pages parquet.Pages, rows []R) error {
		var names []T // of the dictionary, which all pages of a row group share
		rest := rows
		for {
			page, err := pages.ReadPage()
			if errors.Is(err, io.EOF) && len(rest) == 0 {
				return nil
			}
			if err != nil {
				return fmt.Errorf("after %d of %d rows: %w", len(rows)-len(rest), len(rows), err)
			}
			if int(page.NumValues()) > len(rest) {
				return fmt.Errorf("more than %d rows", len(rows))
			}
			if names == nil && page.Dictionary() != nil {
				names = entries(page.Dictionary(), convert)
			}
			part := rest[:page.NumValues()]
			rest = rest[len(part):]
			if err := fill(part, page, names, convert, field); err != nil {
				return err
			}
			parquet.Release(page)
		}
	}
}

// entries are the dictionary's values, by code.
func entries[T any](dict parquet.Dictionary, convert func(parquet.Value) T) []T {
	names := make([]T, dict.Len())
	for i := range names {
		names[i] = convert(dict.Index(int32(i)))
	}
	return names
}

// fill reads one page: codes of the dictionary, or values.
func fill[R, T any](rows []R, page parquet.Page, names []T, convert func(parquet.Value) T, field func(*R) *T) error {
	if page.Dictionary() != nil {
		data := page.Data()
		for i, code := range data.Int32() {
			*field(&rows[i]) = names[code]
		}
		return nil
	}
	values := page.Values()
	var buf [256]parquet.Value
	for len(rows) > 0 {
		n, err := values.ReadValues(buf[:min(len(buf), len(rows))])
		for i, v := range buf[:n] {
			*field(&rows[i]) = convert(v)
		}
		rows = rows[n:]
		if err != nil && len(rows) > 0 {
			return fmt.Errorf("%d values are not there: %w", len(rows), err)
		}
	}
	return nil
}
