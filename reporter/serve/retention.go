package serve

import (
	"context"
	"time"

	"github.com/gputally/gputally/reporter/task"
	"github.com/gputally/gputally/reporter/window"
)

// retentionTask prunes published reports, once a day and when the process starts.
type retentionTask struct{ cfg Config }

func (t *retentionTask) work(ctx context.Context, run *task.Run) (time.Time, error) {
	today := window.PeriodDay.Containing(t.cfg.Now(), time.UTC)
	err := run.Unit(ctx, "prune published reports", func(ctx context.Context) error {
		n, err := t.cfg.Archive.Prune(ctx, t.cfg.RetainReports)
		if n > 0 {
			t.cfg.Log.Info("Pruned published reports", "reports", n, "older_than", t.cfg.RetainReports)
		}
		return err
	})
	if err != nil {
		return time.Time{}, err
	}
	return today.To, nil
}
