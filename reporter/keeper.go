package reporter

import (
	"context"
	"errors"
	"time"

	"github.com/gputally/gputally/reporter/closing"
	"github.com/gputally/gputally/reporter/usage"
	"github.com/gputally/gputally/reporter/window"
)

// emptyPause is how long an hour without samples is left alone.
const emptyPause = 10 * time.Minute

// keeper keeps the books of one cluster. What it remembers only saves work.
type keeper struct {
	*cluster
	board *board
	tell  listener

	empty  map[time.Time]time.Time // when hours without samples were tried, by their start
	late   map[time.Time]int       // how often hours with gaps were read again, by their start
	joined bool                    // the edges of the latest hours were compared
	kept   time.Time               // the day on which the ledger was compacted and pruned last
}

// listener hears of hours that changed.
type listener interface {
	closed(hour window.Window)
	restated(hours []window.Window)
}

func newKeeper(c *cluster, r *rounds) *keeper {
	return &keeper{cluster: c, board: r.board, tell: r, empty: map[time.Time]time.Time{}, late: map[time.Time]int{}}
}

// closeDue closes hours and returns the time up to which none is left that
// could be closed. The zero time says that this is not known.
func (k *keeper) closeDue(ctx context.Context) (reached time.Time, err error) {
	from, err := k.hours.Resume(ctx)
	if err != nil {
		return time.Time{}, err
	}
	hours, err := k.hours.Due(ctx, from)
	if err != nil {
		return time.Time{}, err
	}
	for _, hour := range hours {
		if err := k.close(ctx, hour); err != nil {
			return hour.From, err
		}
	}
	k.join(ctx)
	return k.now(), k.readAgain(ctx)
}

// join makes the latest hours agree on their edges, once in a process: another
// one may have ended after it restated an hour and before the hour beside it.
func (k *keeper) join(ctx context.Context) {
	if k.joined {
		return
	}
	now := k.now().UTC()
	done, err := k.hours.AlignEdges(ctx, window.Window{From: now.Add(-closing.RereadReach), To: now})
	if changed := k.counted(done).Hours(); len(changed) > 0 {
		k.tell.restated(changed)
	}
	switch {
	case err == nil:
		k.joined = true
	case ctx.Err() == nil:
		k.log.Error("The edges of the latest hours can't be compared; will try again; see also gputally-reporter ledger verify", "cluster", k.name, "err", err)
	}
}

// close closes one hour. An hour without samples is passed over, because
// whatever comes later must not wait for it; it is tried again as long as it
// lies within reach.
func (k *keeper) close(ctx context.Context, hour window.Window) error {
	began := k.now()
	tried, known := k.empty[hour.From]
	if known && began.Sub(tried) < emptyPause {
		return nil
	}
	entry, err := k.hours.Close(ctx, hour)
	if errors.Is(err, usage.ErrNoData) {
		k.empty[hour.From] = began
		if !known {
			k.board.closeFailed(k.name, err)
			k.log.Warn("An hour has no samples", "cluster", k.name, "hour", hour, "err", err)
		}
		return nil
	}
	if err != nil {
		return err
	}
	delete(k.empty, hour.From)
	k.tell.closed(hour)
	k.board.closed(k.name, k.now().Sub(began))
	k.log.Info("Closed an hour", "cluster", entry.Cluster, "hour", hour, "segments", entry.Rows)
	return nil
}
