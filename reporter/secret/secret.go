package secret

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"html"
	"net/url"
	"slices"
	"strings"
	"unicode"
)

// Hidden stands for what was taken out of a text.
const Hidden = "<hidden>"

const (
	// shortest is how many bytes a value has at least to be hidden: fewer are in
	// every sentence.
	shortest = 4
	// longest bounds, in bytes, what is shown of a text.
	longest = 512
)

// Set is the values that must not be shown. It does not change. A nil Set knows
// none, and hides what looks like one.
type Set struct {
	values   []string
	replacer *strings.Replacer
}

// New returns the set of the values.
func New(values ...string) *Set {
	var forms []string
	for _, value := range values {
		if value = strings.TrimSpace(value); len(value) >= shortest {
			forms = append(forms, formsOf(value)...)
		}
	}
	// The longest first, as one may be the beginning of another.
	slices.SortFunc(forms, func(a, b string) int { return cmp.Or(cmp.Compare(len(b), len(a)), cmp.Compare(a, b)) })
	forms = slices.Compact(forms)
	pairs := make([]string, 0, 2*len(forms))
	for _, form := range forms {
		if len(form) < shortest {
			continue
		}
		pairs = append(pairs, form, Hidden)
	}
	return &Set{values: values, replacer: strings.NewReplacer(pairs...)}
}

// With returns a set with more values.
func (s *Set) With(values ...string) *Set {
	if s == nil {
		return New(values...)
	}
	return New(slices.Concat(s.values, values)...)
}

// String shows none of the values.
func (s *Set) String() string { return Hidden }

// GoString shows none of the values.
func (s *Set) GoString() string { return Hidden }

// formsOf are the ways in which a value is written.
func formsOf(value string) []string {
	forms := []string{value, Printable(value), url.QueryEscape(value), url.PathEscape(value), html.EscapeString(value)}
	if quoted, err := json.Marshal(value); err == nil {
		forms = append(forms, strings.Trim(string(quoted), `"`))
	}
	for _, alphabet := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
		coded := alphabet.EncodeToString([]byte(value))
		forms = append(forms, coded, url.QueryEscape(coded))
	}
	return forms
}

// Hide takes the values, and what looks like a credential, out of a text.
func (s *Set) Hide(text string) string {
	if s != nil {
		text = s.replacer.Replace(text)
	}
	for _, p := range patterns {
		text = p.ReplaceAllString(text, "${1}"+Hidden)
	}
	return text
}

// Line makes one line of a text that may be long and hold anything: the secrets
// hidden, what can't be printed left out, and of a long one its beginning and
// its end, where some servers put the cause.
func (s *Set) Line(text string) string {
	text = s.Hide(Printable(text))
	if len(text) <= longest {
		return text
	}
	const half = longest / 2
	return Printable(text[:half]) + " … " + Printable(text[len(text)-half:])
}

// Error is err with the text that Line makes of its own, err itself if that is
// the same. It unwraps to err.
func (s *Set) Error(err error) error {
	if err == nil {
		return nil
	}
	before := err.Error()
	if text := s.Line(before); text != before {
		return &shown{text: text, err: err}
	}
	return err
}

type shown struct {
	text string
	err  error
}

func (e *shown) Error() string    { return e.text }
func (e *shown) GoString() string { return e.text }
func (e *shown) Unwrap() error    { return e.err }

// Printable makes one line of a text: what can't be printed, and spaces in a row,
// are one space.
func Printable(text string) string {
	clean := strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return ' '
	}, strings.ToValidUTF8(text, ""))
	return strings.Join(strings.Fields(clean), " ")
}
