package glob

import (
	"cmp"
	"math"
	"strings"
	"unicode/utf8"
)

// Pattern is a compiled pattern. The zero Pattern matches everything.
type Pattern struct {
	text string
	kind kind
}

type kind uint8

const (
	every kind = iota
	exact
	wild
)

// Compile returns the Pattern of a text. Every text is a pattern.
func Compile(text string) Pattern {
	switch {
	case strings.Trim(text, "*") == "":
		return Pattern{}
	case strings.ContainsAny(text, "*?"):
		return Pattern{text, wild}
	}
	return Pattern{text, exact}
}

// String returns the pattern as text, * if it matches everything.
func (p Pattern) String() string {
	if p.kind == every {
		return "*"
	}
	return p.text
}

// Exact reports whether the pattern matches one name only.
func (p Pattern) Exact() bool { return p.kind == exact }

// Match reports whether the pattern matches the whole name.
func (p Pattern) Match(name string) bool {
	switch p.kind {
	case every:
		return true
	case exact:
		return p.text == name
	default:
		return match(p.text, name)
	}
}

// match walks over both texts. On a mismatch it goes back to the last * and lets
// that take one character more. At worst it takes the product of the lengths.
func match(pattern, name string) bool {
	star, mark := -1, 0
	i, j := 0, 0
	for j < len(name) {
		_, width := utf8.DecodeRuneInString(name[j:])
		switch {
		case i < len(pattern) && pattern[i] == '*':
			star, mark = i, j
			i++
		case i < len(pattern) && pattern[i] == '?':
			i++
			j += width
		case i < len(pattern) && pattern[i] == name[j]:
			i++
			j++
		case star >= 0:
			_, width = utf8.DecodeRuneInString(name[mark:])
			mark += width
			i, j = star+1, mark
		default:
			return false
		}
	}
	return strings.Trim(pattern[i:], "*") == ""
}

// Compare orders patterns by how specific they are: positive if p is more
// specific than q, 0 if neither is. An exact name beats a pattern, a pattern
// with more characters that stand for themselves beats one with fewer, and any
// pattern beats the one that matches everything.
func Compare(p, q Pattern) int { return cmp.Compare(p.rank(), q.rank()) }

func (p Pattern) rank() int {
	switch p.kind {
	case every:
		return 0
	case exact:
		return math.MaxInt
	case wild:
	}
	literals := 0
	for _, r := range p.text {
		if r != '*' && r != '?' {
			literals++
		}
	}
	return 1 + literals
}

// Overlap reports whether there is a name that both patterns match.
func Overlap(p, q Pattern) bool {
	switch {
	case p.kind == every || q.kind == every:
		return true
	case p.kind == exact:
		return q.Match(p.text)
	case q.kind == exact:
		return p.Match(q.text)
	}
	return overlap([]rune(p.text), []rune(q.text))
}

// overlap finds for each suffix of p and each suffix of q, from the shortest to
// the longest, whether some text matches both. row holds the answers for one
// suffix of p, below those for the suffix that is one character shorter.
func overlap(p, q []rune) bool {
	below, row := make([]bool, len(q)+1), make([]bool, len(q)+1)
	for i := len(p); i >= 0; i-- {
		for j := len(q); j >= 0; j-- {
			starP := i < len(p) && p[i] == '*'
			starQ := j < len(q) && q[j] == '*'
			switch {
			case i == len(p) && j == len(q):
				row[j] = true
			case starP && starQ, starP && j == len(q), starQ && i == len(p):
				row[j] = (starP && below[j]) || (starQ && row[j+1])
			case starP: // empty, or takes q's next character
				row[j] = below[j] || row[j+1]
			case starQ:
				row[j] = row[j+1] || below[j]
			case i == len(p) || j == len(q):
				row[j] = false
			default:
				same := p[i] == q[j] || p[i] == '?' || q[j] == '?'
				row[j] = same && below[j+1]
			}
		}
		below, row = row, below
	}
	return below[0]
}
