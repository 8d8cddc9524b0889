package reporter

import (
	"context"
	"errors"
	"time"

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

	empty map[time.Time]time.Time // when hours without samples were tried, by their start
	late  map[time.Time]int       // how often hours with gaps were read again, by their start
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
	from, err := k.resume(ctx)
	if err != nil {
		return time.Time{}, err
	}
	hours, err := k.hoursDue(ctx, from)
	if err != nil {
		return time.Time{}, err
	}
	for _, hour := range hours {
		if err := k.close(ctx, hour); err != nil {
			return hour.From, err
		}
	}
	return k.now(), k.readAgain(ctx)
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
	entry, err := k.closeHour(ctx, hour)
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
