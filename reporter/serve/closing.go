package serve

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/gputally/gputally/reporter/closing"
	"github.com/gputally/gputally/reporter/ledger"
	"github.com/gputally/gputally/reporter/source"
	"github.com/gputally/gputally/reporter/status"
	"github.com/gputally/gputally/reporter/task"
	"github.com/gputally/gputally/reporter/window"
)

// flushAfter is how many hours are closed before others hear of them, so that a
// cluster with much to catch up does not keep all reports waiting until its end.
const flushAfter = 24

// hourFormat shows the begin of an hour, UTC.
const hourFormat = "2006-01-02T15Z"

// closeTask closes the hours of one cluster. What it remembers only saves work.
type closeTask struct {
	cfg     Config
	cluster Cluster
	status  *status.Status
	tasks   *tasks

	troubles troubles          // hours that can't be closed
	broken   troubles          // closed hours that can't be read, nor closed again
	reread   map[time.Time]int // how often hours with gaps were read again, by their begin
	runs     int               // that were through with the hours that were due
	aligned  bool              // the edges of the latest hours were compared
	started  bool              // holes of the last days were looked for
	stuck    struct {          // the hour at which the server failed last, and how often in a row
		at    time.Time
		times int
	}

	changed []window.Window // of which the other tasks have not heard
	latest  window.Window   // closed by this run
}

func newCloseTask(c Config, of Cluster, shown *status.Status, all *tasks) *closeTask {
	return &closeTask{cfg: c, cluster: of, status: shown, tasks: all, troubles: troubles{}, broken: troubles{}, reread: map[time.Time]int{}}
}

// work closes the hours that are due, repairs those that turned out to be damaged,
// and reads one late hour again.
func (t *closeTask) work(ctx context.Context, run *task.Run) (next time.Time, err error) {
	t.latest = window.Window{}
	defer func() {
		t.showAside()
		if err != nil && ctx.Err() == nil {
			t.tasks.progress.reach(t.cluster.Name, time.Time{}, true)
			if !errors.As(err, new(*task.StillError)) {
				t.status.CloseFailed(t.cluster.Name, err)
			}
		}
		t.flush()
	}()
	var work closing.Work
	looked := t.cfg.Now()
	err = run.Unit(ctx, "look for hours to close", func(ctx context.Context) (err error) {
		work, err = t.look(ctx)
		return err
	})
	if err != nil {
		return time.Time{}, err
	}
	if next, err := t.closeAll(ctx, run, work.Due); err != nil {
		return next, err
	}
	t.tasks.progress.reach(t.cluster.Name, work.Settled, false)
	t.status.CaughtUp(t.cluster.Name)
	if err := t.repair(ctx, run); err != nil {
		return time.Time{}, err
	}
	more, err := t.readAgain(ctx, run, work.Rereads)
	if err == nil && t.runs > 0 { // reports of the first run come before
		err = t.align(ctx, run)
	}
	if err != nil {
		return time.Time{}, err
	}
	t.runs++
	return t.nextTime(looked, work.Due, more || !t.aligned), nil
}

// look finds out what there is to do. Hours that are set aside stay due for as long
// as there are samples, and come last, since each may take until its deadline. The
// second run, after the first reports, looks further back for holes that an earlier
// process has set aside.
func (t *closeTask) look(ctx context.Context) (closing.Work, error) {
	work, err := t.cluster.Closing.Look(ctx)
	if err != nil {
		return work, err
	}
	if !t.started && t.runs > 0 {
		holes, err := t.holes(ctx)
		if err != nil {
			return work, err
		}
		for _, d := range holes {
			if !isDue(work.Due, d.Hour) {
				work.Due = append(work.Due, d)
			}
		}
		t.started = true
	}
	if t.cluster.Within != nil {
		slices.SortFunc(work.Due, func(a, b closing.Due) int { return a.Hour.From.Compare(b.Hour.From) })
		if work.Due, err = t.cluster.Within(ctx, work.Due); err != nil {
			return work, err
		}
	}
	for _, aside := range t.troubles.setAside() {
		if !isDue(work.Due, aside.hour) {
			work.Due = append(work.Due, closing.Due{Hour: aside.hour})
		}
	}
	last := func(d closing.Due) int {
		if of := t.troubles.of(d.Hour); of != nil && of.aside() {
			return 1
		}
		return 0
	}
	slices.SortFunc(work.Due, func(a, b closing.Due) int { return cmp.Or(last(a)-last(b), a.Hour.From.Compare(b.Hour.From)) })
	return work, nil
}

func isDue(due []closing.Due, hour window.Window) bool {
	return slices.ContainsFunc(due, func(d closing.Due) bool { return d.Hour.From.Equal(hour.From) })
}

// holes are the hours of the last days that are not closed, after the first that
// is.
func (t *closeTask) holes(ctx context.Context) ([]closing.Due, error) {
	first, found, err := t.cfg.Index.FirstHour(ctx, t.cluster.Name)
	if err != nil || !found {
		return nil, err
	}
	from := t.cfg.Now().UTC().Add(-retryReach)
	if first.To.After(from) {
		from = first.To
	}
	return t.cluster.Closing.Due(ctx, from)
}

// closeAll tries the hours that are due, oldest first. With an error it returns
// when to try again, the zero time if that is left to the runner.
func (t *closeTask) closeAll(ctx context.Context, run *task.Run, due []closing.Due) (next time.Time, err error) {
	var suspect *closing.Due // at which the server failed, time and again
	var why error
	for _, d := range due {
		closed, next, err := t.try(ctx, run, d)
		switch {
		case err == nil && closed && suspect != nil: // the server answers
			if next, err := t.suspected(ctx, run, *suspect); err != nil {
				return next, err
			}
			suspect = nil
		case err == nil:
		case suspect == nil && ctx.Err() == nil && t.insists(d.Hour, err):
			suspect, why = &d, err
		case suspect != nil:
			return time.Time{}, why
		default:
			t.tasks.progress.reach(t.cluster.Name, d.Hour.From, true)
			return next, err
		}
	}
	if suspect != nil {
		return time.Time{}, why
	}
	return time.Time{}, nil
}

// suspected tries an hour once more at which a server failed that answers now. If it
// fails at it again, it is the hour, which is set aside; else the server was away.
func (t *closeTask) suspected(ctx context.Context, run *task.Run, due closing.Due) (next time.Time, err error) {
	_, next, err = t.try(ctx, run, due)
	if err == nil || ctx.Err() != nil || !ofServer(err) {
		return next, err
	}
	t.nameAside(t.troubles.putAside(due.Hour, t.cfg.Now(), t.tasks.runner.Backoff(), err))
	return time.Time{}, nil
}

// insists tells whether a server failed at the same hour for so long that it is
// worth to try another one.
func (t *closeTask) insists(hour window.Window, err error) bool {
	if !ofServer(err) || task.Asked(err) > 0 {
		return false
	}
	if !t.stuck.at.Equal(hour.From) {
		t.stuck.at, t.stuck.times = hour.From, 0
	}
	t.stuck.times++
	return t.stuck.times > insistAfter
}

// try closes one hour. It passes over an hour without samples and one that is set
// aside, because later hours must not wait for them, and tries them again after a
// pause. An error holds back later hours.
func (t *closeTask) try(ctx context.Context, run *task.Run, due closing.Due) (closed bool, next time.Time, err error) {
	hour, began := due.Hour, t.cfg.Now()
	if before := t.troubles.of(hour); before.hold(began) {
		if before.empty || before.aside() {
			return false, time.Time{}, nil
		}
		return false, before.next, &task.StillError{Err: before.err}
	}
	closeHour := t.cluster.Closing.Close
	if due.Alone && !t.latest.To.Equal(hour.From) {
		closeHour = t.cluster.Closing.CloseAlone
	}
	var entry ledger.Entry
	err = run.Unit(ctx, "hour "+hour.From.UTC().Format(hourFormat), func(ctx context.Context) (err error) {
		entry, err = closeHour(ctx, hour)
		return err
	})
	now := t.cfg.Now()
	switch {
	case err == nil:
		t.closed(hour, entry, now.Sub(began))
		return true, time.Time{}, nil
	case ctx.Err() != nil:
		return false, time.Time{}, err
	case errors.Is(err, source.ErrNoData):
		t.noSamples(hour, now, err)
		return false, time.Time{}, nil
	case ofServer(err):
		return false, time.Time{}, err
	}
	failed := t.troubles.failed(hour, now, t.tasks.runner.Backoff(), err)
	if !failed.aside() {
		return false, failed.next, err
	}
	t.nameAside(failed)
	return false, time.Time{}, nil
}

func (t *closeTask) closed(hour window.Window, entry ledger.Entry, took time.Duration) {
	t.troubles.forget(hour)
	t.latest = hour
	t.changed = append(t.changed, hour)
	t.status.Closed(t.cluster.Name, took)
	t.cfg.Log.Info("Closed an hour", "cluster", t.cluster.Name, "hour", hour, "segments", entry.Rows)
	if len(t.changed) >= flushAfter {
		t.tasks.progress.reach(t.cluster.Name, hour.To, false)
		t.flush()
	}
}

func (t *closeTask) noSamples(hour window.Window, now time.Time, err error) {
	if before := t.troubles.of(hour); before != nil && before.aside() {
		t.cfg.Log.Warn("An hour that was set aside has no samples any more", "cluster", t.cluster.Name, "hour", hour, "was", before.err)
	}
	if t.troubles.empty(hour, now, err) {
		t.status.CloseFailed(t.cluster.Name, err)
		t.cfg.Log.Warn("An hour has no samples", "cluster", t.cluster.Name, "hour", hour, "err", err)
	}
}

// nameAside says that later hours go on without an hour, or without several in a
// row that were tried together.
func (t *closeTask) nameAside(of *trouble, hours ...window.Window) {
	if len(hours) == 0 {
		hours = []window.Window{of.hour}
	}
	t.status.CloseFailed(t.cluster.Name, of.err)
	t.cfg.Log.Error("An hour is set aside and will be tried again; later hours go on", "cluster", t.cluster.Name,
		"hour", hours[0], "hours", len(hours), "tries", of.tries, "next", of.next.UTC().Format(time.RFC3339), "err", of.err)
}

// showAside shows which hours are set aside.
func (t *closeTask) showAside() {
	var hours []window.Window
	var shown []status.Aside
	for _, of := range append(t.troubles.setAside(), t.broken.setAside()...) {
		hours = append(hours, of.hour)
		shown = append(shown, status.Aside{Hour: of.hour.From, Tries: of.tries, Next: of.next, Err: of.err.Error()})
	}
	t.tasks.progress.setAside(t.cluster.Name, hours)
	t.status.SetAside(t.cluster.Name, shown)
}

// flush lets the other tasks hear of the hours that changed, and of how far the
// cluster is.
func (t *closeTask) flush() {
	changed := t.changed
	t.changed = nil
	t.tasks.changed(changed...)
}

// nextTime is when there will be work again, as far as is known.
func (t *closeTask) nextTime(looked time.Time, due []closing.Due, more bool) time.Time {
	if more {
		return t.cfg.Now().Add(t.cfg.Tick)
	}
	next := window.Hour(looked.Add(-t.cfg.Settle)).To.Add(t.cfg.Settle)
	for _, of := range t.broken {
		if of.next.Before(next) {
			next = of.next
		}
	}
	for _, of := range t.troubles {
		open := isDue(due, of.hour) || of.aside()
		switch {
		case open && of.next.Before(next):
			next = of.next
		case !open:
			t.troubles.forget(of.hour) // it is no longer due
		}
	}
	return next
}
