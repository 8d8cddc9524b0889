package serve

import (
	"context"
	"errors"
	"time"

	"github.com/gputally/gputally/reporter/closing"
	"github.com/gputally/gputally/reporter/prom"
	"github.com/gputally/gputally/reporter/status"
	"github.com/gputally/gputally/reporter/task"
	"github.com/gputally/gputally/reporter/window"
)

// upkeepTask compacts and prunes the ledger of one cluster, once a day: when the
// last hours of the previous day have been closed, and read again for the first
// time. Days of the daily table that turn out to be damaged are made again at once.
type upkeepTask struct {
	cfg     Config
	cluster Cluster
	status  *status.Status
	tasks   *tasks

	done time.Time // the day on which the ledger was compacted and pruned last
}

func (t *upkeepTask) work(ctx context.Context, run *task.Run) (time.Time, error) {
	now := t.cfg.Now()
	today := window.PeriodDay.Containing(now, time.UTC)
	begins := func(day window.Window) time.Time { return day.From.Add(t.cfg.Settle + closing.RereadAfter()[0]) }
	next := begins(today)
	err := t.repair(ctx, run)
	if !now.Before(next) {
		next = begins(window.PeriodDay.Next(today, time.UTC))
		err = errors.Join(err, t.daily(ctx, run, today))
	}
	if err != nil {
		if ctx.Err() == nil {
			t.status.UpkeepFailed(t.cluster.Name)
		}
		return time.Time{}, err
	}
	return next, nil
}

// repair makes days again whose objects are damaged.
func (t *upkeepTask) repair(ctx context.Context, run *task.Run) error {
	var failed []error
	for _, day := range t.tasks.progress.damagedDays(t.cluster.Name) {
		err := run.Unit(ctx, "make again "+day.From.Format(time.DateOnly), func(ctx context.Context) error {
			n, err := t.cluster.Upkeep.CompactDays(ctx, []window.Window{day})
			t.status.Compacted(t.cluster.Name, n)
			return err
		})
		if err == nil {
			t.tasks.progress.repairedDay(t.cluster.Name, day)
			t.cfg.Log.Info("Made a damaged day of the daily table again", "cluster", t.cluster.Name, "day", day)
		}
		failed = append(failed, err)
	}
	return errors.Join(failed...)
}

// daily compacts and prunes, unless that was done today.
func (t *upkeepTask) daily(ctx context.Context, run *task.Run, today window.Window) error {
	if t.done.Equal(today.From) {
		return nil
	}
	err := errors.Join(t.compact(ctx, run, window.Window{To: today.From}), t.prune(ctx, run))
	if err == nil {
		t.done = today.From
	}
	return err
}

// compact makes the daily tables that are due, each a unit of its own.
func (t *upkeepTask) compact(ctx context.Context, run *task.Run, until window.Window) error {
	name := t.cluster.Name
	var due []window.Window
	err := run.Unit(ctx, "look for days to compact", func(ctx context.Context) (err error) {
		if t.cluster.Balanced(ctx) {
			t.cfg.Log.Warn(prom.Balancing, "cluster", name)
		}
		due, err = t.cluster.Upkeep.DaysDue(ctx, until)
		return err
	})
	compacted := 0
	failed := []error{err}
	for _, day := range due {
		err := run.Unit(ctx, "compact "+day.From.Format(time.DateOnly), func(ctx context.Context) error {
			n, err := t.cluster.Upkeep.CompactDays(ctx, []window.Window{day})
			compacted += n
			return err
		})
		failed = append(failed, err)
	}
	t.status.Compacted(name, compacted)
	if compacted > 0 {
		t.cfg.Log.Info("Compacted the ledger", "cluster", name, "days", compacted)
	}
	return errors.Join(failed...)
}

func (t *upkeepTask) prune(ctx context.Context, run *task.Run) error {
	return run.Unit(ctx, "prune the ledger", func(ctx context.Context) error {
		pruned, err := t.cluster.Upkeep.Prune(ctx, false)
		total := pruned.Total()
		t.status.Pruned(t.cluster.Name, total.Objects, total.Bytes)
		if total.Objects > 0 {
			t.cfg.Log.Info("Pruned the ledger", "cluster", t.cluster.Name, "objects", total.Objects, "bytes", total.Bytes)
		}
		return err
	})
}
