package reporting

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/gputally/gputally/reporter/report"
	"github.com/gputally/gputally/reporter/rollup"
	"github.com/gputally/gputally/reporter/window"
)

// Month keeps the rollup of the running month, so that each closed hour is read
// once. It begins again when an hour that it has was restated, or one that it lacks
// was closed. One goroutine may use it at a time.
type Month struct {
	maker  *Maker
	window window.Window
	rollup *rollup.Rollup // nil before the first hour, and after an error
	added  closedHours    // up to until
	until  time.Time
}

// Month returns a month that has nothing yet.
func (m *Maker) Month() *Month { return &Month{maker: m} }

// Figures brings the month up to the end of an hour, as far as the clusters have
// closed it, and returns the figures of the month and of that hour. first is when the
// first hour of each cluster began: hours since then that are not closed, or are left
// out, are lacking. After an error the month begins again. Errors: those of
// Maker.Make.
func (m *Month) Figures(ctx context.Context, first map[string]time.Time, hour window.Window) (Figures, error) {
	f, err := m.figures(ctx, first, hour)
	if err != nil {
		*m = Month{maker: m.maker}
	}
	return f, err
}

func (m *Month) figures(ctx context.Context, first map[string]time.Time, hour window.Window) (Figures, error) {
	w := window.PeriodMonth.Containing(hour.From, time.UTC)
	closed, err := m.maker.closedHours(ctx, slices.Sorted(maps.Keys(first)), window.Window{From: w.From, To: hour.To})
	if err != nil {
		return Figures{}, err
	}
	if err := m.advance(ctx, w, closed, hour.To); err != nil {
		return Figures{}, err
	}
	monthly, err := m.rollup.Table()
	if err != nil {
		return Figures{}, err
	}
	latest, err := m.latest(ctx, closed, hour)
	if err != nil {
		return Figures{}, err
	}
	f := Figures{Until: hour.To, Lacking: map[string]int{}, Currency: monthly.Currency}
	for cluster, since := range first {
		f.Lacking[cluster] = m.lacks(cluster, since)
	}
	f.add(slices.Collect(latest.Rows()), slices.Collect(monthly.Rows()))
	return f, nil
}

// lacks is how many hours of a cluster, from a time on, are not there.
func (m *Month) lacks(cluster string, since time.Time) (hours int) {
	if since.Before(m.window.From) {
		since = m.window.From
	}
	for hour := range (window.Window{From: since, To: m.until}).Hours() {
		if _, added := m.added.known(cluster, hour); !added {
			hours++
		}
	}
	return hours
}

// advance adds the hours that were closed since, or all.
func (m *Month) advance(ctx context.Context, w window.Window, closed closedHours, until time.Time) error {
	if m.rollup == nil || m.window != w || until.Before(m.until) || !m.added.equal(closed, m.until) {
		rolling, err := rollup.New(report.Spec{
			Window: w, Clusters: closed.clusters(),
			GroupBy: []report.Dimension{report.ByProject, report.ByDepartment}, Provisional: true,
		}, m.maker.cfg.Projects, m.maker.cfg.Prices)
		if err != nil {
			return err
		}
		m.window, m.rollup, m.until = w, rolling, w.From
	}
	if err := m.maker.roll(ctx, m.rollup, closed, window.Window{From: m.until, To: until}, false, func(window.Window) {}); err != nil {
		return err
	}
	m.added, m.until = closed, until
	return nil
}

// latest rolls up the latest hour.
func (m *Month) latest(ctx context.Context, closed closedHours, hour window.Window) (report.Table, error) {
	rolling, err := rollup.New(report.Spec{
		Window: hour, Clusters: closed.clusters(), MinimumCoverage: m.maker.cfg.MinimumCoverage,
		GroupBy: []report.Dimension{report.ByProject, report.ByDepartment, report.ByNodePool},
	}, m.maker.cfg.Projects, m.maker.cfg.Prices)
	if err != nil {
		return report.Table{}, &SpecError{err}
	}
	if err := m.maker.roll(ctx, rolling, closed, hour, false, func(window.Window) {}); err != nil {
		return report.Table{}, err
	}
	return rolling.Table()
}
