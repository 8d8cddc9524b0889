package serve

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/gputally/gputally/reporter/closing"
	"github.com/gputally/gputally/reporter/task"
	"github.com/gputally/gputally/reporter/window"
)

// readAgain reads one closed hour with gaps again, the oldest that is due, and
// restates it if there are more samples now. One at a time is gentle to the server
// after a day of gaps; more tells whether others are due, too.
func (t *closeTask) readAgain(ctx context.Context, run *task.Run, due []closing.Reread) (more bool, err error) {
	now := t.cfg.Now()
	maps.DeleteFunc(t.reread, func(from time.Time, _ int) bool { return now.Sub(from) > 2*closing.RereadReach })
	for i, r := range due {
		if r.Turn <= t.reread[r.Hour.From] {
			continue
		}
		_, err := t.restate(ctx, run, "read again "+r.Hour.From.UTC().Format(hourFormat), []window.Window{r.Hour}, closing.OnlyIfMore)
		if err == nil || !ofServer(err) && ctx.Err() == nil {
			t.reread[r.Hour.From] = r.Turn // what fails by itself waits for its next turn
		}
		return i < len(due)-1, err
	}
	return false, nil
}

// repair closes hours again that could not be read from the ledger. Hours that
// follow each other are closed in one go: each is bound to the edges of its
// neighbours, which can't be read either.
func (t *closeTask) repair(ctx context.Context, run *task.Run) error {
	for _, hours := range t.repairs() {
		done, err := t.restate(ctx, run, "repair "+hours[0].From.UTC().Format(hourFormat), hours, closing.KeepIfLess)
		if err == nil {
			err = errors.Join(append(done.Empty, done.Kept...)...)
		}
		var left []window.Window
		for _, hour := range hours {
			if err == nil || slices.Contains(done.Changed, hour) {
				t.repaired(hour)
			} else {
				left = append(left, hour)
			}
		}
		if len(left) > 0 && (ctx.Err() != nil || ofServer(err)) {
			return err
		}
		t.leaveBroken(left, err)
	}
	return nil
}

// repairs are the hours to be repaired now, as runs of consecutive hours.
func (t *closeTask) repairs() (runs [][]window.Window) {
	now := t.cfg.Now()
	for _, hour := range t.tasks.progress.repairs(t.cluster.Name) {
		if t.broken.of(hour).hold(now) {
			continue
		}
		last := len(runs) - 1
		if last >= 0 && runs[last][len(runs[last])-1].To.Equal(hour.From) {
			runs[last] = append(runs[last], hour)
		} else {
			runs = append(runs, []window.Window{hour})
		}
	}
	return runs
}

// repaired notes that an hour can be read again.
func (t *closeTask) repaired(hour window.Window) {
	t.broken.forget(hour)
	t.tasks.progress.repaired(t.cluster.Name, hour)
	t.changed = append(t.changed, hour)
	t.cfg.Log.Info("Closed a damaged hour again", "cluster", t.cluster.Name, "hour", hour)
}

// leaveBroken sets consecutive hours aside that can't be repaired.
func (t *closeTask) leaveBroken(hours []window.Window, why error) {
	if len(hours) == 0 {
		return
	}
	var of *trouble
	for _, hour := range hours {
		of = t.broken.putAside(hour, t.cfg.Now(), t.tasks.runner.Backoff(), fmt.Errorf("it is damaged, and can't be closed again: %w", why))
	}
	t.nameAside(of, hours...)
}

// restate reads consecutive hours again. What it changed counts also beside an error.
func (t *closeTask) restate(ctx context.Context, run *task.Run, unit string, hours []window.Window, guard closing.Guard) (done closing.Restated, err error) {
	err = run.Unit(ctx, unit, func(ctx context.Context) (err error) {
		done, err = t.cluster.Closing.Restate(ctx, hours, guard, func(window.Window) {})
		if changed := t.count(done); len(changed) > 0 {
			t.cfg.Log.Info("Restated hours, because their samples say something else now", "cluster", t.cluster.Name, "hour", hours[0], "changed", len(changed))
		}
		return err
	})
	return done, err
}

// align makes the latest hours agree on their edges, once in a process: another
// process may have ended after it restated an hour and before the neighbour.
func (t *closeTask) align(ctx context.Context, run *task.Run) error {
	if t.aligned {
		return nil
	}
	now := t.cfg.Now().UTC()
	err := run.Unit(ctx, "compare the edges of the latest hours", func(ctx context.Context) error {
		r, err := t.cluster.Closing.AlignEdges(ctx, window.Window{From: now.Add(-closing.RereadReach), To: now})
		t.count(r)
		return err
	})
	switch {
	case err == nil:
		t.aligned = true
	case ctx.Err() != nil || ofServer(err):
		return fmt.Errorf("compare the edges of the latest hours: %w", err)
	default:
		t.aligned = true // it would fail again, and ledger verify finds it
		t.cfg.Log.Error("The edges of the latest hours can't be compared; look with gputally-reporter ledger verify",
			"cluster", t.cluster.Name, "err", err)
	}
	return nil
}

// count counts what became of hours that were read again, and notes and returns
// those that changed.
func (t *closeTask) count(r closing.Restated) []window.Window {
	t.status.Restated(t.cluster.Name, r.Rewrites, r.Disagreed)
	t.changed = append(t.changed, r.Hours()...)
	return r.Hours()
}
