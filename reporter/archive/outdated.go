package archive

import (
	"context"
	"errors"

	"github.com/gputally/gputally/reporter/index"
	"github.com/gputally/gputally/reporter/report"
	"github.com/gputally/gputally/reporter/window"
)

// maxMade bounds how many reports' sources are remembered.
const maxMade = 4096

// Reason is why a report is outdated.
type Reason string

// HoursChanged: hours of the period were closed or restated since.
const HoursChanged Reason = "hours"

// Outdated is a report of which a better one can be made now.
type Outdated struct {
	Record  Record
	Reasons []Reason // at least one
}

// sources are what a report was made from.
type sources struct {
	clusters []string
	inputs   report.Inputs
}

// Outdated returns those of the reports that were made from other hours than
// there are now, in their order. It compares what is stored, so that it does
// not matter which process changed an hour, and whether that process lived on. A
// report some of whose hours are gone is not outdated, because no better one can
// be made. Neither is one whose manifest is gone or damaged; the latter is logged.
func (a *Archive) Outdated(ctx context.Context, reports []Record) ([]Outdated, error) {
	if len(reports) == 0 {
		return nil, nil
	}
	all := reports[0].Window()
	for _, r := range reports {
		if r.From.Before(all.From) {
			all.From = r.From
		}
		if r.To.After(all.To) {
			all.To = r.To
		}
	}
	closed := map[string][]index.HourRecord{} // by cluster
	var found []Outdated
	for _, r := range reports {
		made, known, err := a.sources(ctx, r)
		if err != nil {
			return nil, err
		}
		if !known {
			continue
		}
		var inputs []report.Input
		for _, cluster := range made.clusters {
			if _, read := closed[cluster]; !read {
				if closed[cluster], err = a.index.Hours(ctx, cluster, all); err != nil {
					return nil, err
				}
			}
			inputs = append(inputs, inputsOf(closed[cluster], r.Window())...)
		}
		if now := report.Digest(inputs); now.Hours >= made.inputs.Hours && now != made.inputs {
			found = append(found, Outdated{r, []Reason{HoursChanged}})
		}
	}
	return found, nil
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
	made = sources{m.Clusters, m.Inputs}
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
