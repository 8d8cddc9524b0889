package closing

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/gputally/gputally/reporter/series"
	"github.com/gputally/gputally/reporter/source"
)

// outagePause is the time between two looks whether the source is back. Its reader
// has tried for a second or two by itself before each of them.
const outagePause = 2 * time.Second

// outage sits out the time for which a source is away, such as the restart of a
// Prometheus in the middle of many hours. One that never answered is not waited for:
// it may be the wrong one. Many goroutines may use it.
type outage struct {
	cluster string
	longest time.Duration // after which the outage is an error; 0: at once
	now     func() time.Time
	sleep   func(ctx context.Context, d time.Duration) error
	log     *slog.Logger

	mu       sync.Mutex
	answered bool
	since    time.Time // when the outage began, the zero time if there is none
}

// sitOut takes what reading an hour ended with. It waits, and tells whether the hour
// is to be read again.
func (o *outage) sitOut(ctx context.Context, err error) (again bool) {
	if err == nil || errors.Is(err, source.ErrNoData) {
		o.over()
		return false
	}
	if ctx.Err() != nil || !isAway(err) {
		return false
	}
	pause := max(outagePause, asked(err))
	if !o.goesOn(pause, err) {
		return false
	}
	return o.sleep(ctx, pause) == nil
}

// sleep waits, or returns the context's error.
func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// over notes that the source answers.
func (o *outage) over() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.since.IsZero() {
		o.log.Info("Prometheus answers again", "cluster", o.cluster, "after", o.now().Sub(o.since).Round(time.Second))
	}
	o.answered, o.since = true, time.Time{}
}

// goesOn notes that the source is away, and tells whether there is time for a pause.
func (o *outage) goesOn(pause time.Duration, err error) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	now, began := o.now(), o.since
	if began.IsZero() {
		began = now
	}
	if !o.answered || now.Sub(began)+pause > o.longest {
		return false
	}
	if o.since.IsZero() {
		o.since = now
		o.log.Warn("Prometheus is away; waiting for it", "cluster", o.cluster, "at_most", o.longest, "err", err)
	}
	return true
}

// isAway tells whether a source can't be reached, or is too busy to answer, as
// while it starts.
func isAway(err error) bool {
	return errors.Is(err, series.Unreachable) || errors.Is(err, series.Overloaded)
}

// asked is how long the source wants to be left alone.
func asked(err error) time.Duration {
	var by interface {
		error
		RetryAfter() time.Duration
	}
	if errors.As(err, &by) {
		return by.RetryAfter()
	}
	return 0
}
