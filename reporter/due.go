package reporter

import (
	"context"
	"slices"
	"time"

	"github.com/gputally/gputally/reporter/index"
	"github.com/gputally/gputally/reporter/report"
	"github.com/gputally/gputally/reporter/schedule"
	"github.com/gputally/gputally/reporter/window"
)

// reach is how far back a closing looks for hours that are not closed.
const reach = 24 * time.Hour

// hoursDue are the hours to be closed, oldest first: those between from and now
// that have settled and that the index does not know.
func (c *cluster) hoursDue(ctx context.Context, from time.Time) ([]window.Window, error) {
	now := c.now()
	if !from.Before(now) {
		return nil, nil
	}
	known, err := c.index.Hours(ctx, c.name, window.Window{From: from.UTC(), To: now.UTC()})
	if err != nil {
		return nil, err
	}
	closed := make(map[time.Time]bool, len(known))
	for _, h := range known {
		closed[h.From] = true
	}
	return schedule.HoursDue(func(w window.Window) bool { return closed[w.From] }, from, now, c.settle), nil
}

// resume is the time from which hours are to be closed: a day back, so that
// holes of that time are tried again, or from the end of the last closed hour
// if that is longer ago; but never before the first closed hour.
func (c *cluster) resume(ctx context.Context) (time.Time, error) {
	back := c.now().UTC().Add(-reach)
	last, found, err := c.index.LastHour(ctx, c.name)
	if err != nil || !found {
		return back, err
	}
	if last.To.Before(back) {
		return last.To, nil
	}
	first, _, err := c.index.FirstHour(ctx, c.name)
	if err != nil {
		return back, err
	}
	if first.From.After(back) {
		return first.From, nil
	}
	return back, nil
}

// periodsDue are the periods of a schedule that are to be reported, oldest
// first: those of Failed reports that overlap with one of the windows in again,
// those of any that overlap with one in anew and are outdated, and those that
// have no final report.
func (b *books) periodsDue(ctx context.Context, s schedule.Schedule, again, anew []window.Window) ([]window.Window, error) {
	first, found, err := b.firstHour(ctx)
	if err != nil || !found {
		return nil, err
	}
	records, err := b.index.Reports(ctx, s.Name)
	if err != nil {
		return nil, err
	}
	var last window.Window
	var due []window.Window
	var compare []index.ReportRecord
	for _, r := range latestReports(records) {
		if r.To.After(last.To) {
			last = r.Window()
		}
		switch {
		case r.State == report.Failed && overlap(r, again):
			due = append(due, r.Window())
		case overlap(r, anew):
			compare = append(compare, r)
		}
	}
	outdated, err := b.outdated(ctx, compare)
	if err != nil {
		return nil, err
	}
	for _, r := range outdated {
		due = append(due, r.Window())
	}
	slices.SortFunc(due, func(a, b window.Window) int { return a.From.Compare(b.From) })
	return append(due, schedule.Due(s, last, b.now(), b.settle, first)...), nil
}

// firstHour is the begin of the first closed hour of any configured cluster.
func (b *books) firstHour(ctx context.Context) (first time.Time, found bool, err error) {
	for _, c := range b.clusters {
		hour, has, err := b.index.FirstHour(ctx, c.name)
		if err != nil {
			return first, false, err
		}
		if has && (!found || hour.From.Before(first)) {
			first, found = hour.From, true
		}
	}
	return first, found, nil
}
