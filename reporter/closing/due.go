package closing

import (
	"context"
	"time"

	"github.com/gputally/gputally/reporter/schedule"
	"github.com/gputally/gputally/reporter/window"
)

// Reach is how far back a closing looks for hours that are not closed.
const Reach = 24 * time.Hour

// Due lists the hours to be closed, oldest first: those between from and now that
// have settled and that the index does not have.
func (c *Cluster) Due(ctx context.Context, from time.Time) ([]window.Window, error) {
	now := c.cfg.Now()
	if !from.Before(now) {
		return nil, nil
	}
	known, err := c.cfg.Index.Hours(ctx, c.cfg.Name, window.Window{From: from.UTC(), To: now.UTC()})
	if err != nil {
		return nil, err
	}
	closed := make(map[time.Time]bool, len(known))
	for _, h := range known {
		closed[h.From] = true
	}
	return schedule.HoursDue(func(w window.Window) bool { return closed[w.From] }, from, now, c.cfg.Settle), nil
}

// Resume is the time from which hours are to be closed: Reach before now, so that
// holes of that time are tried again; or the end of the last closed hour if that
// is longer ago; but never before the first closed hour.
func (c *Cluster) Resume(ctx context.Context) (time.Time, error) {
	back := c.cfg.Now().UTC().Add(-Reach)
	last, found, err := c.cfg.Index.LastHour(ctx, c.cfg.Name)
	if err != nil || !found {
		return back, err
	}
	if last.To.Before(back) {
		return last.To, nil
	}
	first, _, err := c.cfg.Index.FirstHour(ctx, c.cfg.Name)
	if err != nil {
		return back, err
	}
	if first.From.After(back) {
		return first.From, nil
	}
	return back, nil
}
