package prom

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/gputally/gputally/reporter/series"
)

const (
	scanBuffer = 256 << 10 // bytes, to begin with
	maxToken   = 16 << 20  // bytes of one string or number
	maxDepth   = 100       // of arrays and objects in what is skipped
)

// scanner reads JSON as a stream: the answer is never held, only the string or
// number that is being read. It takes what encoding/json takes.
type scanner struct {
	r        io.Reader
	buf      []byte
	pos, end int    // what is read but not used yet
	before   int64  // bytes that were used before buf[0]
	err      error  // why no more can be read
	text     []byte // room for strings with escapes
}

func newScanner(r io.Reader) *scanner { return &scanner{r: r, buf: make([]byte, scanBuffer)} }

// more reads further input behind what is there, which may move. It returns
// false at the end.
func (s *scanner) more() bool {
	if s.err != nil {
		return false
	}
	if s.pos > 0 {
		copy(s.buf, s.buf[s.pos:s.end])
		s.before += int64(s.pos)
		s.pos, s.end = 0, s.end-s.pos
	}
	if s.end == len(s.buf) {
		if s.end >= maxToken {
			s.err = garbled("a value of more than %d bytes", maxToken)
			return false
		}
		s.buf = slices.Grow(s.buf, len(s.buf))[:2*len(s.buf)]
	}
	for range 100 { // a reader may return nothing, but not for ever
		n, err := s.r.Read(s.buf[s.end:])
		s.end += n
		if err != nil {
			s.err = err
			if !errors.Is(err, io.EOF) {
				s.err = &bodyError{err}
			}
		}
		if n > 0 || err != nil {
			return n > 0
		}
	}
	s.err = &bodyError{io.ErrNoProgress}
	return false
}

// ended is the error of an answer that ends where more must follow.
func (s *scanner) ended() error {
	if errors.Is(s.err, io.EOF) {
		return &Error{Kind: series.Protocol, Err: ErrTruncated, retry: true}
	}
	return s.err
}

// unexpected is the error of input that is not what must follow.
func (s *scanner) unexpected(want string) error {
	const shown = 40 // bytes
	return garbled("no %s at byte %d but %q", want, s.before+int64(s.pos), s.buf[s.pos:min(s.end, s.pos+shown)])
}

// next returns the first byte that is no space, without using it.
func (s *scanner) next() (byte, error) {
	for {
		for s.pos < s.end {
			switch c := s.buf[s.pos]; c {
			case ' ', '\n', '\r', '\t':
				s.pos++
			default:
				return c, nil
			}
		}
		if !s.more() {
			return 0, s.ended()
		}
	}
}

// is uses the next byte if it is c.
func (s *scanner) is(c byte) (bool, error) {
	got, err := s.next()
	if err == nil && got == c {
		s.pos++
		return true, nil
	}
	return false, err
}

// must uses the next byte, which must be c.
func (s *scanner) must(c byte) error {
	ok, err := s.is(c)
	if err == nil && !ok {
		return s.unexpected(strconv.QuoteRune(rune(c)))
	}
	return err
}

// atEnd reports whether nothing follows.
func (s *scanner) atEnd() (bool, error) {
	_, err := s.next()
	if errors.Is(err, ErrTruncated) {
		return true, nil
	}
	return false, err
}

// object calls f for each value of an object with its key, which is valid until
// the scanner is used. f must use the value.
func (s *scanner) object(f func(key []byte) error) error {
	if err := s.must('{'); err != nil {
		return err
	}
	if empty, err := s.is('}'); empty || err != nil {
		return err
	}
	for {
		key, err := s.string()
		if err != nil {
			return err
		}
		// The colon is mostly there already; then the key stays where it is.
		if s.pos == s.end || s.buf[s.pos] != ':' {
			s.text = append(s.text[:0], key...)
			key = s.text
		}
		if err := s.must(':'); err != nil {
			return err
		}
		if err := f(key); err != nil {
			return err
		}
		if last, err := s.lastOf('}'); last || err != nil {
			return err
		}
	}
}

// array calls f for each element, which f must use.
func (s *scanner) array(f func() error) error {
	if err := s.must('['); err != nil {
		return err
	}
	if empty, err := s.is(']'); empty || err != nil {
		return err
	}
	for {
		if err := f(); err != nil {
			return err
		}
		if last, err := s.lastOf(']'); last || err != nil {
			return err
		}
	}
}

// lastOf uses a comma or, after the last element, the closing byte.
func (s *scanner) lastOf(closing byte) (bool, error) {
	if s.pos < s.end && s.buf[s.pos] == ',' {
		s.pos++
		return false, nil
	}
	last, err := s.is(closing)
	if last || err != nil {
		return last, err
	}
	return false, s.must(',')
}

// string returns a string, valid until the scanner is used. Bytes that are no
// UTF-8 stay as they are.
func (s *scanner) string() ([]byte, error) {
	c, err := s.next()
	if err != nil {
		return nil, err
	}
	if c != '"' {
		return nil, s.unexpected("string")
	}
	for at := s.pos + 1; ; at++ {
		for at >= s.end {
			at -= s.pos
			if !s.more() {
				return nil, s.ended()
			}
			at += s.pos
		}
		switch c := s.buf[at]; {
		case c == '"':
			text := s.buf[s.pos+1 : at]
			s.pos = at + 1
			return text, nil
		case c == '\\':
			return s.escaped(at)
		case c < ' ':
			s.pos = at
			return nil, s.unexpected("letter of a string")
		}
	}
}

// escaped returns the string at pos, whose first escape is at the index.
func (s *scanner) escaped(at int) ([]byte, error) {
	s.text = append(s.text[:0], s.buf[s.pos+1:at]...)
	s.pos = at
	for {
		if s.pos == s.end && !s.more() {
			return nil, s.ended()
		}
		if len(s.text) > maxToken {
			return nil, garbled("a string of more than %d bytes", maxToken)
		}
		c := s.buf[s.pos]
		switch {
		case c == '"':
			s.pos++
			return s.text, nil
		case c == '\\':
			if err := s.escape(); err != nil {
				return nil, err
			}
			continue
		case c < ' ':
			return nil, s.unexpected("letter of a string")
		}
		s.text = append(s.text, c)
		s.pos++
	}
}

// escape appends what the escape at pos stands for to text.
func (s *scanner) escape() error {
	const long = len(`\ud83d\ude00`) // the longest escape is a pair of these
	for s.end-s.pos < long && s.more() {
	}
	in := s.buf[s.pos:s.end]
	if len(in) < 2 {
		return s.ended()
	}
	if i := bytes.IndexByte([]byte(`"\/bfnrt`), in[1]); i >= 0 {
		s.text = append(s.text, "\"\\/\b\f\n\r\t"[i])
		s.pos += 2
		return nil
	}
	r, ok := hexEscape(in)
	if !ok {
		if len(in) < long/2 {
			return s.ended()
		}
		return s.unexpected("escape")
	}
	s.pos += long / 2
	if utf16.IsSurrogate(r) {
		second, ok := hexEscape(in[long/2:])
		if r = utf16.DecodeRune(r, second); ok && r != utf8.RuneError {
			s.pos += long / 2
		} else {
			r = utf8.RuneError
		}
	}
	s.text = utf8.AppendRune(s.text, r)
	return nil
}

// hexEscape reads an escape such as \u00e9.
func hexEscape(in []byte) (rune, bool) {
	if len(in) < 6 || in[0] != '\\' || in[1] != 'u' {
		return 0, false
	}
	var r rune
	for _, c := range in[2:6] {
		i := bytes.IndexByte([]byte("0123456789abcdefABCDEF"), c)
		if i < 0 {
			return 0, false
		}
		if i >= 16 {
			i -= 6
		}
		r = r<<4 | rune(i)
	}
	return r, true
}

// word returns the letters, digits and signs that follow: a number or a name
// such as null. It is valid until the scanner is used.
func (s *scanner) word() ([]byte, error) {
	if _, err := s.next(); err != nil {
		return nil, err
	}
	for at := s.pos; ; at++ {
		if at >= s.end {
			at -= s.pos
			if !s.more() && !errors.Is(s.err, io.EOF) {
				return nil, s.err
			}
			at += s.pos
		}
		if at >= s.end || !wordByte(s.buf[at]) {
			word := s.buf[s.pos:at]
			if len(word) == 0 {
				return nil, s.unexpected("value")
			}
			s.pos = at
			return word, nil
		}
	}
}

func wordByte(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || c == '-' || c == '+' || c == '.'
}

// skip uses a value of any kind.
func (s *scanner) skip() error { return s.skipTo(maxDepth) }

func (s *scanner) skipTo(depth int) error {
	if depth == 0 {
		return garbled("an answer of more than %d levels", maxDepth)
	}
	c, err := s.next()
	if err != nil {
		return err
	}
	switch c {
	case '{':
		return s.object(func([]byte) error { return s.skipTo(depth - 1) })
	case '[':
		return s.array(func() error { return s.skipTo(depth - 1) })
	case '"':
		_, err := s.string()
		return err
	}
	word, err := s.word()
	if err != nil {
		return err
	}
	if !isName(word) && !isNumber(word) {
		return garbled("value %q is not of JSON", word)
	}
	return nil
}

// isName reports whether a word is one of the names of JSON.
func isName(word []byte) bool {
	return string(word) == "null" || string(word) == "true" || string(word) == "false"
}
