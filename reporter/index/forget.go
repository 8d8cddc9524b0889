package index

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/gputally/gputally/reporter/ledger"
	"github.com/gputally/gputally/reporter/window"
)

// Forget takes hours of a cluster out of the index, because the ledger is about
// to delete them. Hours that are not in it are no error. Errors: *ConflictError,
// *RecordError, *VersionError, the bucket's.
func (x *Index) Forget(ctx context.Context, cluster string, forgotten []window.Window) error {
	if err := ledger.CheckCluster(cluster); err != nil {
		return fmt.Errorf("update index: %w", err)
	}
	byObject := map[string]map[time.Time]bool{}
	for _, h := range forgotten {
		key := hoursKey(cluster, h.From)
		if byObject[key] == nil {
			byObject[key] = map[time.Time]bool{}
		}
		byObject[key][h.From.UTC()] = true
	}
	for _, key := range slices.Sorted(maps.Keys(byObject)) {
		err := update(ctx, x, hours(), key, func(old stored[HourRecord]) ([]HourRecord, error) {
			if old.broken != nil {
				return nil, old.broken
			}
			return slices.DeleteFunc(slices.Clone(old.records), func(h HourRecord) bool { return byObject[key][h.From] }), nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}
