package archive

import (
	"slices"

	"github.com/gputally/gputally/reporter/report"
	"github.com/gputally/gputally/reporter/window"
)

// termsOf are what prices, quotas and owners say now of the period and the
// clusters of a report, as far as a report that is grouped like it shows them.
// Rules that put GPUs into node pools don't count: they have no dates.
func (a *Archive) termsOf(m report.Manifest) report.Terms {
	return a.terms(m.GroupBy, window.Window{From: instant(m.Period.From), To: instant(m.Period.To)}, m.Clusters)
}

func (a *Archive) terms(groupBy []report.Dimension, w window.Window, clusters []string) report.Terms {
	var t report.Terms
	if a.prices != nil {
		t.Prices = a.prices.Digest(w, clusters)
	}
	if a.quotas == nil {
		return t
	}
	by := func(dimensions ...report.Dimension) bool {
		return slices.ContainsFunc(dimensions, func(d report.Dimension) bool { return slices.Contains(groupBy, d) })
	}
	if !by(report.ByCluster, report.ByNode, report.ByNamespace, report.ByPod) { // the others have no quota columns
		t.Quotas = a.quotas.QuotasDigest(w)
	}
	if t.Quotas != "" || by(report.ByProject, report.ByDepartment) {
		t.Owners = a.quotas.OwnersDigest(w, clusters)
	}
	return t
}
