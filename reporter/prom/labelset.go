package prom

import (
	"cmp"
	"slices"
	"unicode/utf8"

	"github.com/gputally/gputally/reporter/series"
)

// labelSet makes the labels of one series after the other. In an answer, which
// is sorted, a series takes over nearly every string from its predecessor.
type labelSet struct {
	labels series.Labels // of the series that is being read
	before series.Labels // of the one before it; its strings are taken over
}

// begin starts the next series.
func (l *labelSet) begin() { l.before, l.labels = l.labels, l.before[:0] }

// add takes a label. An empty value is the same as no such label.
func (l *labelSet) add(name, value []byte) error {
	if len(value) == 0 {
		return nil
	}
	if len(name) == 0 || !utf8.Valid(name) || !utf8.Valid(value) {
		return garbled("series with a bad label %q=%q", name, value)
	}
	l.labels = append(l.labels, takeOver(l.before, len(l.labels), name, value))
	return nil
}

// finish sorts the labels and checks them.
func (l *labelSet) finish() error {
	byName := func(x, y series.Label) int { return cmp.Compare(x.Name, y.Name) }
	if !slices.IsSortedFunc(l.labels, byName) {
		slices.SortFunc(l.labels, byName)
	}
	for i := 1; i < len(l.labels); i++ {
		if l.labels[i].Name == l.labels[i-1].Name {
			return garbled("series with two labels %q", l.labels[i].Name)
		}
	}
	if len(l.labels) == 0 {
		return garbled("series without labels")
	}
	return nil
}

// takeOver makes a label with the strings of the previous series' label at the
// same place or, where labels were added or left out before it, next to it.
func takeOver(before series.Labels, at int, name, value []byte) series.Label {
	for i := max(0, at-1); i < min(len(before), at+2); i++ {
		l := before[i]
		if l.Name != string(name) {
			continue
		}
		if l.Value == string(value) {
			return l
		}
		return series.Label{Name: l.Name, Value: string(value)}
	}
	return series.Label{Name: string(name), Value: string(value)}
}
