package archive

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/gputally/gputally/reporter/bucket"
)

// Delete deletes a report. One that is gone already is no error. latest.json then
// points to the highest revision that is left, or goes with the last one. The id
// stays taken: no other report ever has it, and the next one of the period gets a
// revision of its own. A schedule whose newest period has no report left makes one
// again.
//
// Order: latest.json, manifest, files, index. While a Delete is at work, or was
// cut off, the report may be listed and not be there; to delete it again ends it.
func (a *Archive) Delete(ctx context.Context, r Record) error {
	if err := a.split(ctx, r.Name); err != nil {
		return err
	}
	if err := a.takeID(ctx, r); err != nil {
		return err
	}
	if err := a.pointAway(ctx, r.Publication(), []Record{r}); err != nil {
		return err
	}
	if err := a.removeObjects(ctx, r); err != nil {
		return err
	}
	return a.forget(ctx, monthKey(r), []Record{r})
}

// takeID leaves a claim to the report's id, if there is none.
func (a *Archive) takeID(ctx context.Context, r Record) error {
	key := claimKey(r.Name, r.PeriodKey, r.ID)
	_, err := bucket.PutBytes(ctx, a.bucket, key, []byte(`{"content":"deleted","version":1}`+"\n"), bucket.Condition{Absent: true})
	if err != nil && !errors.Is(err, bucket.ErrConflict) {
		return fmt.Errorf("claim %s: %w", key, err)
	}
	return nil
}

// pointAway has a period's latest.json point to none of the reports that are to
// go, all of the period.
func (a *Archive) pointAway(ctx context.Context, p Publication, gone []Record) error {
	left, err := a.revisions(ctx, gone[0])
	if err != nil {
		return err
	}
	goes := func(id string) bool { return slices.ContainsFunc(gone, func(r Record) bool { return r.ID == id }) }
	var highest Record
	for _, r := range left {
		if !goes(r.ID) {
			highest = r // they are sorted by revision
		}
	}
	return a.repoint(ctx, p, func(there Latest) (Record, bool) { return highest, goes(there.ID) })
}

// removeObjects removes a report's manifest, and then its files.
func (a *Archive) removeObjects(ctx context.Context, r Record) error {
	keys := []string{manifestKey(r.Name, r.PeriodKey, r.ID)}
	under := prefix(r.Name, r.PeriodKey, r.ID)
	for object, err := range a.bucket.List(ctx, under) {
		if err != nil {
			return fmt.Errorf("list %s: %w", under, err)
		}
		if object.Key != keys[0] {
			keys = append(keys, object.Key)
		}
	}
	for _, key := range keys {
		if err := a.bucket.Delete(ctx, key, bucket.Condition{}); err != nil {
			return fmt.Errorf("delete %s: %w", key, err)
		}
	}
	return nil
}
