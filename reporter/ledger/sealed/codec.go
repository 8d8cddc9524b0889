package sealed

import (
	"fmt"

	"github.com/klauspost/compress/zstd"
	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/compress"
)

// codecWindow is how far back zstd looks. A page, or the dictionary of a row
// group, is smaller. The library's own window of 8 MB would be memory for each
// table that is being written.
const codecWindow = 1 << 20

// Codec compresses pages with zstd in little memory, one page at a time.
type Codec struct {
	compress.Codec
	encoder *zstd.Encoder
}

// NewCodec returns a codec. Files that are written by turns may share one.
func NewCodec() (Codec, error) {
	encoder, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(codecWindow), zstd.WithLowerEncoderMem(true),
		zstd.WithZeroFrames(true), zstd.WithEncoderCRC(false))
	if err != nil {
		return Codec{}, fmt.Errorf("zstd: %w", err)
	}
	return Codec{&parquet.Zstd, encoder}, nil
}

// Encode overrides that of the embedded codec.
func (c Codec) Encode(dst, src []byte) ([]byte, error) { return c.encoder.EncodeAll(src, dst[:0]), nil }
