package reporter

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/gputally/gputally/reporter/ledger"
	"github.com/gputally/gputally/reporter/report"
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
	rollup, err := report.NewRollup(spec, b.projects, b.book)
	if err != nil {
		return report.Table{}, usageError{err}
	}
	for hour := range spec.Window.Hours() {
		for _, cluster := range clusters {
			h, err := b.hour(ctx, cluster, hour, preview)
			if errors.Is(err, ledger.ErrHourMissing) {
				continue // the rollup notes that it is missing
			}
			if err != nil {
				return report.Table{}, err
			}
			if err := rollup.Add(h); err != nil {
				return report.Table{}, fmt.Errorf("add the hour %s of cluster %s: %w", hour, cluster, err)
			}
		}
		progress(hour)
	}
	return rollup.Table()
}

// isOpen tells whether a preview would read hours that are not closed.
func (b *books) isOpen(ctx context.Context, clusters []string, w window.Window) (bool, error) {
	for _, name := range clusters {
		if b.cluster(name) == nil {
			continue
		}
		missing, err := b.ledger.Missing(ctx, name, w)
		if err != nil || len(missing) > 0 {
			return true, inBucket(err)
		}
	}
	return false, nil
}

// hour reads a closed hour; with preview, an open one of a configured cluster
// from Prometheus.
func (b *books) hour(ctx context.Context, cluster string, hour window.Window, preview bool) (report.Hour, error) {
	closed, entry, err := b.ledger.Hour(ctx, cluster, hour)
	if err == nil {
		return report.Hour{Hour: closed, Revision: entry.Revision, SHA256: entry.SHA256}, nil
	}
	now := b.now().UTC().Truncate(time.Second)
	own := b.cluster(cluster)
	if !errors.Is(err, ledger.ErrHourMissing) || !preview || own == nil || !hour.From.Before(now) {
		return report.Hour{}, inBucket(err)
	}
	if now.Before(hour.To) {
		hour.To = now
	}
	open, err := own.closer.Hour(ctx, hour)
	if errors.Is(err, usage.ErrNoData) {
		return report.Hour{}, ledger.ErrHourMissing
	}
	return report.Hour{Hour: open}, err
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
		return nil, inBucket(err)
	}
	clusters := b.names()
	for _, other := range known {
		if slices.Contains(clusters, other) {
			continue
		}
		hours, err := b.index.Hours(ctx, other, spec.Window)
		if err != nil {
			return nil, inBucket(err)
		}
		if len(hours) > 0 {
			clusters = append(clusters, other)
		}
	}
	slices.Sort(clusters)
	return clusters, nil
}
