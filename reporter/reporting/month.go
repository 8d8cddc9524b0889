package reporting

import (
	"context"
	"slices"
	"time"

	"github.com/gputally/gputally/reporter/report"
	"github.com/gputally/gputally/reporter/rollup"
	"github.com/gputally/gputally/reporter/window"
)

// Month keeps the rollup of the running month, so that each closed hour is read
// once. One goroutine may use it at a time.
type Month struct {
	maker    *Maker
	window   window.Window
	clusters []string
	rollup   *rollup.Rollup // nil before the first hour, and after an error
	until    time.Time
}

// Month returns a month that has nothing yet.
func (m *Maker) Month() *Month { return &Month{maker: m} }

// Reset forgets what was added: one of the hours has changed.
func (m *Month) Reset() { *m = Month{maker: m.maker} }

// Figures brings the month up to the end of an hour that all of the clusters have
// closed, and returns the figures of the month and of that hour. After an error
// the month begins again. Errors: those of Maker.Make.
func (m *Month) Figures(ctx context.Context, clusters []string, hour window.Window) (Figures, error) {
	f, err := m.figures(ctx, clusters, hour)
	if err != nil {
		m.Reset()
	}
	return f, err
}

func (m *Month) figures(ctx context.Context, clusters []string, hour window.Window) (Figures, error) {
	if err := m.advance(ctx, clusters, hour.To); err != nil {
		return Figures{}, err
	}
	monthly, err := m.rollup.Table()
	if err != nil {
		return Figures{}, err
	}
	latest, err := m.maker.Make(ctx, report.Spec{
		Window: hour, Clusters: clusters,
		GroupBy: []report.Dimension{report.ByProject, report.ByDepartment, report.ByNodePool},
	}, func(window.Window) {})
	if err != nil {
		return Figures{}, err
	}
	f := Figures{Currency: monthly.Currency}
	f.add(slices.Collect(latest.Rows()), slices.Collect(monthly.Rows()))
	return f, nil
}

// advance adds the hours that were closed since.
func (m *Month) advance(ctx context.Context, clusters []string, until time.Time) error {
	w := window.PeriodMonth.Containing(until.Add(-1), time.UTC)
	if m.rollup == nil || m.window != w || !slices.Equal(m.clusters, clusters) {
		rolling, err := rollup.New(report.Spec{
			Window: w, Clusters: clusters,
			GroupBy: []report.Dimension{report.ByProject, report.ByDepartment}, Provisional: true,
		}, m.maker.cfg.Projects, m.maker.cfg.Prices)
		if err != nil {
			return err
		}
		m.window, m.clusters, m.rollup, m.until = w, clusters, rolling, w.From
	}
	since := window.Window{From: m.until, To: until}
	if err := m.maker.roll(ctx, m.rollup, clusters, since, false, func(window.Window) {}); err != nil {
		return err
	}
	m.until = until
	return nil
}
