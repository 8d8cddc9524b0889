package ledger

import (
	"bytes"
	"fmt"

	"github.com/parquet-go/parquet-go"

	"github.com/gputally/gputally/reporter/usage"
)

const (
	// rowGroupRows bounds what a reader of the ledger holds as rows: one row
	// group, about 4 MB.
	rowGroupRows = 16384
	// chunkRows is how many rows are handed to the Parquet writer at once.
	chunkRows = 1024
)

// encode writes the segments with the footer as a sealed Parquet file.
func encode(segments []usage.Segment, f footer) ([]byte, error) {
	pairs, err := f.pairs()
	if err != nil {
		return nil, err
	}
	options := []parquet.WriterOption{
		// Not the default, which names the build and would change the bytes.
		parquet.CreatedBy("gputally", f.Writer, ""),
		parquet.Compression(&parquet.Zstd),
		parquet.MaxRowsPerRowGroup(rowGroupRows),
		parquet.KeyValueMetadata(sealKey, unsealed),
	}
	for key, value := range pairs {
		options = append(options, parquet.KeyValueMetadata(key, value))
	}
	var out bytes.Buffer
	w := parquet.NewGenericWriter[row](&out, options...)
	chunk := make([]row, 0, min(chunkRows, len(segments)))
	for len(segments) > 0 {
		n := min(chunkRows, len(segments))
		chunk = chunk[:0]
		for _, seg := range segments[:n] {
			chunk = append(chunk, row(seg))
		}
		if _, err := w.Write(chunk); err != nil {
			return nil, fmt.Errorf("encode rows: %w", err)
		}
		segments = segments[n:]
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("encode footer: %w", err)
	}
	return out.Bytes(), seal(out.Bytes())
}
