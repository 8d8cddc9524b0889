package usage

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Finding is something odd about the samples of an hour: what it is, how many
// things it happened to, and some of those by name.
type Finding struct {
	// Code is kept under the name that earlier versions read.
	Code  Code     `json:"kind"`
	Count int      `json:"count"`
	Named []string `json:"named"` // the first MostNamed, sorted
}

// MostNamed is how many things a finding names; the rest is counted.
const MostNamed = 10

// String says what the finding is and what it happened to.
func (f Finding) String() string {
	text := string(f.Code) + ": " + f.Code.Text() + ": " + strings.Join(f.Named, "; ")
	if more := f.Count - len(f.Named); more > 0 {
		text += fmt.Sprintf("; and %d more", more)
	}
	return text
}

// Equal says whether two findings say the same.
func (f Finding) Equal(o Finding) bool {
	return f.Code == o.Code && f.Count == o.Count && slices.Equal(f.Named, o.Named)
}

// DecodeFindings reads findings from JSON and sorts them by code. The sentences
// that earlier versions wrote are read as codes.
func DecodeFindings(data []byte) ([]Finding, error) {
	var all []Finding
	if err := json.Unmarshal(data, &all); err != nil {
		return nil, fmt.Errorf("decode findings: %w", err)
	}
	SortFindings(all)
	return all, nil
}

// SortFindings sorts findings by code, as an Hour has them.
func SortFindings(all []Finding) {
	slices.SortStableFunc(all, func(a, b Finding) int { return strings.Compare(string(a.Code), string(b.Code)) })
}

// Notes collects what is found in a range of GPUs: for each code, what it
// happened to. The same thing may be noted many times.
type Notes map[Code][]string

// Add notes that something happened to a thing.
func (n Notes) Add(code Code, what string) { n[code] = append(n[code], what) }

// FindingSum adds up the notes of ranges that have no GPU in common.
type FindingSum map[Code]*Finding

// Add adds the notes of one range. Each thing counts once for each code.
func (s FindingSum) Add(n Notes) {
	for code, what := range n {
		f := s[code]
		if f == nil {
			f = &Finding{Code: code}
			s[code] = f
		}
		what = slices.Compact(slices.Sorted(slices.Values(what)))
		f.Count += len(what)
		f.Named = append(f.Named, what[:min(len(what), MostNamed)]...)
		slices.Sort(f.Named)
		f.Named = f.Named[:min(len(f.Named), MostNamed)]
	}
}

// List gives one finding for each code, sorted by code.
func (s FindingSum) List() []Finding {
	var all []Finding
	for _, code := range slices.Sorted(maps.Keys(s)) {
		all = append(all, *s[code])
	}
	return all
}
