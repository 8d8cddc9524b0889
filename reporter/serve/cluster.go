package serve

import (
	"context"
	"errors"
	"time"

	"github.com/gputally/gputally/reporter/closing"
	"github.com/gputally/gputally/reporter/source"
	"github.com/gputally/gputally/reporter/status"
	"github.com/gputally/gputally/reporter/window"
)

const (
	// emptyPause is how long an hour without samples is left alone.
	emptyPause = 10 * time.Minute
	// lookEvery is how often a cluster's index is asked whether another process
	// changed it.
	lookEvery = 5 * time.Minute
)

// clusterTask closes the hours of one cluster and looks after its ledger. What it
// remembers only saves work.
type clusterTask struct {
	cfg     Config
	cluster Cluster
	status  *status.Status

	due     time.Time // when there may be work, as far as is known; zero: now
	looked  time.Time // when the index was last asked for its version
	version string    // of the index when its hours were last read

	empty   map[time.Time]time.Time // when hours without samples were last tried, by their begin
	reread  map[time.Time]int       // how often hours with gaps were read again, by their begin
	aligned bool                    // the edges of the latest hours were compared
	kept    time.Time               // the day on which the ledger was last compacted and pruned
}

// done is what a task did.
type done struct {
	looked    bool      // the index was read
	elsewhere bool      // the index changed since it was last read, perhaps by another process
	reached   time.Time // up to which no hour is left that could be closed; the zero time if that is not known
	closed    []window.Window
	restated  []window.Window
}

func newClusterTask(c Config, of Cluster, shown *status.Status) *clusterTask {
	return &clusterTask{cfg: c, cluster: of, status: shown, empty: map[time.Time]time.Time{}, reread: map[time.Time]int{}}
}

// run does what is due of closing and reading again.
func (t *clusterTask) run(ctx context.Context) (d done) {
	due, changed, err := t.isDue(ctx)
	if !due && !changed && err == nil {
		return done{reached: t.cfg.Now()}
	}
	d.looked, d.elsewhere = true, changed
	if err == nil {
		err = t.closeDue(ctx, &d)
	}
	if err == nil {
		t.status.CaughtUp(t.cluster.Name)
		return d
	}
	t.due = time.Time{}
	if ctx.Err() == nil {
		t.status.CloseFailed(t.cluster.Name, err)
		t.cfg.Log.Error("Hours can't be closed; will try again", "cluster", t.cluster.Name, "err", err)
	}
	return d
}

// isDue tells whether there may be work, and whether the index changed since its
// hours were last read. Every five minutes, and before the hours are read, it asks
// for the version of the index of the running month.
func (t *clusterTask) isDue(ctx context.Context) (due, changed bool, err error) {
	now := t.cfg.Now()
	due = !now.Before(t.due)
	if !due && now.Sub(t.looked) < lookEvery {
		return false, false, nil
	}
	if t.looked.IsZero() { // the version of what is read first is not needed
		t.looked = now
		return true, false, nil
	}
	version, err := t.cfg.Index.Version(ctx, t.cluster.Name, now.Add(-t.cfg.Settle-time.Hour))
	if err != nil {
		return true, false, err
	}
	changed = version != t.version
	t.looked, t.version = now, version
	return due, changed, nil
}

// closeDue closes the hours that are due, reads one late hour again, and finds
// out when there will be work again.
func (t *clusterTask) closeDue(ctx context.Context, d *done) error {
	work, err := t.cluster.Closing.Look(ctx)
	if err != nil {
		return err
	}
	for _, due := range work.Due {
		if err := t.close(ctx, due, d); err != nil {
			d.reached = due.Hour.From
			return err
		}
	}
	now := t.cfg.Now()
	d.reached, t.due = now, window.Hour(now.Add(-t.cfg.Settle)).To.Add(t.cfg.Settle)
	for _, of := range work.Due {
		if tried, empty := t.empty[of.Hour.From]; empty && tried.Add(emptyPause).Before(t.due) {
			t.due = tried.Add(emptyPause)
		}
	}
	return t.readAgain(ctx, work.Rereads, d)
}

// close closes one hour. An hour without samples is passed over, because later
// hours must not wait for it; it is tried again as long as it is due.
func (t *clusterTask) close(ctx context.Context, due closing.Due, d *done) error {
	hour, began := due.Hour, t.cfg.Now()
	tried, known := t.empty[hour.From]
	if known && began.Sub(tried) < emptyPause {
		return nil
	}
	closeHour := t.cluster.Closing.Close
	if n := len(d.closed); due.Alone && (n == 0 || !d.closed[n-1].To.Equal(hour.From)) {
		closeHour = t.cluster.Closing.CloseAlone
	}
	entry, err := closeHour(ctx, hour)
	if errors.Is(err, source.ErrNoData) {
		t.empty[hour.From] = began
		if !known {
			t.status.CloseFailed(t.cluster.Name, err)
			t.cfg.Log.Warn("An hour has no samples", "cluster", t.cluster.Name, "hour", hour, "err", err)
		}
		return nil
	}
	if err != nil {
		return err
	}
	delete(t.empty, hour.From)
	d.closed = append(d.closed, hour)
	t.status.Closed(t.cluster.Name, t.cfg.Now().Sub(began))
	t.cfg.Log.Info("Closed an hour", "cluster", entry.Cluster, "hour", hour, "segments", entry.Rows)
	return nil
}

// align makes the latest hours agree on their edges, once in a process: another
// process may have ended after it restated an hour and before the neighbour.
func (t *clusterTask) align(ctx context.Context) (d done) {
	if t.aligned {
		return d
	}
	now := t.cfg.Now().UTC()
	r, err := t.cluster.Closing.AlignEdges(ctx, window.Window{From: now.Add(-closing.RereadReach), To: now})
	d.restated = t.count(r)
	switch {
	case err == nil:
		t.aligned = true
	case ctx.Err() == nil:
		t.cfg.Log.Error("The edges of the latest hours can't be compared; will try again; see also gputally-reporter ledger verify",
			"cluster", t.cluster.Name, "err", err)
	}
	return d
}

// count counts what became of hours that were read again, and returns those that
// changed.
func (t *clusterTask) count(r closing.Restated) []window.Window {
	t.status.Restated(t.cluster.Name, r.Rewrites, r.Disagreed)
	return r.Hours()
}
