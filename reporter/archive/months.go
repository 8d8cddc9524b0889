package archive

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/gputally/gputally/reporter/bucket"
	"github.com/gputally/gputally/reporter/index"
)

// maxMonths bounds how many objects of the index are remembered.
const maxMonths = 64

// errStray says that an object doesn't belong where it is.
var errStray = errors.New("is not named like an object of the index; move it away")

// checkMonth says what is wrong with a record of an object of the index.
func checkMonth(key string, r Record) (field string, err error) {
	if field, err := r.check(); err != nil {
		return field, err
	}
	if monthKey(r) != key {
		return "name", fmt.Errorf("report %q of %s does not belong here", r.Name, r.From.Format(time.RFC3339))
	}
	return "", nil
}

// note puts the record of a report into the index, whose manifest is published.
func (a *Archive) note(ctx context.Context, r Record) error {
	if _, err := r.check(); err != nil {
		return fmt.Errorf("update index: %w", err)
	}
	return a.months.Update(ctx, monthKey(r), func(old []Record) ([]Record, error) { return merge(old, r), nil })
}

// merge adds records to others. A report never changes, so what is known of one
// already is replaced.
func merge(old []Record, added ...Record) []Record {
	next := slices.DeleteFunc(slices.Clone(old), func(o Record) bool {
		return slices.ContainsFunc(added, func(r Record) bool { return o.PeriodKey == r.PeriodKey && o.ID == r.ID })
	})
	return append(next, added...)
}

// forget takes records that an object of the index has out of it.
func (a *Archive) forget(ctx context.Context, key string, gone []Record) error {
	return a.months.Update(ctx, key, func(old []Record) ([]Record, error) {
		return slices.DeleteFunc(slices.Clone(old), func(o Record) bool {
			return slices.ContainsFunc(gone, func(r Record) bool { return o.PeriodKey == r.PeriodKey && o.ID == r.ID })
		}), nil
	})
}

// revisions are the records of a period, whose name, From and To r has, by
// revision.
func (a *Archive) revisions(ctx context.Context, r Record) ([]Record, error) {
	whole, err := a.wholeRecords(ctx, r.Name)
	if err != nil {
		return nil, err
	}
	stored, err := a.months.Load(ctx, monthKey(r))
	if err != nil {
		return nil, err
	}
	all := slices.DeleteFunc(merge(whole, stored.Records...), func(o Record) bool { return o.PeriodKey != r.PeriodKey })
	slices.SortFunc(all, compare)
	return all, nil
}

// month is an object of the index as it was read, in the order of a List. It
// doesn't change.
type month struct {
	etag   string
	listed []listed
}

// listed is a record with its cursor.
type listed struct {
	Record
	cursor string
}

// listRecords puts records into the order of a List.
func listRecords(records []Record) []listed {
	all := make([]listed, len(records))
	for i, r := range records {
		all[i] = listed{r, r.Cursor()}
	}
	slices.SortFunc(all, compareListed)
	return all
}

func compareListed(x, y listed) int { return cmp.Compare(x.cursor, y.cursor) }

// load returns the records of an object of the index, which a listing described.
// It reads the object if it is not the one that is remembered.
func (a *Archive) load(ctx context.Context, o bucket.Object) ([]listed, error) {
	if known, ok := a.read.get(o.Key); ok {
		if o.ETag == "" { // the store's listing has none
			var err error
			if o, err = a.bucket.Stat(ctx, o.Key); errors.Is(err, bucket.ErrNotFound) {
				return nil, nil
			} else if err != nil {
				return nil, fmt.Errorf("read index: %w", err)
			}
		}
		if o.ETag == known.etag {
			return known.listed, nil
		}
	}
	stored, err := a.months.Load(ctx, o.Key)
	if err != nil {
		return nil, err
	}
	m := month{stored.ETag, listRecords(stored.Records)}
	a.read.put(o.Key, m)
	return m.listed, nil
}

// monthObjects are the objects of the index for a name, or for all names if it
// is "", by month: the zero time is that of long periods.
func (a *Archive) monthObjects(ctx context.Context, name string) (map[time.Time][]bucket.Object, error) {
	under := monthsPrefix
	if name != "" {
		under += name + "/"
	}
	objects := map[time.Time][]bucket.Object{}
	for object, err := range a.bucket.List(ctx, under) {
		if err != nil {
			return nil, fmt.Errorf("list %s: %w", under, err)
		}
		_, month, ok := parseMonthKey(object.Key)
		if !ok {
			return nil, &index.RecordError{Key: object.Key, Err: errStray}
		}
		objects[month] = append(objects[month], object)
	}
	return objects, nil
}
