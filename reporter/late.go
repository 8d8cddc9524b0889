package reporter

import (
	"context"
	"maps"
	"time"

	"github.com/gputally/gputally/reporter/closing"
	"github.com/gputally/gputally/reporter/window"
)

// readAgain reads one closed hour with gaps again, the oldest that is due, and
// restates it if there are more samples now. One in a round is gentle to the
// server after a day of gaps.
func (k *keeper) readAgain(ctx context.Context) error {
	now := k.now()
	maps.DeleteFunc(k.late, func(from time.Time, _ int) bool { return now.Sub(from) > 2*closing.RereadReach })
	due, err := k.hours.Rereads(ctx)
	if err != nil {
		return err
	}
	for _, r := range due {
		if r.Turn > k.late[r.Hour.From] {
			return k.reread(ctx, r)
		}
	}
	return nil
}

func (k *keeper) reread(ctx context.Context, r closing.Reread) error {
	done, err := k.hours.Restate(ctx, []window.Window{r.Hour}, closing.OnlyIfMore, func(window.Window) {})
	changed := k.counted(done).Hours()
	if err != nil {
		return err
	}
	k.late[r.Hour.From] = r.Turn
	if len(changed) > 0 {
		k.tell.restated(changed)
		k.log.Info("Restated hours, since samples arrived late", "cluster", k.name, "hour", r.Hour, "changed", len(changed))
	}
	return nil
}
