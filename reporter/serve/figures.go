package serve

import (
	"context"
	"sync"
	"time"

	"github.com/gputally/gputally/reporter/index"
	"github.com/gputally/gputally/reporter/report"
	"github.com/gputally/gputally/reporter/reporting"
	"github.com/gputally/gputally/reporter/status"
	"github.com/gputally/gputally/reporter/task"
	"github.com/gputally/gputally/reporter/window"
)

// figuresTask brings the figures per project up to the latest hour that all
// clusters have closed. An hour that can't be read is left out until it is closed
// again.
type figuresTask struct {
	cfg    Config
	status *status.Status
	tasks  *tasks
	month  *reporting.Month
	shown  time.Time // end of the hour whose figures are shown

	mu      sync.Mutex
	changed time.Time // begin of the earliest hour that changed, the zero time if none did
	stale   bool      // hours may have been closed
}

// forget notes that hours changed, and that others may have been closed.
func (t *figuresTask) forget(hours []window.Window) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.stale = true
	for _, h := range hours {
		if t.changed.IsZero() || h.From.Before(t.changed) {
			t.changed = h.From
		}
	}
}

// take returns what forget noted.
func (t *figuresTask) take() (changed time.Time, stale bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	changed, stale = t.changed, t.stale
	t.changed, t.stale = time.Time{}, false
	return changed, stale
}

// work adds up what was closed since, and all of the month if an hour changed that
// is shown.
func (t *figuresTask) work(ctx context.Context, run *task.Run) (time.Time, error) {
	changed, stale := t.take()
	if !stale {
		return time.Time{}, nil
	}
	if !changed.IsZero() && changed.Before(t.shown) {
		t.month.Reset()
		t.shown = time.Time{}
	}
	err := run.Unit(ctx, "figures", t.update)
	if of, is := unreadable(err); is {
		t.tasks.damaged(of)
		err = run.Unit(ctx, "figures", t.update) // without it
	}
	if err != nil {
		t.forget(nil)
	}
	return time.Time{}, err
}

func (t *figuresTask) update(ctx context.Context) error {
	var until time.Time
	var clusters []string
	for _, c := range t.cfg.Clusters {
		last, found, err := t.cfg.Index.LastHour(ctx, c.Name)
		if err != nil {
			return err
		}
		if !found {
			continue // it may be a new one
		}
		t.status.Reached(c.Name, last.To, coverageOf(last))
		clusters = append(clusters, c.Name)
		if until.IsZero() || last.To.Before(until) {
			until = last.To
		}
	}
	t.status.Ready()
	if until.IsZero() || t.shown.Equal(until) {
		return nil
	}
	shown, err := t.month.Figures(ctx, clusters, window.Hour(until.Add(-time.Hour)))
	if err != nil {
		return err
	}
	t.status.Show(shown)
	t.shown = until
	return nil
}

func coverageOf(h index.HourRecord) report.Ratio {
	c := report.Coverage{Coverage: h.Coverage.Usage(), HoursAsked: 1, HoursClosed: 1}
	return c.Ratio()
}
