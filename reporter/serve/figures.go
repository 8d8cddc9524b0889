package serve

import (
	"context"
	"time"

	"github.com/gputally/gputally/reporter/index"
	"github.com/gputally/gputally/reporter/report"
	"github.com/gputally/gputally/reporter/reporting"
	"github.com/gputally/gputally/reporter/status"
	"github.com/gputally/gputally/reporter/window"
)

// figures bring the figures per project up to the latest hour that all clusters
// have closed.
type figures struct {
	cfg    Config
	status *status.Status
	month  *reporting.Month
	shown  time.Time // end of the hour whose figures are shown
	stale  bool      // hours may have changed
}

func newFigures(c Config, shown *status.Status) *figures {
	return &figures{cfg: c, status: shown, month: c.Maker.Month(), stale: true}
}

// forget drops what was added up if it has an hour that changed.
func (f *figures) forget(hour window.Window) {
	if hour.From.Before(f.shown) {
		f.month.Reset()
		f.shown, f.stale = time.Time{}, true
	}
}

func (f *figures) run(ctx context.Context) {
	if !f.stale {
		return
	}
	if err := f.update(ctx); err == nil {
		f.stale = false
	} else if ctx.Err() == nil {
		f.cfg.Log.Error("The figures can't be brought up to date; will try again", "err", err)
	}
}

func (f *figures) update(ctx context.Context) error {
	var until time.Time
	var clusters []string
	for _, c := range f.cfg.Clusters {
		last, found, err := f.cfg.Index.LastHour(ctx, c.Name)
		if err != nil {
			return err
		}
		if !found {
			continue // it may be a new one
		}
		f.status.Reached(c.Name, last.To, coverageOf(last))
		clusters = append(clusters, c.Name)
		if until.IsZero() || last.To.Before(until) {
			until = last.To
		}
	}
	if until.IsZero() || f.shown.Equal(until) {
		return nil
	}
	shown, err := f.month.Figures(ctx, clusters, window.Hour(until.Add(-time.Hour)))
	if err != nil {
		return err
	}
	f.status.Show(shown)
	f.shown = until
	return nil
}

func coverageOf(h index.HourRecord) report.Ratio {
	c := report.Coverage{Coverage: h.Coverage.Usage(), HoursAsked: 1, HoursClosed: 1}
	return c.Ratio()
}
