package reporter

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/gputally/gputally/reporter/closing"
	"github.com/gputally/gputally/reporter/ledger"
	"github.com/gputally/gputally/reporter/window"
)

// partialAfter is how long after its end a day is compacted although not all of
// its hours are closed. Until then they may still be.
const partialAfter = closing.Reach + 24*time.Hour

// upkeep compacts and prunes the ledger, once a day: when the last hours of the
// day before have been closed, and read again for the first time.
func (k *keeper) upkeep(ctx context.Context) {
	today := window.PeriodDay.Containing(k.now(), time.UTC)
	if k.kept.Equal(today.From) || k.now().Before(today.From.Add(k.settle+closing.RereadAfter()[0])) {
		return
	}
	k.kept = today.From // what fails waits for tomorrow, or for another process
	k.warnOfBalancing(ctx)
	compacted, err := k.compactDue(ctx, window.Window{To: today.From})
	if compacted > 0 {
		k.log.Info("Compacted the ledger", "cluster", k.name, "days", compacted)
	}
	pruned, pruneErr := k.prune(ctx, false)
	if n := objects(pruned); n > 0 {
		k.log.Info("Pruned the ledger", "cluster", k.name, "objects", n, "bytes", size(pruned))
	}
	if err = errors.Join(err, pruneErr); err != nil && ctx.Err() == nil {
		k.board.upkeepFailed(k.name)
		k.log.Error("The ledger can't be compacted and pruned; will try again tomorrow", "cluster", k.name, "err", err)
	}
}

// warnOfBalancing says that a cluster's URL is one of several replicas, whose
// gaps are then no longer those of one server.
func (k *keeper) warnOfBalancing(ctx context.Context) {
	for _, client := range k.clients {
		status, err := client.Status(ctx, needed())
		if err == nil && status.Balanced { // a failure shows where hours are closed
			k.log.Warn(balancing, "cluster", k.name)
		}
	}
}

// balancing is what is said about a server that is several.
const balancing = "the same question is answered in turns by replicas with other samples; name each of them under prometheus.replicas instead of the Service before them"

// compactDue makes the daily table of the days of a window whose hours are
// closed, or were restated since, and returns how many it wrote. A day that
// can't be made does not keep the others from it.
func (c *cluster) compactDue(ctx context.Context, w window.Window) (written int, err error) {
	due, err := c.ledger.Due(ctx, c.name, w)
	if err != nil {
		return 0, err
	}
	return c.compactDays(ctx, due, false)
}

// compactGivingUp makes the daily table of every whole day of a window, also where
// a damaged one takes hours with it.
func (c *cluster) compactGivingUp(ctx context.Context, w window.Window) (written int, err error) {
	return c.compactDays(ctx, slices.Collect(window.PeriodDay.Within(w, time.UTC)), true)
}

// compactDays makes the daily table of the days as far as their hours are
// closed, and returns how many it wrote.
func (c *cluster) compactDays(ctx context.Context, days []window.Window, giveUp bool) (written int, err error) {
	var failed []error
	for _, day := range days {
		wrote, err := c.compact(ctx, day, giveUp)
		if errors.Is(err, ledger.ErrHourMissing) {
			continue // an hour of it may still be closed
		}
		if wrote {
			written++
		}
		failed = append(failed, err)
	}
	return written, errors.Join(failed...)
}

// compact makes the daily table of one day, and tells whether it wrote it.
func (c *cluster) compact(ctx context.Context, day window.Window, giveUp bool) (written bool, err error) {
	entry, err := c.ledger.Compact(ctx, c.name, day, ledger.Compaction{
		Partial: c.now().After(day.To.Add(partialAfter)),
		GiveUp:  giveUp,
	})
	if err != nil {
		return false, err
	}
	if entry.Written {
		c.meter.compacted.Add(1)
	}
	return entry.Written, nil
}

// prune deletes what is older than it is to be kept, or finds out what that is.
func (c *cluster) prune(ctx context.Context, dry bool) (ledger.Pruned, error) {
	p := ledger.Pruning{Retention: c.retain, Now: c.now(), DryRun: dry}
	if !dry {
		p.Forget = func(ctx context.Context, hours []window.Window) error { return c.index.ForgetHours(ctx, c.name, hours) }
	}
	pruned, err := c.ledger.Prune(ctx, c.name, p)
	if !dry {
		c.meter.pruned.Add(int64(objects(pruned)))
		c.meter.released.Add(size(pruned))
	}
	return pruned, err
}

func objects(p ledger.Pruned) int {
	return p.Hourly.Objects + p.Daily.Objects + p.History.Objects + p.Edges.Objects
}

func size(p ledger.Pruned) int64 {
	return p.Hourly.Bytes + p.Daily.Bytes + p.History.Bytes + p.Edges.Bytes
}
