package ledger

import (
	"errors"
	"fmt"
	"io"

	"github.com/parquet-go/parquet-go"

	"github.com/gputally/gputally/reporter/usage"
)

// A column reads its values of a row group into the segments. Reading by
// column makes one string of a name that a row group repeats; reading by row
// would make one for each row.
type column struct {
	name string
	read func(pages parquet.Pages, segments []usage.Segment) error
}

// columns are the fields of a row with what they are read into.
func columns() []column {
	return []column{
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
		{"share", reader(parquet.Value.Double, func(s *usage.Segment) *float64 { return &s.Share })},
		numbers("gpu_ms", func(s *usage.Segment) *int64 { return &s.GPUMillis }),
		numbers("active_ms", func(s *usage.Segment) *int64 { return &s.ActiveMillis }),
		numbers("idle_ms", func(s *usage.Segment) *int64 { return &s.IdleMillis }),
		numbers("observed_ms", func(s *usage.Segment) *int64 { return &s.ObservedMillis }),
		numbers("estimated_ms", func(s *usage.Segment) *int64 { return &s.EstimatedMillis }),
		numbers("memory_byte_seconds", func(s *usage.Segment) *int64 { return &s.MemoryByteSeconds }),
		numbers("energy_mj", func(s *usage.Segment) *int64 { return &s.EnergyMillijoules }),
	}
}

func texts(name string, field func(*usage.Segment) *string) column {
	return column{name, reader(func(v parquet.Value) string { return string(v.ByteArray()) }, field)}
}

func numbers(name string, field func(*usage.Segment) *int64) column {
	return column{name, reader(parquet.Value.Int64, field)}
}

// reader reads a column's pages into the field of each segment in turn.
func reader[T any](convert func(parquet.Value) T, field func(*usage.Segment) *T) func(parquet.Pages, []usage.Segment) error {
	return func(pages parquet.Pages, segments []usage.Segment) error {
		var names []T // of the dictionary, which all pages of a row group share
		rest := segments
		for {
			page, err := pages.ReadPage()
			if errors.Is(err, io.EOF) && len(rest) == 0 {
				return nil
			}
			if err != nil {
				return fmt.Errorf("after %d of %d rows: %w", len(segments)-len(rest), len(segments), err)
			}
			if int(page.NumValues()) > len(rest) {
				return fmt.Errorf("more than %d rows", len(segments))
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
func fill[T any](segments []usage.Segment, page parquet.Page, names []T, convert func(parquet.Value) T, field func(*usage.Segment) *T) error {
	if page.Dictionary() != nil {
		data := page.Data()
		for i, code := range data.Int32() {
			*field(&segments[i]) = names[code]
		}
		return nil
	}
	values := page.Values()
	var buf [256]parquet.Value
	for len(segments) > 0 {
		n, err := values.ReadValues(buf[:min(len(buf), len(segments))])
		for i, v := range buf[:n] {
			*field(&segments[i]) = convert(v)
		}
		segments = segments[n:]
		if err != nil && len(segments) > 0 {
			return fmt.Errorf("%d values are not there: %w", len(segments), err)
		}
	}
	return nil
}
