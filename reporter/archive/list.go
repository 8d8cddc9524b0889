package archive

import (
	"cmp"
	"context"
	"iter"
	"slices"

	"github.com/gputally/gputally/reporter/index"
	"github.com/gputally/gputally/reporter/report"
	"github.com/gputally/gputally/reporter/window"
)

// Query chooses reports. The zero Query chooses all.
type Query struct {
	Name   string        // of the reports, "" for all names
	Period string        // key of a period, "" for all
	Window window.Window // that the period overlaps; the zero Window for all
	// Current leaves out reports that another revision of the period replaces.
	Current bool
	// Final leaves out provisional reports. With Current, a final report is
	// replaced by final ones only.
	Final bool
	State report.State // "" for all
	// After goes on behind a report, by its Cursor; "" begins with the newest.
	After string
}

// List yields the chosen reports, newest period first (by begin, then by end),
// and within a period the highest revision first. It stops after the first
// error. To read a page, stop after as many records as it has; the Cursor of the
// last one begins the next page. Errors: *index.RecordError, *index.VersionError.
func (a *Archive) List(ctx context.Context, q Query) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		records, err := a.records(ctx, q)
		if err != nil {
			yield(Record{}, err)
			return
		}
		for _, r := range records {
			if r.Cursor() > q.After && !yield(r, nil) {
				return
			}
		}
	}
}

// Names returns the names under which there are reports, sorted.
func (a *Archive) Names(ctx context.Context) ([]string, error) { return a.index.ReportNames(ctx) }

// records are the chosen records, newest first.
func (a *Archive) records(ctx context.Context, q Query) ([]Record, error) {
	names := []string{q.Name}
	if q.Name == "" {
		var err error
		if names, err = a.Names(ctx); err != nil {
			return nil, err
		}
	}
	var all []Record
	for _, name := range names {
		records, err := a.index.Reports(ctx, name)
		if err != nil {
			return nil, err
		}
		all = append(all, choose(records, q)...)
	}
	slices.SortFunc(all, func(x, y Record) int { return cmp.Compare(x.Cursor(), y.Cursor()) })
	return all, nil
}

// choose returns those of a name's records that the query chooses.
func choose(records []index.ReportRecord, q Query) []Record {
	current := map[string]int{} // revision by period
	for _, r := range records {
		if !q.Final || !r.Provisional {
			current[r.PeriodKey] = max(current[r.PeriodKey], r.Revision)
		}
	}
	var chosen []Record
	for _, r := range records {
		switch {
		case q.Period != "" && r.PeriodKey != q.Period,
			q.Window != (window.Window{}) && !r.Window().Overlaps(q.Window),
			q.Final && r.Provisional,
			q.Current && r.Revision != current[r.PeriodKey],
			q.State != "" && r.State != q.State:
		default:
			chosen = append(chosen, Record(r))
		}
	}
	return chosen
}
