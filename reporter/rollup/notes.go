package rollup

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"github.com/gputally/gputally/reporter/report"
	"github.com/gputally/gputally/reporter/usage"
)

// notes collects what a reader must know beside the numbers.
type notes struct {
	sources, roads map[string]bool
	exceptions     map[exceptionKey]*report.Exception
}

func newNotes() notes {
	return notes{
		sources: map[string]bool{}, roads: map[string]bool{}, exceptions: map[exceptionKey]*report.Exception{},
	}
}

func (n notes) hour(h usage.Hour) {
	n.sources[h.Source] = true
	n.roads[h.Road] = true
	for _, e := range h.Exceptions {
		key := exceptionKey{h.Cluster, e.Kind}
		if n.exceptions[key] == nil {
			n.exceptions[key] = &report.Exception{Cluster: h.Cluster, Kind: e.Kind}
		}
		countException(n.exceptions[key], e)
	}
}

// writeTo writes the notes into the table: failures are what makes a report
// worthless as a bill, warnings are the rest.
func (n notes) writeTo(t *report.Table) {
	t.Sources, t.Roads = slices.Sorted(maps.Keys(n.sources)), slices.Sorted(maps.Keys(n.roads))
	ofAccumulators := t.Warnings // these come behind what is missing
	t.Warnings = nil
	if ratio := t.Coverage.Ratio(); ratio.Below(t.Spec.MinimumCoverage) {
		text := fmt.Sprintf("coverage %s is below the minimum %v", ratio, t.Spec.MinimumCoverage)
		if t.Spec.Provisional {
			t.Warnings = append(t.Warnings, text)
		} else {
			t.Failures = append(t.Failures, text)
		}
	}
	for _, gap := range t.Missing {
		text := gap.Hinted()
		if t.Spec.Provisional { // it may lie ahead
			text = gap.String()
		}
		t.Warnings = append(t.Warnings, text)
	}
	t.Warnings = append(t.Warnings, ofAccumulators...)
	for _, key := range slices.SortedFunc(maps.Keys(n.exceptions), exceptionKey.compare) {
		e := *n.exceptions[key]
		t.Exceptions = append(t.Exceptions, e)
		t.Warnings = append(t.Warnings, e.String())
	}
}

type exceptionKey struct{ cluster, kind string }

func (k exceptionKey) compare(other exceptionKey) int {
	return cmp.Or(cmp.Compare(k.cluster, other.cluster), cmp.Compare(k.kind, other.kind))
}

// countException adds the exception of one more hour.
func countException(e *report.Exception, of usage.Exception) {
	e.Hours++
	e.Count += of.Count
	named := slices.Concat(e.Named, of.Named)
	slices.Sort(named)
	named = slices.Compact(named)
	e.Named = named[:min(len(named), usage.MostNamed)]
}
