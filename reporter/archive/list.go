package archive

import (
	"cmp"
	"context"
	"iter"
	"maps"
	"slices"
	"time"

	"github.com/gputally/gputally/reporter/bucket"
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
// last one begins the next page. The index is read month by month as far as the
// caller goes on, and what was read is remembered as long as it doesn't change.
// A report that is being deleted may still be listed. Errors:
// *index.RecordError, *index.VersionError.
func (a *Archive) List(ctx context.Context, q Query) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		l, err := a.listing(ctx, q)
		if err != nil {
			yield(Record{}, err)
			return
		}
		for _, month := range l.months {
			batch, err := l.next(ctx, month)
			if err != nil {
				yield(Record{}, err)
				return
			}
			for _, r := range batch {
				if !yield(r, nil) {
					return
				}
			}
		}
	}
}

// listing is one List at work.
type listing struct {
	archive *Archive
	query   Query
	objects map[time.Time][]bucket.Object // by month
	months  []time.Time                   // to be read, newest first; the zero time for what is left
	// waiting are records that are in no month's object, of long periods and of
	// earlier versions, until the month comes in which they begin.
	waiting []listed
}

// listing finds out what there is to be read.
func (a *Archive) listing(ctx context.Context, q Query) (*listing, error) {
	l := &listing{archive: a, query: q}
	// What earlier versions wrote comes first: it goes when its records are in the
	// months' objects.
	whole, err := a.wholeRecords(ctx, q.Name)
	if err != nil {
		return nil, err
	}
	l.waiting = listRecords(whole)
	if l.objects, err = a.monthObjects(ctx, q.Name); err != nil {
		return nil, err
	}
	for _, object := range l.objects[time.Time{}] {
		long, err := a.load(ctx, object)
		if err != nil {
			return nil, err
		}
		l.waiting = append(l.waiting, long...)
	}
	l.objects[time.Time{}] = nil
	l.months = slices.DeleteFunc(slices.Collect(maps.Keys(l.objects)), func(month time.Time) bool { return !month.IsZero() && q.skips(month) })
	slices.SortFunc(l.months, func(x, y time.Time) int { return y.Compare(x) })
	return l, nil
}

// skips tells whether no record of a month's object can be chosen.
func (q Query) skips(month time.Time) bool {
	inside := window.Window{From: month, To: month.AddDate(0, 2, 0)} // see monthKey
	return q.Window != (window.Window{}) && !inside.Overlaps(q.Window) ||
		q.After != "" && descending(month) < q.After[:min(len(q.After), len(descending(month)))]
}

// next returns what is chosen of the records that begin in a month, or in any
// for the zero time, newest first.
func (l *listing) next(ctx context.Context, month time.Time) ([]Record, error) {
	var batch, later []listed
	for _, object := range l.objects[month] {
		records, err := l.archive.load(ctx, object)
		if err != nil {
			return nil, err
		}
		batch = append(batch, records...)
	}
	for _, r := range l.waiting {
		if r.From.Before(month) {
			later = append(later, r)
		} else {
			batch = append(batch, r)
		}
	}
	l.waiting = later
	return l.query.choose(batch), nil
}

// choose returns the chosen ones, newest first, of records among which are all
// revisions of their periods.
func (q Query) choose(records []listed) []Record {
	current := map[Publication]int{} // revision
	if q.Current {
		for _, r := range records {
			if !q.Final || !r.Provisional {
				current[r.Publication()] = max(current[r.Publication()], r.Revision)
			}
		}
	}
	chosen := slices.DeleteFunc(slices.Clone(records), func(r listed) bool {
		return r.cursor <= q.After ||
			q.Name != "" && r.Name != q.Name ||
			q.Period != "" && r.PeriodKey != q.Period ||
			q.Window != (window.Window{}) && !r.Window().Overlaps(q.Window) ||
			q.Final && r.Provisional ||
			q.Current && r.Revision != current[r.Publication()] ||
			q.State != "" && r.State != q.State
	})
	slices.SortFunc(chosen, func(x, y listed) int { return cmp.Compare(x.cursor, y.cursor) })
	// A record that is being moved out of an earlier version's object is twice there.
	chosen = slices.CompactFunc(chosen, func(x, y listed) bool { return x.cursor == y.cursor })
	plain := make([]Record, len(chosen))
	for i, r := range chosen {
		plain[i] = r.Record
	}
	return plain
}

// Names returns the names under which there are reports, sorted. Errors:
// *index.RecordError.
func (a *Archive) Names(ctx context.Context) ([]string, error) {
	names, err := a.wholeNames(ctx)
	if err != nil {
		return nil, err
	}
	objects, err := a.monthObjects(ctx, "")
	if err != nil {
		return nil, err
	}
	for _, month := range objects {
		for _, object := range month {
			name, _, _ := parseMonthKey(object.Key)
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}
