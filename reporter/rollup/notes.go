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
	unpriced       map[string]int64 // GPU-ms by model, not allowed
	free           map[string]int64 // GPU-ms by model, allowed to have no price
}

func newNotes() notes {
	return notes{
		sources: map[string]bool{}, roads: map[string]bool{}, exceptions: map[exceptionKey]*report.Exception{},
		unpriced: map[string]int64{}, free: map[string]int64{},
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

// tell writes the notes into the table: failures are what makes a report
// worthless as a bill, warnings are the rest.
func (n notes) tell(t *report.Table) {
	t.Sources, t.Roads = slices.Sorted(maps.Keys(n.sources)), slices.Sorted(maps.Keys(n.roads))
	for _, model := range slices.Sorted(maps.Keys(n.unpriced)) {
		t.Failures = append(t.Failures, fmt.Sprintf(
			"model %q has no price for %s GPU-hours: add a rate to the price book, or the model to allow_unpriced",
			model, report.Hours(n.unpriced[model], 6)))
	}
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
	for _, model := range slices.Sorted(maps.Keys(n.free)) {
		t.Warnings = append(t.Warnings, fmt.Sprintf(
			"model %q has no price and is allowed to: %s GPU-hours at no cost", model, report.Hours(n.free[model], 6)))
	}
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
