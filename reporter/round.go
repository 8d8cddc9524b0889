package reporter

import (
	"context"
	"log/slog"
	"strings"
	"time"

	"github.com/gputally/gputally/reporter/archive"
	"github.com/gputally/gputally/reporter/report"
	"github.com/gputally/gputally/reporter/schedule"
	"github.com/gputally/gputally/reporter/window"
)

// retryReach is how far back a starting process makes Failed reports again:
// whoever has repaired a price book starts the process anew.
const retryReach = 7 * 24 * time.Hour

// rounds closes hours and makes scheduled reports. What it remembers only saves
// work: another process comes to the same books.
type rounds struct {
	books     *books
	keepers   []*keeper // one for each cluster
	schedules []schedule.Schedule
	board     *board
	log       *slog.Logger

	month month
	shown time.Time       // end of the hour whose figures the board shows
	again []window.Window // Failed reports that overlap are made again
	anew  []window.Window // outdated reports that overlap are: hours were restated

	compared time.Time // the day on which all recent reports were compared with their hours
}

func newRounds(b *books, schedules []schedule.Schedule, log *slog.Logger) *rounds {
	now := b.now().UTC()
	r := &rounds{
		books: b, schedules: schedules, board: newBoard(b.clusters), log: log,
		again: []window.Window{{From: now.Add(-retryReach), To: now}},
	}
	for _, c := range b.clusters {
		r.keepers = append(r.keepers, newKeeper(c, r))
	}
	return r
}

// closed hears of an hour that was closed.
func (r *rounds) closed(hour window.Window) {
	r.again = append(r.again, hour)
	r.forget(hour)
}

// restated hears of closed hours that say something else now.
func (r *rounds) restated(hours []window.Window) {
	r.anew = append(r.anew, hours...)
	for _, hour := range hours {
		r.forget(hour)
	}
}

// forget drops figures that have an hour that changed.
func (r *rounds) forget(hour window.Window) {
	if hour.From.Before(r.shown) {
		r.month, r.shown = month{}, time.Time{}
	}
}

// round closes what has settled, cluster by cluster, and makes the reports that
// are due. What fails is logged, counted, and tried again in the next round; it
// does not keep another cluster's hours from being closed.
func (r *rounds) round(ctx context.Context) {
	r.board.ticked(r.books.now())
	r.compare()
	reached, done := r.books.now(), true
	for _, k := range r.keepers {
		at, err := k.closeDue(ctx)
		if at.Before(reached) {
			reached = at
		}
		if err == nil {
			r.board.caughtUp(k.name)
			continue
		}
		done = false
		if ctx.Err() == nil {
			r.board.closeFailed(k.name, err)
			r.log.Error("Hours can't be closed; will try again", "cluster", k.name, "err", err)
		}
	}
	if err := r.tally(ctx); err != nil && ctx.Err() == nil {
		done = false
		r.log.Error("The figures can't be brought up to date; will try again", "err", err)
	}
	for _, s := range r.schedules {
		if err := r.reportDue(ctx, s, reached); err != nil && ctx.Err() == nil {
			done = false
			r.board.reportFailed(s.Name)
			r.log.Error("A scheduled report can't be made; will try again", "schedule", s.Name, "err", err)
		}
	}
	if done {
		r.again, r.anew = nil, nil
	}
	for _, k := range r.keepers {
		k.upkeep(ctx)
	}
}

// compare has all reports compared with their hours whose hours may be restated,
// when the process starts and once a day: a command may have restated hours, or
// another process that ended before it made their reports again.
func (r *rounds) compare() {
	now := r.books.now().UTC()
	if today := window.PeriodDay.Containing(now, time.UTC).From; !r.compared.Equal(today) {
		r.compared = today
		r.anew = append(r.anew, window.Window{From: now.Add(-r.books.restateWithin), To: now})
	}
}

// tally brings the figures per project up to the latest hour that all clusters
// have closed.
func (r *rounds) tally(ctx context.Context) error {
	var until time.Time
	var clusters []string
	for _, c := range r.books.clusters {
		last, found, err := r.books.index.LastHour(ctx, c.name)
		if err != nil {
			return err
		}
		if !found {
			continue // it may be a new one
		}
		r.board.reached(c.name, last)
		clusters = append(clusters, c.name)
		if until.IsZero() || last.To.Before(until) {
			until = last.To
		}
	}
	if until.IsZero() || r.shown.Equal(until) {
		return nil
	}
	figures, err := r.month.figures(ctx, r.books, clusters, window.Hour(until.Add(-time.Hour)))
	if err != nil {
		r.month = month{}
		return err
	}
	r.board.tally(figures)
	r.shown = until
	return nil
}

// reportDue makes the reports of one schedule that are due, oldest first. A
// period with hours that may still be closed has to wait.
func (r *rounds) reportDue(ctx context.Context, s schedule.Schedule, reached time.Time) error {
	periods, err := r.books.periodsDue(ctx, s, r.again, r.anew)
	if err != nil {
		return err
	}
	by, err := report.ParseGroupBy(strings.Join(s.GroupBy, ","))
	if err != nil {
		return err
	}
	for _, w := range periods {
		if w.To.After(reached) {
			return nil
		}
		table, err := r.books.report(ctx, report.Spec{
			Window: w, TimeZone: s.Zone.String(), GroupBy: by,
		}, false, func(window.Window) {})
		if err != nil {
			return err
		}
		p, err := r.books.archive.Publish(ctx, table, archive.Publication{Name: s.Name, Period: window.Key(w, s.Zone)})
		if err != nil {
			return err
		}
		r.board.reported(s.Name, p)
		if p.Manifest.State == report.Failed {
			r.log.Warn("A scheduled report is Failed", "schedule", s.Name, "period", w, "failures", strings.Join(p.Manifest.Failures, "; "))
			continue
		}
		r.log.Info("Made a scheduled report", "schedule", s.Name, "period", w, "object", p.CSVKey)
	}
	return nil
}
