package serve

import (
	"context"
	"errors"
	"time"

	"github.com/gputally/gputally/reporter/closing"
	"github.com/gputally/gputally/reporter/prom"
	"github.com/gputally/gputally/reporter/window"
)

// upkeep compacts and prunes the ledger, once a day: when the last hours of the
// previous day have been closed, and read again for the first time.
func (t *clusterTask) upkeep(ctx context.Context) {
	now, name := t.cfg.Now(), t.cluster.Name
	today := window.PeriodDay.Containing(now, time.UTC)
	if t.kept.Equal(today.From) || now.Before(today.From.Add(t.cfg.Settle+closing.RereadAfter()[0])) {
		return
	}
	t.kept = today.From // what fails waits for tomorrow, or for another process
	if t.cluster.Balanced(ctx) {
		t.cfg.Log.Warn(prom.Balancing, "cluster", name)
	}
	compacted, err := t.cluster.Upkeep.CompactDue(ctx, window.Window{To: today.From})
	t.status.Compacted(name, compacted)
	if compacted > 0 {
		t.cfg.Log.Info("Compacted the ledger", "cluster", name, "days", compacted)
	}
	pruned, pruneErr := t.cluster.Upkeep.Prune(ctx, false)
	total := pruned.Total()
	t.status.Pruned(name, total.Objects, total.Bytes)
	if total.Objects > 0 {
		t.cfg.Log.Info("Pruned the ledger", "cluster", name, "objects", total.Objects, "bytes", total.Bytes)
	}
	if err = errors.Join(err, pruneErr); err != nil && ctx.Err() == nil {
		t.status.UpkeepFailed(name)
		t.cfg.Log.Error("The ledger can't be compacted and pruned; will try again tomorrow", "cluster", name, "err", err)
	}
}
