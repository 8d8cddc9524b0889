package reporter

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"time"

	"github.com/gputally/gputally/reporter/report"
	"github.com/gputally/gputally/reporter/schedule"
	"github.com/gputally/gputally/reporter/usage"
	"github.com/gputally/gputally/reporter/window"
)

const (
	// emptyPause is how long an hour without samples is left alone.
	emptyPause = 10 * time.Minute
	// retryReach is how far back a starting process makes Failed reports again:
	// whoever has repaired a price book starts the process anew.
	retryReach = 7 * 24 * time.Hour
)

// rounds closes hours and makes scheduled reports. What it remembers only saves
// work: another process comes to the same books.
type rounds struct {
	books     *books
	schedules []schedule.Schedule
	board     *board
	log       *slog.Logger

	month month
	shown time.Time               // end of the hour whose figures the board shows
	empty map[time.Time]time.Time // when hours without samples were tried, by their start
	again []window.Window         // Failed reports that overlap are made again
}

func newRounds(b *books, schedules []schedule.Schedule, log *slog.Logger) *rounds {
	now := b.now().UTC()
	return &rounds{
		books: b, schedules: schedules, board: newBoard(b.cluster), log: log,
		empty: map[time.Time]time.Time{},
		again: []window.Window{{From: now.Add(-retryReach), To: now}},
	}
}

// round closes what has settled and makes the reports that are due. What fails
// is logged, counted, and tried again in the next round.
func (r *rounds) round(ctx context.Context) {
	r.board.ticked(r.books.now())
	reached, err := r.closeDue(ctx)
	done := err == nil
	if done {
		err = r.tally(ctx)
	}
	switch {
	case err == nil:
		r.board.caughtUp()
	case ctx.Err() == nil:
		r.board.closeFailed(err)
		r.log.Error("Hours can't be closed; will try again", "cluster", r.books.cluster, "err", err)
	}
	for _, s := range r.schedules {
		if err := r.reportDue(ctx, s, reached); err != nil && ctx.Err() == nil {
			done = false
			r.board.reportFailed(s.Name)
			r.log.Error("A scheduled report can't be made; will try again", "schedule", s.Name, "err", err)
		}
	}
	if done {
		r.again = nil
	}
}

// closeDue closes hours and returns the time up to which none is left that
// could be closed. The zero time says that this is not known.
func (r *rounds) closeDue(ctx context.Context) (reached time.Time, err error) {
	from, err := r.books.resume(ctx)
	if err != nil {
		return time.Time{}, err
	}
	hours, err := r.books.hoursDue(ctx, from)
	if err != nil {
		return time.Time{}, err
	}
	for _, hour := range hours {
		if err := r.close(ctx, hour); err != nil {
			return hour.From, err
		}
	}
	return r.books.now(), nil
}

// close closes one hour. An hour without samples is passed over, because
// whatever comes later must not wait for it; it is tried again as long as it
// lies within reach.
func (r *rounds) close(ctx context.Context, hour window.Window) error {
	began := r.books.now()
	tried, known := r.empty[hour.From]
	if known && began.Sub(tried) < emptyPause {
		return nil
	}
	entry, err := r.books.closeHour(ctx, hour)
	if errors.Is(err, usage.ErrNoData) {
		r.empty[hour.From] = began
		if !known {
			r.board.closeFailed(err)
			r.log.Warn("An hour has no samples", "cluster", r.books.cluster, "hour", hour, "err", err)
		}
		return nil
	}
	if err != nil {
		return err
	}
	delete(r.empty, hour.From)
	r.again = append(r.again, hour)
	if hour.From.Before(r.shown) {
		r.month, r.shown = month{}, time.Time{}
	}
	r.board.closed(r.books.now().Sub(began))
	r.log.Info("Closed an hour", "cluster", entry.Cluster, "hour", hour, "segments", entry.Rows)
	return nil
}

// tally brings the figures per project up to the latest closed hour.
func (r *rounds) tally(ctx context.Context) error {
	last, found, err := r.books.index.LastHour(ctx, r.books.cluster)
	if err != nil || !found {
		return inBucket(err)
	}
	if r.shown.Equal(last.To) {
		return nil
	}
	figures, err := r.month.figures(ctx, r.books, last.Window())
	if err != nil {
		r.month = month{}
		return err
	}
	r.board.tally(last.To, figures)
	r.shown = last.To
	return nil
}

// reportDue makes the reports of one schedule that are due, oldest first. A
// period with hours that may still be closed has to wait.
func (r *rounds) reportDue(ctx context.Context, s schedule.Schedule, reached time.Time) error {
	periods, err := r.books.periodsDue(ctx, s, r.again)
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
			Name: s.Name, ID: "new", Window: w, TimeZone: s.Zone.String(), PeriodKey: window.Key(w, s.Zone), GroupBy: by,
		}, false, func(window.Window) {})
		if err != nil {
			return err
		}
		p, err := r.books.publish(ctx, table)
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
