package archive

import (
	"context"
	"errors"
	"slices"

	"github.com/gputally/gputally/reporter/index"
	"github.com/gputally/gputally/reporter/report"
	"github.com/gputally/gputally/reporter/window"
)

// maxMade bounds how many reports' sources are remembered.
const maxMade = 4096

// Reason is why a report is outdated.
type Reason string

// The reasons. A report that an earlier version made is outdated for the first one
// only: it doesn't say what the others compare.
const (
	HoursChanged  Reason = "hours"    // hours of its clusters were closed or restated since
	ClustersAdded Reason = "clusters" // it is about all clusters, and another one has hours of its period now
	PricesChanged Reason = "prices"   // the price book says something else of its period and clusters
	QuotasChanged Reason = "quotas"   // projects have other quotas in its period
	OwnersChanged Reason = "owners"   // namespaces of its clusters have other owners in its period
)

// String says the reason in words, as what follows "is outdated:".
func (r Reason) String() string {
	switch r {
	case HoursChanged:
		return "hours of its period changed after it was made"
	case ClustersAdded:
		return "another cluster has hours of its period now"
	case PricesChanged:
		return "the price book says something else of its period now"
	case QuotasChanged:
		return "projects have other quotas in its period now"
	case OwnersChanged:
		return "namespaces have other owners in its period now"
	}
	return string(r)
}

// Outdated is a report that a better one could replace now, and why.
type Outdated struct {
	Record  Record
	GroupBy []report.Dimension // its key columns
	// TimeZone is that in which it shows times, and Clusters those that were chosen
	// for it, none if it is about all.
	TimeZone string
	Clusters []string
	Reasons  []Reason // at least one, in the order above
}

// sources are what a report was made from.
type sources struct {
	groupBy     []report.Dimension
	timeZone    string
	clusters    []string
	allClusters bool
	inputs      report.Inputs
	terms       *report.Terms // nil if an earlier version made it
}

// Outdated returns those of the reports that were made from other hours, prices,
// quotas or owners than there are now, in their order. It compares what is stored,
// so that it does not matter which process changed an hour, and whether that
// process lived on. A report some of whose hours are gone is not outdated, because
// no better one can be made. Neither is one whose manifest is gone or damaged, or
// whose hours' index is damaged; damage is logged.
func (a *Archive) Outdated(ctx context.Context, reports []Record) ([]Outdated, error) {
	if len(reports) == 0 {
		return nil, nil
	}
	c := comparison{archive: a, closed: map[string][]index.HourRecord{}, window: reports[0].Window()}
	for _, r := range reports {
		c.window = c.window.Span(r.Window())
	}
	var found []Outdated
	for _, r := range reports {
		made, known, err := a.sources(ctx, r)
		if err != nil {
			return nil, err
		}
		if !known {
			continue
		}
		reasons, err := c.reasons(ctx, r, made)
		if errors.As(err, new(*index.RecordError)) {
			a.log.Warn("A report can't be compared with its hours: their index is damaged", "report", r.Name, "period", r.PeriodKey, "err", err)
			continue
		}
		if err != nil {
			return nil, err
		}
		if len(reasons) > 0 {
			o := Outdated{Record: r, GroupBy: made.groupBy, TimeZone: made.timeZone, Reasons: reasons}
			if !made.allClusters {
				o.Clusters = made.clusters
			}
			found = append(found, o)
		}
	}
	return found, nil
}

// comparison compares reports with what there is now.
type comparison struct {
	archive  *Archive
	window   window.Window                 // of all reports
	closed   map[string][]index.HourRecord // hours in the window, by cluster
	clusters []string                      // that have closed hours, nil before they were asked for
}

// reasons are why a report is outdated.
func (c *comparison) reasons(ctx context.Context, r Record, made sources) ([]Reason, error) {
	var inputs []report.Input
	for _, cluster := range made.clusters {
		hours, err := c.hours(ctx, cluster)
		if err != nil {
			return nil, err
		}
		inputs = append(inputs, inputsOf(hours, r.Window())...)
	}
	now := report.Digest(inputs)
	if now.Hours < made.inputs.Hours {
		return nil, nil
	}
	var reasons []Reason
	if now != made.inputs {
		reasons = append(reasons, HoursChanged)
	}
	if made.terms == nil {
		return reasons, nil
	}
	if made.allClusters {
		added, err := c.added(ctx, r.Window(), made.clusters)
		if err != nil {
			return nil, err
		}
		if added {
			reasons = append(reasons, ClustersAdded)
		}
	}
	terms := c.archive.terms(made.groupBy, r.Window(), made.clusters)
	for _, t := range []struct {
		now, then string
		reason    Reason
	}{
		{terms.Prices, made.terms.Prices, PricesChanged},
		{terms.Quotas, made.terms.Quotas, QuotasChanged},
		{terms.Owners, made.terms.Owners, OwnersChanged},
	} {
		if t.now != t.then {
			reasons = append(reasons, t.reason)
		}
	}
	return reasons, nil
}

// hours are the closed hours of a cluster in the window of all reports.
func (c *comparison) hours(ctx context.Context, cluster string) ([]index.HourRecord, error) {
	hours, known := c.closed[cluster]
	if known {
		return hours, nil
	}
	hours, err := c.archive.index.Hours(ctx, cluster, c.window)
	c.closed[cluster] = hours
	return hours, err
}

// added tells whether a cluster that is none of the reported ones has closed hours
// in a window.
func (c *comparison) added(ctx context.Context, w window.Window, reported []string) (bool, error) {
	if c.clusters == nil {
		all, err := c.archive.index.Clusters(ctx)
		if err != nil {
			return false, err
		}
		c.clusters = append([]string{}, all...)
	}
	for _, cluster := range c.clusters {
		if slices.Contains(reported, cluster) {
			continue
		}
		hours, err := c.hours(ctx, cluster)
		if err != nil {
			return false, err
		}
		if len(inputsOf(hours, w)) > 0 {
			return true, nil
		}
	}
	return false, nil
}

// sources reads what a report was made from, once, as it never changes. They are
// not known if the manifest is gone or damaged.
func (a *Archive) sources(ctx context.Context, r Record) (made sources, known bool, err error) {
	if made, known := a.made.get(r.ManifestSHA256); known {
		return made, true, nil
	}
	m, err := a.Manifest(ctx, r)
	if errors.Is(err, ErrNotFound) {
		return sources{}, false, nil // somebody has deleted the report
	}
	if damage := (*DamageError)(nil); errors.As(err, &damage) {
		a.log.Warn("A report can't be compared with its hours: its manifest can't be read", "manifest", damage.Key, "err", err)
		return sources{}, false, nil
	}
	if err != nil {
		return sources{}, false, err
	}
	made = sources{m.GroupBy, m.Period.TimeZone, m.Clusters, m.AllClusters, m.Inputs, m.Terms}
	a.made.put(r.ManifestSHA256, made)
	return made, true, nil
}

// inputsOf are those of the closed hours, sorted by time, that a report of the
// window is made of.
func inputsOf(closed []index.HourRecord, w window.Window) []report.Input {
	var inputs []report.Input
	for _, h := range closed {
		if h.Window().Overlaps(w) {
			inputs = append(inputs, report.Input{Cluster: h.Cluster, From: h.From, Revision: h.Revision, SHA256: h.SHA256})
		}
	}
	return inputs
}
