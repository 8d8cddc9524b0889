package reporter

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/gputally/gputally/reporter/bucket"
	"github.com/gputally/gputally/reporter/index"
	"github.com/gputally/gputally/reporter/report"
	"github.com/gputally/gputally/reporter/window"
)

// latestReports are the latest revisions of the periods' final reports, in the
// order of the records.
func latestReports(records []index.ReportRecord) []index.ReportRecord {
	latest := map[string]int{} // revision by period
	for _, r := range records {
		if !r.Provisional {
			latest[r.PeriodKey] = max(latest[r.PeriodKey], r.Revision)
		}
	}
	return slices.DeleteFunc(slices.Clone(records), func(r index.ReportRecord) bool {
		return r.Provisional || r.Revision != latest[r.PeriodKey]
	})
}

// overlap tells whether a report has time in common with one of the windows.
func overlap(r index.ReportRecord, windows []window.Window) bool {
	return slices.ContainsFunc(windows, r.Window().Overlaps)
}

// outdated are those of the reports that were made of other hours than there
// are now: some were restated since, or closed. It compares what is stored, so
// that it does not matter which process changed an hour, and whether it lived on.
// A report of which hours are gone stays, because no better one can be made.
func (b *books) outdated(ctx context.Context, reports []index.ReportRecord) ([]index.ReportRecord, error) {
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
	var found []index.ReportRecord
	for _, r := range reports {
		made, err := b.madeOf(ctx, r)
		if err != nil {
			return nil, err
		}
		var inputs []report.Input
		for _, cluster := range made.clusters {
			if _, known := closed[cluster]; !known {
				if closed[cluster], err = b.index.Hours(ctx, cluster, all); err != nil {
					return nil, err
				}
			}
			inputs = append(inputs, inputsOf(closed[cluster], r.Window())...)
		}
		if now := report.Digest(inputs); now.Hours >= made.inputs.Hours && now != made.inputs {
			found = append(found, r)
		}
	}
	return found, nil
}

// madeOf is what a report was made of.
type madeOf struct {
	clusters []string
	inputs   report.Inputs
}

// madeOf reads a report's manifest, once, as it never changes. One that is gone
// or damaged gives a report that was made of nothing in no cluster, which is
// never outdated.
func (b *books) madeOf(ctx context.Context, r index.ReportRecord) (madeOf, error) {
	if made, known := b.made[r.ManifestSHA256]; known {
		return made, nil
	}
	key := r.KeyPrefix + "manifest.json"
	data, _, err := bucket.ReadAll(ctx, b.bucket, key)
	if errors.Is(err, bucket.ErrNotFound) {
		return madeOf{inputs: report.Digest(nil)}, nil // somebody has deleted the report
	}
	if err != nil {
		return madeOf{}, fmt.Errorf("read %s: %w", key, err)
	}
	m, err := report.DecodeManifest(data)
	if err != nil {
		b.log.Warn("It can't be told whether a report is outdated", "manifest", key, "err", err)
		return madeOf{inputs: report.Digest(nil)}, nil
	}
	made := madeOf{m.Clusters, m.Inputs}
	b.made[r.ManifestSHA256] = made
	return made, nil
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

// tellOutdated says which reports were made of hours before they changed.
func (b *books) tellOutdated(ctx context.Context, out io.Writer, changed []window.Window) error {
	if len(changed) == 0 {
		return nil
	}
	names, err := b.index.ReportNames(ctx)
	if err != nil {
		return err
	}
	told := false
	for _, name := range names {
		records, err := b.index.Reports(ctx, name)
		if err != nil {
			return err
		}
		old, err := b.outdated(ctx, slices.DeleteFunc(latestReports(records), func(r index.ReportRecord) bool { return !overlap(r, changed) }))
		if err != nil {
			return err
		}
		switch n := len(old); {
		case n == 1:
			fmt.Fprintf(out, "Report %s of %s was made before.\n", name, old[0].PeriodKey)
		case n > 1:
			fmt.Fprintf(out, "Reports %s of %d periods, %s to %s, were made before.\n", name, n, old[0].PeriodKey, old[n-1].PeriodKey)
		}
		told = told || len(old) > 0
	}
	if told {
		fmt.Fprintln(out, "Serve makes those of its schedules again when it starts and each night, if they ended within ledger.restate_within; "+
			"make others with gputally-reporter report --name=NAME --period=PERIOD and their --by and --time-zone.")
	}
	return nil
}
