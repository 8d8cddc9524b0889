package sealed

import (
	"fmt"
	"maps"
	"slices"

	"github.com/parquet-go/parquet-go"
)

const (
	// rowGroupRows bounds what a reader of the ledger holds as rows: one row
	// group, about 4 MB.
	rowGroupRows = 16384
	// chunkRows is how many rows are handed to the Parquet writer at once.
	chunkRows = 1024
)

// Encoder writes rows as a sealed Parquet file. It holds the encoded bytes and
// one row group.
type Encoder[R Row | EdgeRow] struct {
	out   Content
	w     *parquet.GenericWriter[R]
	chunk []R
	rows  int64 // in all
	open  int64 // in the row group that is not ended yet
}

// NewEncoder begins a file. The version of the program stands in it.
func NewEncoder[R Row | EdgeRow](version string, zstd Codec) *Encoder[R] {
	e := &Encoder[R]{chunk: make([]R, 0, chunkRows)}
	e.w = parquet.NewGenericWriter[R](&e.out,
		schemaOf[R](),
		// Not the default, which names the build and would change the bytes.
		parquet.CreatedBy("gputally", version, ""),
		parquet.Compression(zstd),
		parquet.MaxRowsPerRowGroup(rowGroupRows),
	)
	return e
}

// schemaOf is the schema of the rows. Its name stands in each file, so it doesn't
// follow the name of the type.
func schemaOf[R Row | EdgeRow]() *parquet.Schema {
	name := "row"
	if _, edge := any(*new(R)).(EdgeRow); edge {
		name = "edgeRow"
	}
	return parquet.NewSchema(name, parquet.SchemaOf(*new(R)))
}

// Rows is how many rows were added.
func (e *Encoder[R]) Rows() int64 { return e.rows }

// Add takes the next row.
func (e *Encoder[R]) Add(r R) error {
	e.chunk = append(e.chunk, r)
	e.rows++
	e.open++
	if len(e.chunk) < chunkRows {
		return nil
	}
	return e.write()
}

func (e *Encoder[R]) write() error {
	if _, err := e.w.Write(e.chunk); err != nil {
		return fmt.Errorf("encode rows: %w", err)
	}
	e.chunk = e.chunk[:0]
	return nil
}

// EndGroup makes the next row begin a row group.
func (e *Encoder[R]) EndGroup() error {
	if e.open == 0 {
		return nil
	}
	e.open = 0
	if err := e.write(); err != nil {
		return err
	}
	if err := e.w.Flush(); err != nil {
		return fmt.Errorf("encode rows: %w", err)
	}
	return nil
}

// Finish writes the footer with the pairs and seals the file. No more rows can
// be added. The same rows and pairs give the same bytes.
func (e *Encoder[R]) Finish(pairs map[string]string) (*Content, error) {
	if err := e.write(); err != nil {
		return nil, err
	}
	pairs[sealKey] = unsealed
	for _, key := range slices.Sorted(maps.Keys(pairs)) {
		e.w.SetKeyValueMetadata(key, pairs[key])
	}
	if err := e.w.Close(); err != nil {
		return nil, fmt.Errorf("encode footer: %w", err)
	}
	return &e.out, e.out.seal()
}
