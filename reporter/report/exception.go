package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/gputally/gputally/reporter/usage"
)

// Exception is what was odd about the samples of a report's hours: one kind in
// one cluster.
type Exception struct {
	Cluster string   `json:"cluster"`
	Kind    string   `json:"kind"`
	Hours   int      `json:"hours"` // that have it
	Count   int      `json:"count"` // things it happened to, each once an hour
	Named   []string `json:"named"` // the first ones, sorted
}

type exceptionKey struct{ cluster, kind string }

func (k exceptionKey) compare(other exceptionKey) int {
	return cmp.Or(cmp.Compare(k.cluster, other.cluster), cmp.Compare(k.kind, other.kind))
}

// add counts the exception of one more hour.
func (e *Exception) add(of usage.Exception) {
	e.Hours++
	e.Count += of.Count
	named := slices.Concat(e.Named, of.Named)
	slices.Sort(named)
	named = slices.Compact(named)
	e.Named = named[:min(len(named), usage.MostNamed)]
}

// String tells people.
func (e Exception) String() string {
	return fmt.Sprintf("cluster %s: %s: %s (hours: %d, in all: %d)",
		e.Cluster, e.Kind, strings.Join(e.Named, "; "), e.Hours, e.Count)
}
