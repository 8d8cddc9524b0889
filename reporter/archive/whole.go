package archive

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/gputally/gputally/reporter/bucket"
	"github.com/gputally/gputally/reporter/index"
)

// wholes knows which names still have an object of the index that an earlier
// version wrote, with all the records of the name. This version writes none, and
// none appears while it runs: the two must not run at the same time.
type wholes struct {
	mu     sync.Mutex
	listed bool
	names  map[string]bool
}

// checkWhole says what is wrong with a record of an earlier version's object.
func checkWhole(key string, r Record) (field string, err error) {
	if wholeKey(r.Name) != key {
		return "name", fmt.Errorf("report %q does not belong here", r.Name)
	}
	return r.check()
}

// wholeNames are the names that have such an object. The bucket is asked once.
func (a *Archive) wholeNames(ctx context.Context) ([]string, error) {
	a.wholes.mu.Lock()
	defer a.wholes.mu.Unlock()
	if !a.wholes.listed {
		a.wholes.names = map[string]bool{}
		for object, err := range a.bucket.List(ctx, wholePrefix) {
			if err != nil {
				return nil, fmt.Errorf("list %s: %w", wholePrefix, err)
			}
			name, ok := parseWholeKey(object.Key)
			if !ok {
				return nil, &index.RecordError{Key: object.Key, Err: errStray}
			}
			a.wholes.names[name] = true
		}
		a.wholes.listed = true
	}
	return slices.Sorted(maps.Keys(a.wholes.names)), nil
}

// wholeRecords are the records of a name, or of all names if it is "", that are
// still in objects of an earlier version.
func (a *Archive) wholeRecords(ctx context.Context, name string) ([]Record, error) {
	names, err := a.wholeNames(ctx)
	if err != nil {
		return nil, err
	}
	var all []Record
	for _, n := range names {
		if name != "" && n != name {
			continue
		}
		stored, err := a.whole.Load(ctx, wholeKey(n))
		if err != nil {
			return nil, err
		}
		all = append(all, stored.Records...)
	}
	return all, nil
}

// split moves the records of a name out of the object of an earlier version, if
// there is one, and has latest.json point to the latest of each period, which that
// version did not. It may be cut off and repeated: the object goes last. It takes two
// requests for each period, so publishing leaves it to Prune.
func (a *Archive) split(ctx context.Context, name string) error {
	names, err := a.wholeNames(ctx)
	if err != nil || !slices.Contains(names, name) {
		return err
	}
	stored, err := a.whole.Load(ctx, wholeKey(name))
	if err != nil {
		return err
	}
	byMonth := map[string][]Record{}
	for _, r := range stored.Records {
		byMonth[monthKey(r)] = append(byMonth[monthKey(r)], r)
	}
	for _, key := range slices.Sorted(maps.Keys(byMonth)) {
		// What is known of a report already is newer.
		err := a.months.Update(ctx, key, func(old []Record) ([]Record, error) { return merge(byMonth[key], old...), nil })
		if err != nil {
			return err
		}
	}
	for _, r := range highest(stored.Records) {
		if err := a.pointTo(ctx, r); err != nil {
			return err
		}
	}
	return a.dropWhole(ctx, name, stored.ETag)
}

// dropWhole removes the object of an earlier version, if it is still the same.
func (a *Archive) dropWhole(ctx context.Context, name, etag string) error {
	if err := a.bucket.Delete(ctx, wholeKey(name), bucket.Condition{ETag: etag}); err != nil {
		if errors.Is(err, bucket.ErrConflict) {
			return fmt.Errorf("remove %s, whose records are moved: a reporter of an earlier version still writes it; stop that one: %w", wholeKey(name), err)
		}
		return fmt.Errorf("remove %s: %w", wholeKey(name), err)
	}
	a.wholes.mu.Lock()
	defer a.wholes.mu.Unlock()
	delete(a.wholes.names, name)
	return nil
}
