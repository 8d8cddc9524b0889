package closing

import (
	"context"
	"time"

	"github.com/gputally/gputally/reporter/index"
	"github.com/gputally/gputally/reporter/schedule"
	"github.com/gputally/gputally/reporter/window"
)

// Reach is how far back a closing looks for hours that are not closed.
const Reach = 24 * time.Hour

// Due is an hour to be closed.
type Due struct {
	Hour window.Window
	// Alone says that neither the hour nor the previous or the next hour is in the
	// ledger, so that CloseAlone is the cheaper way unless the previous hour was
	// closed meanwhile.
	Alone bool
}

// Work is what there is to do for a cluster, oldest first.
type Work struct {
	Due     []Due
	Rereads []Reread
	Settled time.Time // hours that end by then are due, if they are not closed
}

// Look finds out what there is to do now: the hours that Due lists from Resume on,
// and the hours that are to be read again. It mostly reads the index once. Errors:
// the index's.
func (c *Cluster) Look(ctx context.Context) (Work, error) {
	recent, err := c.recent(ctx)
	if err != nil {
		return Work{}, err
	}
	w := Work{Rereads: c.rereads(recent), Settled: window.Hour(c.cfg.Now().Add(-c.cfg.Settle)).From}
	from, err := c.resume(ctx, recent)
	if err != nil {
		return w, err
	}
	if from.Before(c.cfg.Now().Add(time.Hour - RereadReach)) {
		w.Due, err = c.Due(ctx, from)
		return w, err
	}
	w.Due, err = c.due(ctx, recent, from)
	return w, err
}

// recent are the closed hours of the last RereadReach, or the last one before.
func (c *Cluster) recent(ctx context.Context) ([]index.HourRecord, error) {
	return c.cfg.Index.Latest(ctx, c.cfg.Name, c.cfg.Now().UTC().Add(-RereadReach))
}

// Due lists the hours to be closed, oldest first: those between from and now that
// have settled and that the index does not have.
func (c *Cluster) Due(ctx context.Context, from time.Time) ([]Due, error) {
	now := c.cfg.Now()
	if !from.Before(now) {
		return nil, nil
	}
	closed, err := c.cfg.Index.Hours(ctx, c.cfg.Name, window.Window{From: from.UTC().Add(-time.Hour), To: now.UTC()})
	if err != nil {
		return nil, err
	}
	return c.due(ctx, closed, from)
}

// due lists the hours from a time on that are not among the closed ones. Hours
// that seem to be alone are looked for in the ledger, because the index may be
// lost.
func (c *Cluster) due(ctx context.Context, closed []index.HourRecord, from time.Time) (due []Due, err error) {
	known := make(map[time.Time]bool, len(closed))
	for _, h := range closed {
		known[h.From] = true
	}
	alone := func(hour window.Window) bool {
		return !known[hour.From] && !known[hour.From.Add(-time.Hour)] && !known[hour.To]
	}
	var seem window.Window
	for _, hour := range schedule.HoursDue(func(w window.Window) bool { return known[w.From] }, from, c.cfg.Now(), c.cfg.Settle) {
		due = append(due, Due{Hour: hour})
		if !alone(hour) {
			continue
		}
		if seem.From.IsZero() {
			seem.From = hour.From.Add(-time.Hour)
		}
		seem.To = hour.To.Add(time.Hour)
	}
	for object, err := range c.cfg.Ledger.List(ctx, c.cfg.Name, seem) {
		if err != nil {
			return nil, err
		}
		known[object.Window.From] = true
	}
	for i := range due {
		due[i].Alone = alone(due[i].Hour)
	}
	return due, nil
}

// Resume is the time from which hours are to be closed: Reach before now, so that
// holes of that time are tried again; or the end of the last closed hour if that
// is longer ago; but never before the first closed hour.
func (c *Cluster) Resume(ctx context.Context) (time.Time, error) {
	recent, err := c.recent(ctx)
	if err != nil {
		return time.Time{}, err
	}
	return c.resume(ctx, recent)
}

// resume is Resume with the recent hours; RereadReach is longer than Reach.
func (c *Cluster) resume(ctx context.Context, recent []index.HourRecord) (time.Time, error) {
	back := c.cfg.Now().UTC().Add(-Reach)
	if len(recent) == 0 {
		return back, nil
	}
	if last := recent[len(recent)-1]; last.To.Before(back) {
		return last.To, nil
	}
	if !recent[0].From.After(back) {
		return back, nil
	}
	first, _, err := c.cfg.Index.FirstHour(ctx, c.cfg.Name)
	if err != nil || first.From.Before(back) {
		return back, err
	}
	return first.From, nil
}
