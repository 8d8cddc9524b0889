package sealed

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"io"
	"iter"

	"github.com/gputally/gputally/reporter/checksum"
)

// contentChunk is the size of a content's chunks, in bytes.
const contentChunk = 64 << 10

// Content is the bytes of a file that is made. It grows by chunks, so it takes the
// memory of its bytes and not twice that, and none of it is ever copied.
type Content struct {
	Size   int64
	SHA256 string // of all of it, hexadecimal, once it is sealed
	chunks [][]byte
}

// Write appends bytes.
func (c *Content) Write(p []byte) (int, error) {
	n := len(p)
	for len(p) > 0 {
		at := c.Size % contentChunk
		if at == 0 {
			c.chunks = append(c.chunks, make([]byte, contentChunk))
		}
		fit := copy(c.chunks[len(c.chunks)-1][at:], p)
		p, c.Size = p[fit:], c.Size+int64(fit)
	}
	return n, nil
}

// between yields the bytes from one place to another, as they lie there.
func (c *Content) between(from, to int64) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for from < to {
			at := from % contentChunk
			part := c.chunks[from/contentChunk][at:min(contentChunk, at+to-from)]
			if !yield(part) {
				return
			}
			from += int64(len(part))
		}
	}
}

// ReadAt reads as an io.ReaderAt does.
func (c *Content) ReadAt(p []byte, off int64) (int, error) {
	n := 0
	for part := range c.between(off, min(off+int64(len(p)), c.Size)) {
		n += copy(p[n:], part)
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// Body reads all of it, and again.
func (c *Content) Body() *io.SectionReader { return io.NewSectionReader(c, 0, c.Size) }

// seal writes the seal of a Parquet file in its place, and takes the SHA-256.
func (c *Content) seal() error {
	footer, err := c.footer()
	if err != nil {
		return err
	}
	in, err := sealAt(footer)
	if err != nil {
		return err
	}
	at := c.Size - int64(len(footer)) + int64(in)
	sealed := sha256.New()
	for part := range c.between(0, at) {
		sealed.Write(part)
	}
	whole, err := cloned(sealed)
	if err != nil {
		return err
	}
	for part := range c.between(at, c.Size) { // with zeros in the place of the seal
		sealed.Write(part)
	}
	text := []byte(checksum.Of(sealed))
	for part := range c.between(at, at+int64(len(text))) {
		text = text[copy(part, text):]
	}
	for part := range c.between(at, c.Size) {
		whole.Write(part)
	}
	c.SHA256 = checksum.Of(whole)
	return nil
}

// footer is a copy of the end of a Parquet file: its footer, the length of that
// and the mark.
func (c *Content) footer() ([]byte, error) {
	const tail = 8 // 4 bytes of length, little-endian, and "PAR1"
	if c.Size < tail {
		return nil, errors.New("it has no footer")
	}
	var end [tail]byte
	if _, err := c.ReadAt(end[:], c.Size-tail); err != nil {
		return nil, err
	}
	from := c.Size - tail - int64(binary.LittleEndian.Uint32(end[:]))
	if from < 0 {
		return nil, errors.New("its footer is longer than it is")
	}
	footer := make([]byte, c.Size-from)
	_, err := c.ReadAt(footer, from)
	return footer, err
}
