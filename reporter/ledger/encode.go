package ledger

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

// encoder writes rows as a sealed Parquet file. It holds the encoded bytes and
// one row group.
type encoder[R any] struct {
	out   content
	w     *parquet.GenericWriter[R]
	chunk []R
	rows  int64 // in all
	open  int64 // in the row group that is not ended yet
}

func newEncoder[R any](version string, zstd codec) *encoder[R] {
	e := &encoder[R]{chunk: make([]R, 0, chunkRows)}
	e.w = parquet.NewGenericWriter[R](&e.out,
		// Not the default, which names the build and would change the bytes.
		parquet.CreatedBy("gputally", version, ""),
		parquet.Compression(zstd),
		parquet.MaxRowsPerRowGroup(rowGroupRows),
	)
	return e
}

// add takes the next row.
func (e *encoder[R]) add(r R) error {
	e.chunk = append(e.chunk, r)
	e.rows++
	e.open++
	if len(e.chunk) < chunkRows {
		return nil
	}
	return e.write()
}

func (e *encoder[R]) write() error {
	if _, err := e.w.Write(e.chunk); err != nil {
		return fmt.Errorf("encode rows: %w", err)
	}
	e.chunk = e.chunk[:0]
	return nil
}

// endGroup makes the next row begin a row group.
func (e *encoder[R]) endGroup() error {
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

// finish writes the footer with the pairs and seals the file. No more rows can
// be added.
func (e *encoder[R]) finish(pairs map[string]string) (*content, error) {
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
