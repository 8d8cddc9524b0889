package serve

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/gputally/gputally/reporter/index"
	"github.com/gputally/gputally/reporter/report"
	"github.com/gputally/gputally/reporter/reporting"
	"github.com/gputally/gputally/reporter/status"
	"github.com/gputally/gputally/reporter/task"
	"github.com/gputally/gputally/reporter/window"
)

// figuresWait is how far a cluster may be behind the others so that figures wait for
// it: clusters don't close an hour at the same moment.
const figuresWait = time.Hour

// figuresTask brings the figures per project up to the latest hour that is closed. A
// cluster that is behind lacks hours, which the status says, and so does one with an
// hour that can't be read. The hours are added when they come in.
type figuresTask struct {
	cfg    Config
	status *status.Status
	tasks  *tasks
	month  *reporting.Month

	tries int // that failed since the last that did not

	mu    sync.Mutex
	stale bool // hours were closed or changed
}

// note notes that hours were closed or changed.
func (t *figuresTask) note(stale bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.stale = t.stale || stale
}

// take tells whether hours were closed or changed since it was asked last.
func (t *figuresTask) take() (stale bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	stale, t.stale = t.stale, false
	return stale
}

// work adds up what was closed since.
func (t *figuresTask) work(ctx context.Context, run *task.Run) (time.Time, error) {
	if !t.take() {
		return time.Time{}, nil
	}
	err := run.Unit(ctx, "figures", t.update)
	for of, is := unreadable(err); is && t.tasks.damaged(of); of, is = unreadable(err) {
		err = run.Unit(ctx, "figures", t.update) // without it
	}
	t.note(err != nil)
	if err == nil || ofServer(err) || ctx.Err() != nil {
		t.tries = 0
		return time.Time{}, err
	}
	t.tries++ // other clusters go on
	return t.cfg.Now().Add(t.tasks.runner.Backoff().After(t.tries, err)), err
}

// reached is how far a cluster's hours are closed.
type reached struct {
	cluster     string
	first, last index.HourRecord
}

// update shows the figures. What is known of one cluster does not depend on the
// others: the error names those whose index can't be read.
func (t *figuresTask) update(ctx context.Context) error {
	var all []reached
	var failed []error
	for _, c := range t.cfg.Clusters {
		r, found, err := t.reached(ctx, c.Name)
		switch {
		case err != nil && (ofServer(err) || ctx.Err() != nil):
			return err
		case err != nil:
			failed = append(failed, err)
		case found: // else it may be a new one
			t.status.Reached(c.Name, r.last.To, coverageOf(r.last))
			all = append(all, r)
		}
	}
	t.status.Ready()
	if len(all) > 0 {
		failed = append(failed, t.show(ctx, all))
	}
	return errors.Join(failed...)
}

func (t *figuresTask) reached(ctx context.Context, cluster string) (r reached, found bool, err error) {
	r.cluster = cluster
	if r.first, _, err = t.cfg.Index.FirstHour(ctx, cluster); err == nil {
		r.last, found, err = t.cfg.Index.LastHour(ctx, cluster)
	}
	return r, found, err
}

// show shows the figures up to the latest hour that all clusters but those that are
// far behind have closed.
func (t *figuresTask) show(ctx context.Context, all []reached) error {
	var newest, until time.Time
	for _, r := range all {
		if r.last.To.After(newest) {
			newest = r.last.To
		}
	}
	first := map[string]time.Time{}
	for _, r := range all {
		first[r.cluster] = r.first.From
		if newest.Sub(r.last.To) <= figuresWait && (until.IsZero() || r.last.To.Before(until)) {
			until = r.last.To
		}
	}
	shown, err := t.month.Figures(ctx, first, window.Hour(until.Add(-time.Hour)))
	if err != nil {
		return err
	}
	t.status.Show(shown)
	return nil
}

func coverageOf(h index.HourRecord) report.Ratio {
	c := report.Coverage{Coverage: h.Coverage.Usage(), HoursAsked: 1, HoursClosed: 1}
	return c.Ratio()
}
