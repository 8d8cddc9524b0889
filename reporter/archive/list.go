package archive

import (
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
			sources, err := l.next(ctx, month)
			if err != nil {
				yield(Record{}, err)
				return
			}
			if !q.each(sources, func(r Record) bool { return yield(r, nil) }) {
				return
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
	// earlier versions, until the month comes in which they begin; newest first.
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
	slices.SortFunc(l.waiting, compareListed)
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

// next returns the records that begin in a month, or in any for the zero time, as
// lists that are each newest first.
func (l *listing) next(ctx context.Context, month time.Time) ([][]listed, error) {
	var sources [][]listed
	for _, object := range l.objects[month] {
		records, err := l.archive.load(ctx, object)
		if err != nil {
			return nil, err
		}
		sources = append(sources, records)
	}
	begun := slices.IndexFunc(l.waiting, func(r listed) bool { return r.From.Before(month) })
	if begun < 0 {
		begun = len(l.waiting)
	}
	sources = append(sources, l.waiting[:begun])
	l.waiting = l.waiting[begun:]
	return sources, nil
}

// each yields the chosen ones of lists that are each newest first, newest first,
// until yield returns false. Among them are all revisions of their periods.
func (q Query) each(sources [][]listed, yield func(Record) bool) bool {
	var last listed
	var shown Publication // whose current report came
	for {
		r, ok := newest(sources)
		if !ok {
			return true
		}
		// A record that is being moved out of an earlier version's object is twice there.
		if r.cursor == last.cursor || q.Final && r.Provisional {
			continue
		}
		last = r
		if q.Current {
			if r.Publication() == shown {
				continue
			}
			shown = r.Publication()
		}
		if q.has(r) && !yield(r.Record) {
			return false
		}
	}
}

// newest takes the newest record out of lists that are each newest first.
func newest(sources [][]listed) (r listed, ok bool) {
	first := -1
	for i, s := range sources {
		if len(s) > 0 && (first < 0 || s[0].cursor < sources[first][0].cursor) {
			first = i
		}
	}
	if first < 0 {
		return listed{}, false
	}
	r, sources[first] = sources[first][0], sources[first][1:]
	return r, true
}

// has tells whether the query chooses a record, whatever other revisions there are.
func (q Query) has(r listed) bool {
	return r.cursor > q.After &&
		(q.Name == "" || r.Name == q.Name) &&
		(q.Period == "" || r.PeriodKey == q.Period) &&
		(q.Window == window.Window{} || r.Window().Overlaps(q.Window)) &&
		(q.State == "" || r.State == q.State)
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
