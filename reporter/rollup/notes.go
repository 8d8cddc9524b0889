package rollup

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"github.com/gputally/gputally/reporter/report"
	"github.com/gputally/gputally/reporter/usage"
)

// notes collects what a table says of its hours besides figures.
type notes struct {
	sources, roads map[string]bool
	findings       map[findingKey]*report.Finding
}

func newNotes() notes {
	return notes{
		sources: map[string]bool{}, roads: map[string]bool{}, findings: map[findingKey]*report.Finding{},
	}
}

func (n notes) hour(h usage.Hour) {
	n.sources[h.Source] = true
	n.roads[h.Road] = true
	for _, f := range h.Findings {
		key := findingKey{h.Cluster, f.Code}
		if n.findings[key] == nil {
			n.findings[key] = &report.Finding{Cluster: h.Cluster, Code: f.Code}
		}
		countFinding(n.findings[key], f)
	}
}

// writeTo writes the notes into the table: failures are what makes a report
// worthless as a bill, warnings are the rest.
func (n notes) writeTo(t *report.Table) {
	t.Sources, t.Roads = slices.Sorted(maps.Keys(n.sources)), slices.Sorted(maps.Keys(n.roads))
	ofAccumulators := t.Warnings // they follow what is missing
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
	n.addFindings(t)
}

// addFindings adds the findings of the hours, except those of a cluster and code
// that the report found by itself.
func (n notes) addFindings(t *report.Table) {
	for key, f := range n.findings {
		if !slices.ContainsFunc(t.Findings, func(own report.Finding) bool { return key == keyOf(own) }) {
			t.Findings = append(t.Findings, *f)
		}
	}
	slices.SortFunc(t.Findings, func(a, b report.Finding) int { return keyOf(a).compare(keyOf(b)) })
}

type findingKey struct {
	cluster string
	code    usage.Code
}

func keyOf(f report.Finding) findingKey { return findingKey{f.Cluster, f.Code} }

func (k findingKey) compare(other findingKey) int {
	return cmp.Or(cmp.Compare(k.cluster, other.cluster), cmp.Compare(k.code, other.code))
}

// countFinding adds the finding of one more hour.
func countFinding(f *report.Finding, of usage.Finding) {
	f.Hours++
	f.Count += of.Count
	named := slices.Concat(f.Named, of.Named)
	slices.Sort(named)
	named = slices.Compact(named)
	f.Named = named[:min(len(named), usage.MostNamed)]
}
