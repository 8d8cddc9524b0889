package reporting

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/gputally/gputally/reporter/index"
	"github.com/gputally/gputally/reporter/ledger"
	"github.com/gputally/gputally/reporter/price"
	"github.com/gputally/gputally/reporter/quota"
	"github.com/gputally/gputally/reporter/report"
	"github.com/gputally/gputally/reporter/rollup"
	"github.com/gputally/gputally/reporter/source"
	"github.com/gputally/gputally/reporter/usage"
	"github.com/gputally/gputally/reporter/window"
)

// Source reads hours that are not closed.
type Source interface {
	// Hour returns the usage of a window within an hour. Errors: source.ErrNoData,
	// and the source's own.
	Hour(ctx context.Context, w window.Window) (usage.Hour, error)
}

// Config is what reports are made with.
type Config struct {
	// Sources are those of the configured clusters, by the cluster's name. A
	// report has these clusters in any case: the hours they lack are missing.
	Sources  map[string]Source
	Ledger   *ledger.Ledger
	Index    *index.Index
	Projects *quota.Projects
	Prices   *price.Book // nil without a price book
	// MinimumCoverage is the ratio below which a report is Failed, 0 to 1.
	MinimumCoverage float64
	// Sampled tells whether an hour that is not closed may have samples. A preview asks
	// no source for the others. Nil: all may.
	Sampled func(cluster string, hour window.Window) bool
	Tolerance
	Now func() time.Time
}

// Tolerance says what becomes of what can't be read. The zero Tolerance has a report
// fail at the first hour, and reads the hours of a damaged day in their own objects.
type Tolerance struct {
	// Skip names closed hours that are left out of reports as if they were missing.
	Skip func(cluster string, hour window.Window) bool
	// Hour hears of each closed hour whose object is damaged or gone, and that is then
	// left out.
	Hour func(*HourError)
	// Day hears of each object of the daily table that can't be read, maybe from
	// several goroutines at once.
	Day ledger.DamagedDay
}

// Maker makes reports. Many goroutines may use it at once.
type Maker struct{ cfg Config }

// New returns a maker.
func New(c Config) *Maker { return &Maker{c} }

// SpecError says that a report can't be made as it is asked for.
type SpecError struct{ Err error }

func (e *SpecError) Error() string { return e.Err.Error() }

// Unwrap gives what is wrong with the spec.
func (e *SpecError) Unwrap() error { return e.Err }

// Make rolls the closed hours of the spec's window up to a table. Without
// clusters in the spec, the report is about the configured ones and all others
// that have closed hours in the window. step is called after each hour. Errors:
// *SpecError, *HourError, those of the ledger and the index.
func (m *Maker) Make(ctx context.Context, spec report.Spec, step func(hour window.Window)) (report.Table, error) {
	clusters, err := m.clustersOf(ctx, spec)
	if err != nil {
		return report.Table{}, err
	}
	return m.make(ctx, spec, clusters, false, step)
}

// Preview is Make with the hours of the configured clusters that are not closed
// yet, as far as there are samples. If there are such hours, the report is
// provisional. Errors: those of Make, and the source's.
func (m *Maker) Preview(ctx context.Context, spec report.Spec, step func(hour window.Window)) (report.Table, error) {
	clusters, err := m.clustersOf(ctx, spec)
	if err != nil {
		return report.Table{}, err
	}
	open, err := m.hasOpen(ctx, clusters, spec.Window)
	if err != nil {
		return report.Table{}, err
	}
	return m.make(ctx, spec, clusters, open, step)
}

func (m *Maker) make(ctx context.Context, spec report.Spec, clusters []string, preview bool, step func(hour window.Window)) (report.Table, error) {
	spec.Provisional, spec.MinimumCoverage = preview, m.cfg.MinimumCoverage
	spec.Clusters, spec.AllClusters = clusters, len(spec.Clusters) == 0
	rolling, err := rollup.New(spec, m.cfg.Projects, m.cfg.Prices)
	if err != nil {
		return report.Table{}, &SpecError{err}
	}
	closed, err := m.closedHours(ctx, clusters, spec.Window)
	if err != nil {
		return report.Table{}, err
	}
	if err := m.roll(ctx, rolling, closed, spec.Window, preview, step); err != nil {
		return report.Table{}, err
	}
	return rolling.Table()
}

// hasOpen tells whether a preview would read hours that are not closed.
func (m *Maker) hasOpen(ctx context.Context, clusters []string, w window.Window) (bool, error) {
	for _, name := range clusters {
		if m.cfg.Sources[name] == nil {
			continue
		}
		missing, err := m.cfg.Ledger.Missing(ctx, name, w)
		if err != nil || len(missing) > 0 {
			return true, err
		}
	}
	return false, nil
}

// clustersOf are the clusters that a report is about, sorted.
func (m *Maker) clustersOf(ctx context.Context, spec report.Spec) ([]string, error) {
	if len(spec.Clusters) > 0 {
		return spec.Clusters, nil
	}
	known, err := m.cfg.Index.Clusters(ctx)
	if err != nil {
		return nil, err
	}
	clusters := slices.Collect(maps.Keys(m.cfg.Sources))
	for _, other := range known {
		if slices.Contains(clusters, other) {
			continue
		}
		hours, err := m.cfg.Index.Hours(ctx, other, spec.Window)
		if err != nil {
			return nil, err
		}
		if len(hours) > 0 {
			clusters = append(clusters, other)
		}
	}
	slices.Sort(clusters)
	return clusters, nil
}

// HourError says which closed hour could not be read or added up.
type HourError struct {
	Cluster string
	Hour    window.Window
	Err     error
}

func (e *HourError) Error() string {
	return fmt.Sprintf("add the hour %s of cluster %s: %v", e.Hour, e.Cluster, e.Err)
}

// Unwrap gives the reason.
func (e *HourError) Unwrap() error { return e.Err }

// Tolerating returns a maker of the same reports with another tolerance.
func (m *Maker) Tolerating(t Tolerance) *Maker {
	c := m.cfg
	c.Tolerance = t
	return &Maker{c}
}

// Sampling returns a maker of the same reports that asks no source for an hour for
// which sampled does not hold.
func (m *Maker) Sampling(sampled func(cluster string, hour window.Window) bool) *Maker {
	c := m.cfg
	c.Sampled = sampled
	return &Maker{c}
}

// roll adds the hours of the window to a rollup. Those that it has to leave out it
// takes out of the closed ones.
func (m *Maker) roll(ctx context.Context, rolling *rollup.Rollup, closed closedHours, w window.Window, preview bool, step func(hour window.Window)) error {
	ahead := readAhead{ledger: m.cfg.Ledger.Reader(closed.known, m.cfg.Day), clusters: closed.clusters(), columns: rolling.Columns}
	var left []*HourError
	for r := range ahead.hours(ctx, w) {
		err := m.rollHour(ctx, rolling, r, preview)
		if m.cfg.Hour != nil && closed.lost(r) {
			left = append(left, &HourError{r.cluster, r.hour, r.openErr})
			err = nil
		}
		if err != nil {
			return err
		}
		step(r.hour)
	}
	for _, of := range left { // now nobody reads what is closed any more
		m.cfg.Hour(of)
		delete(closed[of.Cluster], of.Hour.From.UTC())
	}
	return ctx.Err()
}

// rollHour adds one hour. An hour that is not closed is read from its source in a
// preview; else the rollup finds it missing.
func (m *Maker) rollHour(ctx context.Context, rolling *rollup.Rollup, r *reading, preview bool) (err error) {
	switch {
	case r.openErr == nil:
		err = rolling.AddBatches(r.head, r.batches())
	case !errors.Is(r.openErr, ledger.ErrHourMissing):
		return &HourError{r.cluster, r.hour, r.openErr}
	case preview:
		var open rollup.Hour
		open, err = m.openHour(ctx, r.cluster, r.hour)
		if errors.Is(err, ledger.ErrHourMissing) {
			return nil
		}
		if err != nil {
			return err
		}
		err = rolling.Add(open)
	}
	if err != nil {
		return &HourError{r.cluster, r.hour, err}
	}
	return nil
}

// openHour reads an hour that is not closed from its source, as far as it goes.
// Errors: ledger.ErrHourMissing if there is nothing to be read.
func (m *Maker) openHour(ctx context.Context, cluster string, hour window.Window) (rollup.Hour, error) {
	now := m.cfg.Now().UTC().Truncate(time.Second)
	reader := m.cfg.Sources[cluster]
	if reader == nil || !hour.From.Before(now) || m.cfg.Sampled != nil && !m.cfg.Sampled(cluster, hour) {
		return rollup.Hour{}, ledger.ErrHourMissing
	}
	if now.Before(hour.To) {
		hour.To = now
	}
	open, err := reader.Hour(ctx, hour)
	if errors.Is(err, source.ErrNoData) {
		return rollup.Hour{}, ledger.ErrHourMissing
	}
	return rollup.Hour{Hour: open}, err
}
