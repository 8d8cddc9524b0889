package serve

import (
	"context"
	"math"
	"slices"
	"time"

	"github.com/gputally/gputally/reporter/archive"
	"github.com/gputally/gputally/reporter/report"
	"github.com/gputally/gputally/reporter/schedule"
	"github.com/gputally/gputally/reporter/task"
	"github.com/gputally/gputally/reporter/window"
)

// look finds the periods that are to be reported, if any may have been added. Hours
// that changed count only if they may be in a report already.
func (t *scheduleTask) look(ctx context.Context, run *task.Run) error {
	now, news := t.cfg.Now(), t.take()
	released := t.schedule.Released(now, t.cfg.Settle)
	news = slices.DeleteFunc(news, func(w window.Window) bool { return !w.From.Before(released.To) })
	if len(news) == 0 && now.Before(t.due) {
		return nil
	}
	err := run.Unit(ctx, "look for periods to report", func(ctx context.Context) error { return t.find(ctx, now, news) })
	if err != nil {
		t.tell(news)
		return err
	}
	t.due, t.retry = t.schedule.Next(now, t.cfg.Settle), window.Window{}
	return nil
}

// find adds the periods whose reports are to be made again, and those that have no
// final report. The first look is at all periods since the earliest data: another
// process may have made later ones and not these. It reads each object of the
// schedule's index once.
func (t *scheduleTask) find(ctx context.Context, now time.Time, news []window.Window) error {
	whole := t.due.IsZero()
	if whole || t.first.IsZero() {
		first, found, err := t.cfg.Index.FirstOf(ctx, t.clusters)
		if err != nil || !found {
			return err
		}
		t.first = first.From
	}
	var done []window.Window
	var compare []archive.Record
	earliest := earliestOf(slices.Concat(news, []window.Window{t.retry}))
	for r, err := range t.cfg.Archive.List(ctx, archive.Query{Name: t.schedule.Name, Current: true, Final: true}) {
		if err != nil {
			return err
		}
		done = append(done, r.Window())
		t.failed.note(r.Window(), r.State, r.To)
		if !whole && !r.To.After(earliest) {
			break // those that are left ended earlier: they are periods of one length
		}
		switch {
		case r.State == report.Failed && t.retry.Overlaps(r.Window()):
			t.periods.add(r.Window(), now)
		case slices.ContainsFunc(news, r.Window().Overlaps):
			compare = append(compare, r)
		}
	}
	outdated, err := t.cfg.Archive.Outdated(ctx, compare)
	if err != nil {
		return err
	}
	for _, r := range outdated {
		t.periods.add(r.Record.Window(), now)
	}
	if !whole && len(done) > 0 { // what was not done before is known from the first look
		done = []window.Window{{From: t.first, To: done[0].To}}
	}
	due := schedule.Due(t.schedule, append(done, t.pruned(now)), now, t.cfg.Settle, t.first)
	for _, w := range due {
		t.periods.add(w, time.Time{})
	}
	t.more = len(due) == schedule.MaxDue
	return nil
}

// pruned is the time of the periods whose reports are too old to be kept. The
// latest period is none of them, however long it is ago.
func (t *scheduleTask) pruned(now time.Time) window.Window {
	w := window.Window{From: t.first, To: t.first}
	if t.cfg.RetainReports <= 0 {
		return w
	}
	kept := t.schedule.Period.Containing(now.Add(-t.cfg.RetainReports), t.schedule.Zone)
	if latest := t.schedule.Released(now, t.cfg.Settle); latest.From.Before(kept.From) {
		kept = latest
	}
	if kept.From.After(w.To) {
		w.To = kept.From
	}
	return w
}

// earliestOf is when the first of the windows that are not empty begins, the end of
// time if there are none.
func earliestOf(windows []window.Window) time.Time {
	earliest := time.UnixMilli(math.MaxInt64)
	for _, w := range windows {
		if w.From.Before(w.To) && w.From.Before(earliest) {
			earliest = w.From
		}
	}
	return earliest
}
