package serve

import (
	"context"
	"time"

	"github.com/gputally/gputally/reporter/window"
)

// retention prunes published reports, once a day and when the process starts.
type retention struct {
	cfg    Config
	pruned time.Time // the day on which it was done
}

func (r *retention) run(ctx context.Context) {
	today := window.PeriodDay.Containing(r.cfg.Now(), time.UTC).From
	if r.pruned.Equal(today) {
		return
	}
	r.pruned = today // what fails waits for tomorrow, or for another process
	n, err := r.cfg.Archive.Prune(ctx, r.cfg.RetainReports)
	if n > 0 {
		r.cfg.Log.Info("Pruned published reports", "reports", n, "older_than", r.cfg.RetainReports)
	}
	if err != nil && ctx.Err() == nil {
		r.cfg.Log.Error("Published reports can't be pruned; will try again tomorrow", "err", err)
	}
}
