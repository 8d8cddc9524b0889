package serve

import (
	"context"
	"maps"
	"time"

	"github.com/gputally/gputally/reporter/closing"
	"github.com/gputally/gputally/reporter/window"
)

// readAgain reads one closed hour with gaps again, the oldest that is due, and
// restates it if there are more samples now. One in a round is gentle to the
// server after a day of gaps; the others follow in the next rounds.
func (t *clusterTask) readAgain(ctx context.Context, due []closing.Reread, d *done) error {
	now := t.cfg.Now()
	maps.DeleteFunc(t.reread, func(from time.Time, _ int) bool { return now.Sub(from) > 2*closing.RereadReach })
	for i, r := range due {
		if r.Turn <= t.reread[r.Hour.From] {
			continue
		}
		if i < len(due)-1 {
			t.due = now
		}
		return t.restate(ctx, r, d)
	}
	return nil
}

func (t *clusterTask) restate(ctx context.Context, r closing.Reread, d *done) error {
	result, err := t.cluster.Closing.Restate(ctx, []window.Window{r.Hour}, closing.OnlyIfMore, func(window.Window) {})
	changed := t.count(result)
	d.restated = append(d.restated, changed...)
	if err != nil {
		return err
	}
	t.reread[r.Hour.From] = r.Turn
	if len(changed) > 0 {
		t.cfg.Log.Info("Restated hours, because samples arrived late", "cluster", t.cluster.Name, "hour", r.Hour, "changed", len(changed))
	}
	return nil
}
