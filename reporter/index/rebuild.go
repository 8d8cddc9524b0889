package index

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/gputally/gputally/reporter/ledger"
	"github.com/gputally/gputally/reporter/window"
)

// Ledger is what Rebuild reads hours from: a *ledger.Ledger.
type Ledger interface {
	// All yields every closed hour, and stops after the first error.
	All(ctx context.Context) iter.Seq2[ledger.Object, error]
	// List yields the closed hours of a cluster that overlap the window, and
	// stops after the first error.
	List(ctx context.Context, cluster string, w window.Window) iter.Seq2[ledger.Object, error]
	// Stat describes a closed hour. Errors: *ledger.MissingError,
	// *ledger.CorruptError, the bucket's.
	Stat(ctx context.Context, cluster string, hour window.Window) (ledger.Entry, error)
}

// ofLaterVersion is the error of an object that this program must not replace.
func (s stored[R]) ofLaterVersion() error {
	if later := (*VersionError)(nil); errors.As(s.broken, &later) {
		return later
	}
	return nil
}

// Rebuild makes the index again from the hours of the ledger, while others may go
// on writing. Hours that can't be read are left out; they are named in the error,
// which comes when all the rest is done.
func (x *Index) Rebuild(ctx context.Context, source Ledger) error {
	months, err := x.clusterMonths(ctx, hoursPrefix)
	if err != nil {
		return err
	}
	wanted := map[clusterMonth]bool{}
	for _, m := range months {
		wanted[m] = true
	}
	for object, err := range source.All(ctx) {
		if err != nil {
			return fmt.Errorf("rebuild index: %w", err)
		}
		from := object.Window.From
		wanted[clusterMonth{object.Cluster, time.Date(from.Year(), from.Month(), 1, 0, 0, 0, 0, time.UTC)}] = true
	}
	var unreadable []error
	for _, m := range slices.SortedFunc(maps.Keys(wanted), clusterMonth.compare) {
		// What is in the index is read before the ledger is listed: an hour
		// that is added in between changes the index too, and so makes the
		// update begin again.
		var skipped []error
		err := update(ctx, x, hours(), hoursKey(m.cluster, m.month), func(old stored[HourRecord]) (next []HourRecord, err error) {
			if err := old.ofLaterVersion(); err != nil {
				return nil, err
			}
			next, skipped, err = hoursOf(ctx, source, m)
			return next, err
		})
		if err != nil {
			return fmt.Errorf("rebuild index: %w", err)
		}
		unreadable = append(unreadable, skipped...)
	}
	return errors.Join(unreadable...)
}

func (m clusterMonth) compare(o clusterMonth) int {
	return strings.Compare(hoursKey(m.cluster, m.month), hoursKey(o.cluster, o.month))
}

// hoursOf makes the records of a cluster's month from the ledger.
func hoursOf(ctx context.Context, source Ledger, m clusterMonth) (found []HourRecord, skipped []error, err error) {
	w := window.Window{From: m.month, To: m.month.AddDate(0, 1, 0)}
	for object, err := range source.List(ctx, m.cluster, w) {
		if err != nil {
			return nil, nil, err
		}
		entry, err := source.Stat(ctx, m.cluster, object.Window)
		if corrupt := (*ledger.CorruptError)(nil); errors.As(err, &corrupt) {
			skipped = append(skipped, err)
			continue
		}
		if errors.Is(err, ledger.ErrHourMissing) {
			continue // deleted since it was listed
		}
		if err != nil {
			return nil, nil, err
		}
		found = append(found, Hour(entry))
	}
	return found, skipped, nil
}
