package reporter

import (
	"context"
	"slices"
	"time"

	"github.com/gputally/gputally/reporter/archive"
	"github.com/gputally/gputally/reporter/report"
	"github.com/gputally/gputally/reporter/schedule"
	"github.com/gputally/gputally/reporter/window"
)

// periodsDue are the periods of a schedule that are to be reported, oldest
// first: those of Failed reports that overlap with one of the windows in again,
// those of any that overlap with one in anew and are outdated, and those that
// have no final report.
func (b *books) periodsDue(ctx context.Context, s schedule.Schedule, again, anew []window.Window) ([]window.Window, error) {
	first, found, err := b.firstHour(ctx)
	if err != nil || !found {
		return nil, err
	}
	var last window.Window
	var due []window.Window
	var compare []archive.Record
	for r, err := range b.archive.List(ctx, archive.Query{Name: s.Name, Current: true, Final: true}) {
		if err != nil {
			return nil, err
		}
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
	outdated, err := b.archive.Outdated(ctx, compare)
	if err != nil {
		return nil, err
	}
	for _, r := range outdated {
		due = append(due, r.Record.Window())
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
