package ledger

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

// codec compresses pages with zstd in little memory, one page at a time.
type codec struct {
	compress.Codec
	encoder *zstd.Encoder
}

func newCodec() (codec, error) {
	encoder, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(codecWindow), zstd.WithLowerEncoderMem(true),
		zstd.WithZeroFrames(true), zstd.WithEncoderCRC(false))
	if err != nil {
		return codec{}, fmt.Errorf("zstd: %w", err)
	}
	return codec{&parquet.Zstd, encoder}, nil
}

// Encode overrides that of the embedded codec.
func (c codec) Encode(dst, src []byte) ([]byte, error) { return c.encoder.EncodeAll(src, dst[:0]), nil }
