package series

import (
	"strconv"
	"strings"
)

// NameLabel has the name of a series' metric.
const NameLabel = "__name__"

// Labels are a series' labels, sorted by name.
type Labels []Label

// Label is one name and value.
type Label struct{ Name, Value string }

// Get returns the value of the label, "" if the series does not have it.
func (ls Labels) Get(name string) string {
	for _, l := range ls {
		if l.Name == name {
			return l.Value
		}
	}
	return ""
}

// String writes the labels as PromQL does.
func (ls Labels) String() string {
	var b strings.Builder
	b.WriteString(ls.Get(NameLabel))
	b.WriteByte('{')
	sep := ""
	for _, l := range ls {
		if l.Name == NameLabel {
			continue
		}
		b.WriteString(sep + l.Name + "=" + strconv.Quote(l.Value))
		sep = ", "
	}
	b.WriteByte('}')
	return b.String()
}

// Sample is one value at one time.
type Sample struct {
	T int64 // Unix milliseconds
	V float64
}

// Series is one series of an answer, or a part of it: the same labels may come
// again with other samples. It is valid only during the callback that gets it:
// Labels, Samples and Stale are overwritten for the next series. The strings in
// Labels may be kept.
type Series struct {
	Labels  Labels
	Samples []Sample // by time, strictly increasing, without staleness markers
	// Stale has the Unix milliseconds at which the server marked the series as
	// ended, increasing. The road of JSON shows no such marks.
	Stale []int64
}
