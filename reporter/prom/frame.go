package prom

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"net/http"
	"slices"
	"unicode"
	"unicode/utf8"

	"github.com/gputally/gputally/reporter/series"
)

const (
	// maxFrame bounds one frame in bytes. Prometheus sends 1 MiB by default and
	// refuses more than 50 MB when it is the one that reads.
	maxFrame = 64 << 20
	// frameStep is how much of a frame is made room for at once, so that a
	// garbled length costs nothing.
	frameStep = 1 << 20

	checksumSize = 4
)

// frames reads the frames of a streamed answer.
type frames struct {
	r     *bufio.Reader
	table *crc32.Table
	buf   []byte // the frame as it came: length, checksum, message
}

func newFrames(r io.Reader) *frames {
	return &frames{r: bufio.NewReaderSize(r, 256<<10), table: crc32.MakeTable(crc32.Castagnoli)}
}

// next returns the next message, valid until the next call, or io.EOF after
// the last.
func (f *frames) next() ([]byte, error) {
	f.buf = f.buf[:0]
	size, err := f.size()
	if err != nil {
		return nil, err
	}
	if size > maxFrame {
		return nil, f.broken(fmt.Errorf("frame of %d bytes, more than %d", size, maxFrame))
	}
	head := len(f.buf) + checksumSize
	for total := head + int(size); len(f.buf) < total; {
		at, step := len(f.buf), min(total-len(f.buf), frameStep)
		f.buf = slices.Grow(f.buf, step)[:at+step]
		n, err := io.ReadFull(f.r, f.buf[at:])
		f.buf = f.buf[:at+n]
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return nil, f.broken(ErrTruncated)
		} else if err != nil {
			return nil, &bodyError{err}
		}
	}
	message := f.buf[head:]
	if got, want := crc32.Checksum(message, f.table), binary.BigEndian.Uint32(f.buf[head-checksumSize:]); got != want {
		return nil, f.broken(fmt.Errorf("checksum of a frame is %08x, its header says %08x", got, want))
	}
	return message, nil
}

// size reads the length of the next message.
func (f *frames) size() (uint64, error) {
	for {
		b, err := f.r.ReadByte()
		switch {
		case err == io.EOF && len(f.buf) == 0:
			return 0, io.EOF
		case err == io.EOF:
			return 0, f.broken(ErrTruncated)
		case err != nil:
			return 0, &bodyError{err}
		}
		f.buf = append(f.buf, b)
		if b < 0x80 {
			break
		}
		if len(f.buf) == binary.MaxVarintLen64 {
			return 0, f.broken(errors.New("frame with a length that is no number"))
		}
	}
	size, n := binary.Uvarint(f.buf)
	if n <= 0 {
		return 0, f.broken(errors.New("frame with a length that is no number"))
	}
	return size, nil
}

// broken returns the error of something that is not a frame: the server's own
// error message, if that is what it is, else cause.
func (f *frames) broken(cause error) error {
	text := f.buf[:min(len(f.buf), messageLimit)]
	if room := messageLimit - len(text); room > 0 {
		rest, _ := io.ReadAll(io.LimitReader(f.r, int64(room)))
		text = append(slices.Clone(text), rest...)
	}
	if !readable(text) {
		return &Error{Kind: series.Protocol, Err: cause, retry: errors.Is(cause, ErrTruncated)}
	}
	message := string(text)
	kind := kindOf(http.StatusOK, message)
	return &Error{Kind: kind, Message: message, Err: errors.New("error after the answer had begun"), retry: kind == series.Failed}
}

// readable reports whether b is a text, perhaps cut in its last letter.
func readable(b []byte) bool {
	if len(b) < 4 { // too short to tell, and to tell anything
		return false
	}
	for len(b) > 0 {
		r, n := utf8.DecodeRune(b)
		if r == utf8.RuneError && n == 1 {
			return len(b) < utf8.UTFMax
		}
		if !unicode.IsPrint(r) && !unicode.IsSpace(r) {
			return false
		}
		b = b[n:]
	}
	return true
}
