package serve

import (
	"context"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/gputally/gputally/reporter/archive"
	"github.com/gputally/gputally/reporter/report"
	"github.com/gputally/gputally/reporter/schedule"
	"github.com/gputally/gputally/reporter/status"
	"github.com/gputally/gputally/reporter/window"
)

// scheduleTask makes the reports of one schedule.
type scheduleTask struct {
	cfg      Config
	status   *status.Status
	schedule schedule.Schedule
	clusters []string // names of the configured ones

	due     time.Time       // when a period is released next; zero: now
	retry   []window.Window // Failed reports that overlap one of these are made again
	compare []window.Window // reports that overlap one of these are made again if they are outdated
	again   []window.Window // periods whose reports are to be made again, oldest first
}

// run makes what is due. changed says that hours may have changed.
func (t *scheduleTask) run(ctx context.Context, reached time.Time, changed bool) {
	now := t.cfg.Now()
	if !changed && len(t.retry) == 0 && len(t.compare) == 0 && now.Before(t.due) {
		return
	}
	all, err := t.makeDue(ctx, reached)
	if err == nil && all {
		t.due = t.schedule.Next(now, t.cfg.Settle)
		return
	}
	t.due = time.Time{}
	if err != nil && ctx.Err() == nil {
		t.status.ReportFailed(t.schedule.Name)
		t.cfg.Log.Error("A scheduled report can't be made; will try again", "schedule", t.schedule.Name, "err", err)
	}
}

// makeDue makes the reports that are due, oldest first, and tells whether it made
// all: a period has to wait while hours of it may still be closed.
func (t *scheduleTask) makeDue(ctx context.Context, reached time.Time) (all bool, err error) {
	periods, err := t.periodsDue(ctx)
	if err != nil {
		return false, err
	}
	by, err := report.ParseGroupBy(strings.Join(t.schedule.GroupBy, ","))
	if err != nil {
		return false, err
	}
	for _, period := range periods {
		if period.To.After(reached) {
			return false, nil
		}
		if err := t.make(ctx, period, by); err != nil {
			return false, err
		}
		t.again = slices.DeleteFunc(t.again, func(w window.Window) bool { return w == period })
	}
	return true, nil
}

// make makes and publishes the report of one period.
func (t *scheduleTask) make(ctx context.Context, period window.Window, by []report.Dimension) error {
	name, key := t.schedule.Name, window.Key(period, t.schedule.Zone)
	table, err := t.cfg.Maker.Make(ctx, report.Spec{
		Window: period, TimeZone: t.schedule.Zone.String(), GroupBy: by,
	}, func(window.Window) {})
	if err != nil {
		return err
	}
	p, err := t.cfg.Archive.Publish(ctx, table, archive.Publication{Name: name, Period: key})
	if err != nil {
		return err
	}
	t.status.Reported(name, p)
	if p.Manifest.State == report.Failed {
		t.cfg.Log.Warn("A scheduled report is Failed", "schedule", name, "period", period, "failures", strings.Join(p.Manifest.Failures, "; "))
		return nil
	}
	t.cfg.Log.Info("Made a scheduled report", "schedule", name, "period", period, "object", p.CSVKey)
	return nil
}

// periodsDue are the periods that are to be reported: those whose report is to be
// made again, oldest first, and then those that have no final report.
func (t *scheduleTask) periodsDue(ctx context.Context) ([]window.Window, error) {
	first, found, err := t.cfg.Index.FirstOf(ctx, t.clusters)
	if err != nil {
		return nil, err
	}
	if !found {
		t.retry, t.compare = nil, nil
		return nil, nil
	}
	var last window.Window
	var compare []archive.Record
	again := slices.Clone(t.again)
	earliest := earliestOf(t.retry, t.compare)
	for r, err := range t.cfg.Archive.List(ctx, archive.Query{Name: t.schedule.Name, Current: true, Final: true}) {
		if err != nil {
			return nil, err
		}
		if r.To.After(last.To) {
			last = r.Window()
		}
		if !r.To.After(earliest) {
			break // those that are left ended earlier: they are periods of one length
		}
		switch {
		case r.State == report.Failed && slices.ContainsFunc(t.retry, r.Window().Overlaps):
			again = append(again, r.Window())
		case slices.ContainsFunc(t.compare, r.Window().Overlaps):
			compare = append(compare, r)
		}
	}
	outdated, err := t.cfg.Archive.Outdated(ctx, compare)
	if err != nil {
		return nil, err
	}
	for _, r := range outdated {
		again = append(again, r.Record.Window())
	}
	slices.SortFunc(again, func(a, b window.Window) int { return a.From.Compare(b.From) })
	t.again, t.retry, t.compare = slices.Compact(again), nil, nil
	return append(slices.Clone(t.again), schedule.Due(t.schedule, last, t.cfg.Now(), t.cfg.Settle, first.From)...), nil
}

// earliestOf is when the first of the windows begins, the end of time if there are
// none.
func earliestOf(windows ...[]window.Window) time.Time {
	earliest := time.UnixMilli(math.MaxInt64)
	for _, w := range slices.Concat(windows...) {
		if w.From.Before(earliest) {
			earliest = w.From
		}
	}
	return earliest
}
