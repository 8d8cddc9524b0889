package series

import (
	"regexp"
	"strings"
	"time"
)

const (
	hexDigits = 16
	// maxDigits bounds how many hex digits of a label's value pieces tell apart.
	maxDigits = 4
	// maxTimeHalvings bounds how often a piece is halved by time: an hour with
	// what is read beyond it then has pieces of about two minutes.
	maxTimeHalvings = 5
)

// Piece is a part of what a query asks for, small enough for a server. Pieces
// are cut by a label whose values begin with a prefix and hex digits, such as
// the UUID of a GPU, since neither PromQL nor remote read has a hash; after that
// by time. The zero Piece is everything.
type Piece struct {
	label, prefix string
	values        values
	digits        string // hex digits after the prefix, in which the values agree
	low, high     int    // the hex digit after those, high excluded; for byDigit
	depth         int    // digits that the pieces of a Partition tell apart; for others

	part, parts int // of the query's time range, counted from 0; parts 0 is 1
}

// values says which values of the label a Piece has.
type values int

const (
	allValues values = iota // also series without the label
	byDigit                 // prefix, digits, one of a range of digits, anything
	noDigit                 // prefix and digits, then no further hex digit
	others                  // not prefix and as many hex digits as depth
)

// Partition cuts everything into pieces by the label: first one for all values
// that are not the prefix and hex digits (in lower case), and for series without
// the label, then n for ranges of the digits, in order. Every series is in
// exactly one piece. n is a power of two up to 65,536, and rounded up to one; 1
// is a single piece for everything.
func Partition(label, prefix string, n int) []Piece {
	whole := Piece{label: label, prefix: prefix}
	if n <= 1 {
		return []Piece{whole}
	}
	depth, size := 1, hexDigits // digits, and the values of them in one piece
	for pieces := 1; pieces < n && (depth < maxDigits || size > 1); pieces *= 2 {
		if size == 1 {
			depth, size = depth+1, hexDigits
		}
		size /= 2
	}
	whole.values, whole.depth = others, depth
	ps := []Piece{whole}
	whole.values = byDigit
	for at, end := 0, 1<<(4*depth); at < end; at += size {
		whole.digits = hex(at/hexDigits, depth-1)
		whole.low, whole.high = at%hexDigits, at%hexDigits+size
		ps = append(ps, whole)
	}
	return ps
}

// hex writes a number with so many hex digits.
func hex(number, digits int) string {
	b := make([]byte, digits)
	for i := range b {
		b[digits-1-i] = hexDigit(number % hexDigits)
		number /= hexDigits
	}
	return string(b)
}

const hexText = "0123456789abcdef"

func hexDigit(n int) byte { return hexText[n] }

// Of returns the part of a query that is in the piece: its matchers with the
// piece's, and the piece's part of its range.
func (p Piece) Of(q Query) Query {
	q.Matchers = append(q.Matchers[:len(q.Matchers):len(q.Matchers)], p.matchers()...)
	if p.parts > 1 {
		from := q.From.Add(time.Millisecond - 1).UnixMilli()
		span := q.To.UnixMilli() - from + 1 // milliseconds, both ends included
		at := func(part int) int64 { return from + span*int64(part)/int64(p.parts) }
		q.From, q.To = time.UnixMilli(at(p.part)).UTC(), time.UnixMilli(at(p.part+1)-1).UTC()
	}
	return q
}

// Has tells whether the piece has series whose label has a value.
func (p Piece) Has(value string) bool {
	rest, ok := strings.CutPrefix(value, p.prefix)
	isHex := func(i int) bool { return i < len(rest) && strings.IndexByte(hexText, rest[i]) >= 0 }
	switch p.values {
	case byDigit:
		if rest, ok = strings.CutPrefix(value, p.prefix+p.digits); !ok || !isHex(0) {
			return false
		}
		digit := strings.IndexByte(hexText, rest[0])
		return digit >= p.low && digit < p.high
	case noDigit:
		rest, ok = strings.CutPrefix(value, p.prefix+p.digits)
		return ok && !isHex(0)
	case others:
		for i := range p.depth {
			ok = ok && isHex(i)
		}
		return !ok
	case allValues:
	}
	return true
}

func (p Piece) matchers() []Matcher {
	start := regexp.QuoteMeta(p.prefix) + p.digits
	switch p.values {
	case byDigit:
		return []Matcher{{Name: p.label, Op: Match, Value: start + class(p.low, p.high) + ".*"}}
	case noDigit:
		return []Matcher{
			{Name: p.label, Op: Match, Value: start + ".*"},
			{Name: p.label, Op: NotMatch, Value: start + class(0, hexDigits) + ".*"},
		}
	case allValues:
	case others:
		return []Matcher{{Name: p.label, Op: NotMatch, Value: start + strings.Repeat(class(0, hexDigits), p.depth) + ".*"}}
	}
	return nil
}

// class writes a range of hex digits, the end excluded, as a regular expression.
func class(low, high int) string {
	const letters = 10 // the first digit that is a letter
	span := func(low, high int) string {
		if high-low == 1 {
			return string(hexDigit(low))
		}
		return string(hexDigit(low)) + "-" + string(hexDigit(high-1))
	}
	switch {
	case high-low == 1:
		return string(hexDigit(low))
	case low < letters && high > letters:
		return "[" + span(low, letters) + span(letters, high) + "]"
	}
	return "[" + span(low, high) + "]"
}

// Halves cuts the piece into smaller ones that have together what it has, each
// once; false if it is as small as pieces get. It is cut by the label as far as
// four digits go, then by time, until a part is a thirty-second of the query's range. Where a
// new digit begins there is a third, mostly empty piece, for values without it.
func (p Piece) Halves() ([]Piece, bool) {
	switch {
	case p.parts > 1 || p.label == "":
	case p.values == allValues:
		return Partition(p.label, p.prefix, 2), true
	case p.values == byDigit && p.high-p.low > 1:
		low, high := p, p
		low.high = (p.low + p.high) / 2
		high.low = low.high
		return []Piece{low, high}, true
	case p.values == byDigit && len(p.digits)+1 < maxDigits:
		p.digits += string(hexDigit(p.low))
		none, low, high := p, p, p
		none.values = noDigit
		low.low, low.high = 0, hexDigits/2
		high.low, high.high = hexDigits/2, hexDigits
		return []Piece{none, low, high}, true
	}
	if p.parts >= 1<<maxTimeHalvings {
		return nil, false
	}
	p.parts = 2 * max(p.parts, 1)
	early, late := p, p
	early.part, late.part = 2*p.part, 2*p.part+1
	return []Piece{early, late}, true
}
