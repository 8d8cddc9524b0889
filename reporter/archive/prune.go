package archive

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/gputally/gputally/reporter/bucket"
	"github.com/gputally/gputally/reporter/window"
)

// Prune deletes the reports whose periods ended longer ago than retain, with all
// of their revisions, and returns how many. 0 keeps all for ever. The newest final
// period of each name stays, so that a schedule goes on from there and doesn't make
// again what was pruned. What is pruned leaves nothing behind, so the ids of its
// periods are free again.
//
// Prune also splits the index of reports that an earlier version wrote. It may be
// cut off and repeated, and be run by several processes at once. A report that is
// published at the same time into a period that is pruned may lose its files; the
// next Prune ends that.
func (a *Archive) Prune(ctx context.Context, retain time.Duration) (int, error) {
	whole, err := a.wholeNames(ctx)
	if err != nil {
		return 0, err
	}
	for _, name := range whole {
		if err := a.split(ctx, name); err != nil {
			return 0, err
		}
	}
	if retain <= 0 {
		return 0, nil
	}
	old, err := a.endedBefore(ctx, a.now().Add(-retain))
	if err != nil {
		return 0, err
	}
	pruned := 0
	for _, key := range slices.Sorted(maps.Keys(old)) {
		var gone []Record
		for _, revisions := range old[key] {
			if err := a.removePeriod(ctx, revisions); err != nil {
				return pruned, err
			}
			gone = append(gone, revisions...)
			pruned += len(revisions)
		}
		if err := a.forget(ctx, key, gone); err != nil {
			return pruned, err
		}
	}
	return pruned, nil
}

// endedBefore are the reports of the periods that ended by then, but for the newest
// of each name, by object of the index and period.
func (a *Archive) endedBefore(ctx context.Context, then time.Time) (map[string]map[Publication][]Record, error) {
	newest := map[string]Publication{} // by name
	old := map[string]map[Publication][]Record{}
	for r, err := range a.List(ctx, Query{Window: window.Window{To: then}}) {
		if err != nil {
			return nil, err
		}
		if r.To.After(then) {
			continue
		}
		if _, known := newest[r.Name]; !known {
			newest[r.Name] = Publication{}
			for last, err := range a.List(ctx, Query{Name: r.Name, Current: true, Final: true}) {
				if err != nil {
					return nil, err
				}
				newest[r.Name] = last.Publication()
				break
			}
		}
		if key := monthKey(r); newest[r.Name] != r.Publication() {
			if old[key] == nil {
				old[key] = map[Publication][]Record{}
			}
			old[key][r.Publication()] = append(old[key][r.Publication()], r)
		}
	}
	return old, nil
}

// removePeriod removes all that there is of a period, whose revisions these are.
func (a *Archive) removePeriod(ctx context.Context, revisions []Record) error {
	p := revisions[0].Publication()
	if err := a.pointAway(ctx, p, revisions); err != nil {
		return err
	}
	for _, r := range revisions {
		if err := a.removeObjects(ctx, r); err != nil {
			return err
		}
	}
	// What crashes have left, and the claims.
	for _, under := range []string{periodPrefix(p), claimsOf(p)} {
		for object, err := range a.bucket.List(ctx, under) {
			if err != nil {
				return fmt.Errorf("list %s: %w", under, err)
			}
			if err := a.bucket.Delete(ctx, object.Key, bucket.Condition{}); err != nil {
				return fmt.Errorf("delete %s: %w", object.Key, err)
			}
		}
	}
	return nil
}
