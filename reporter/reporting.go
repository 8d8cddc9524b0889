package reporter

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/gputally/gputally/reporter/ledger"
	"github.com/gputally/gputally/reporter/report"
	"github.com/gputally/gputally/reporter/rollup"
	"github.com/gputally/gputally/reporter/usage"
	"github.com/gputally/gputally/reporter/window"
)

// report rolls the closed hours of the spec's window up to a table. With
// preview, hours of the configured clusters that are not closed yet are read as far as
// there are samples; if there are such hours, the report is provisional.
func (b *books) report(ctx context.Context, spec report.Spec, preview bool, progress func(hour window.Window)) (report.Table, error) {
	clusters, err := b.clustersOf(ctx, spec)
	if err != nil {
		return report.Table{}, err
	}
	if preview {
		if preview, err = b.isOpen(ctx, clusters, spec.Window); err != nil {
			return report.Table{}, err
		}
	}
	spec.Provisional, spec.MinimumCoverage, spec.Clusters = preview, b.minimum, clusters
	rolling, err := rollup.New(spec, b.projects, b.book)
	if err != nil {
		return report.Table{}, usageError{err}
	}
	if err := b.roll(ctx, rolling, clusters, spec.Window, preview, progress); err != nil {
		return report.Table{}, err
	}
	return rolling.Table()
}

// isOpen tells whether a preview would read hours that are not closed.
func (b *books) isOpen(ctx context.Context, clusters []string, w window.Window) (bool, error) {
	for _, name := range clusters {
		if b.cluster(name) == nil {
			continue
		}
		missing, err := b.ledger.Missing(ctx, name, w)
		if err != nil || len(missing) > 0 {
			return true, err
		}
	}
	return false, nil
}

// openHour reads an hour that is not closed from Prometheus, as far as it goes.
// Errors: ledger.ErrHourMissing if there is nothing to be read.
func (b *books) openHour(ctx context.Context, cluster string, hour window.Window) (rollup.Hour, error) {
	now := b.now().UTC().Truncate(time.Second)
	own := b.cluster(cluster)
	if own == nil || !hour.From.Before(now) {
		return rollup.Hour{}, ledger.ErrHourMissing
	}
	if now.Before(hour.To) {
		hour.To = now
	}
	open, err := own.preview.Hour(ctx, hour)
	if errors.Is(err, usage.ErrNoData) {
		return rollup.Hour{}, ledger.ErrHourMissing
	}
	return rollup.Hour{Hour: open}, err
}

// clustersOf are those that the spec asks for, or the configured ones and the
// others that have closed hours in its window. The configured ones are there in
// any case: what they lack is missing from the report.
func (b *books) clustersOf(ctx context.Context, spec report.Spec) ([]string, error) {
	if len(spec.Clusters) > 0 {
		return spec.Clusters, nil
	}
	known, err := b.index.Clusters(ctx)
	if err != nil {
		return nil, err
	}
	clusters := b.names()
	for _, other := range known {
		if slices.Contains(clusters, other) {
			continue
		}
		hours, err := b.index.Hours(ctx, other, spec.Window)
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
