package reporter

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"time"

	"github.com/gputally/gputally/reporter/bucket"
	"github.com/gputally/gputally/reporter/index"
	"github.com/gputally/gputally/reporter/ledger"
	"github.com/gputally/gputally/reporter/price"
	"github.com/gputally/gputally/reporter/quota"
	"github.com/gputally/gputally/reporter/report"
	"github.com/gputally/gputally/reporter/schedule"
	"github.com/gputally/gputally/reporter/usage"
	"github.com/gputally/gputally/reporter/window"
)

// closer reads the samples of a window and folds them into segments.
type closer interface {
	// Close emits the usage of the window in sorted parts and returns the rest
	// of the hour. Errors: usage.ErrNoData, *prom.Error, emit's.
	Close(ctx context.Context, w window.Window, n usage.Neighbours, emit func(usage.Part) error) (usage.Hour, error)
	// Hour is Close for a window that is not to be closed.
	Hour(ctx context.Context, w window.Window) (usage.Hour, error)
}

// books closes hours and makes reports of them.
type books struct {
	cluster  string
	settle   time.Duration
	minimum  float64 // coverage below which a report is Failed
	closer   closer
	bucket   bucket.Bucket
	ledger   *ledger.Ledger
	index    *index.Index
	projects *quota.Projects
	book     *price.Book // nil without a price book
	now      func() time.Time
	log      *slog.Logger
}

// closeHour closes an hour. One that is in the ledger is not read again, only
// noted in the index, which may have lost it: so a crash in between, or an index
// that is gone, changes no closed hour.
func (b *books) closeHour(ctx context.Context, hour window.Window) (ledger.Entry, error) {
	entry, err := b.ledger.Stat(ctx, b.cluster, hour)
	corrupt := (*ledger.CorruptError)(nil)
	switch {
	case err == nil:
		return entry, b.note(ctx, entry)
	case errors.Is(err, ledger.ErrHourMissing), errors.As(err, &corrupt): // a damaged object is replaced
		return b.restateHour(ctx, hour)
	default:
		return entry, inBucket(err)
	}
}

// restateHour reads an hour, whether it is closed or not, writes it into the
// ledger if it is not there like that, and notes it in the index.
func (b *books) restateHour(ctx context.Context, hour window.Window) (ledger.Entry, error) {
	draft, err := b.ledger.Draft(b.cluster, hour)
	if err != nil {
		return ledger.Entry{}, err
	}
	usage, err := b.closer.Close(ctx, hour, usage.Neighbours{}, draft.Add)
	if err != nil {
		return ledger.Entry{}, err
	}
	for _, w := range usage.Exceptions {
		b.log.Warn("The samples of an hour are odd", "cluster", b.cluster, "hour", hour, "what", w.String())
	}
	entry, err := b.ledger.Commit(ctx, draft, usage)
	if err != nil {
		return entry, inBucket(err)
	}
	return entry, b.note(ctx, entry)
}

func (b *books) note(ctx context.Context, entry ledger.Entry) error {
	if err := b.index.PutHour(ctx, index.Hour(entry)); err != nil {
		return inBucket(fmt.Errorf("index the hour %s: %w", entry.Window, err))
	}
	return nil
}

// report rolls the closed hours of the spec's window up to a table. With
// preview, hours of this cluster that are not closed yet are read as far as
// there are samples; if there are such hours, the report is provisional.
func (b *books) report(ctx context.Context, spec report.Spec, preview bool, progress func(hour window.Window)) (report.Table, error) {
	if preview {
		missing, err := b.ledger.Missing(ctx, b.cluster, spec.Window)
		if err != nil {
			return report.Table{}, inBucket(err)
		}
		preview = len(missing) > 0
	}
	clusters, err := b.clusters(ctx, spec)
	if err != nil {
		return report.Table{}, err
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

// hour reads a closed hour; with preview, an open one of this cluster from
// Prometheus.
func (b *books) hour(ctx context.Context, cluster string, hour window.Window, preview bool) (report.Hour, error) {
	closed, entry, err := b.ledger.Hour(ctx, cluster, hour)
	if err == nil {
		return report.Hour{Hour: closed, Revision: entry.Revision, SHA256: entry.SHA256}, nil
	}
	now := b.now().UTC().Truncate(time.Second)
	if !errors.Is(err, ledger.ErrHourMissing) || !preview || cluster != b.cluster || !hour.From.Before(now) {
		return report.Hour{}, inBucket(err)
	}
	if now.Before(hour.To) {
		hour.To = now
	}
	open, err := b.closer.Hour(ctx, hour)
	if errors.Is(err, usage.ErrNoData) {
		return report.Hour{}, ledger.ErrHourMissing
	}
	return report.Hour{Hour: open}, err
}

// clusters are those that the spec asks for, or this one and the others that
// have closed hours in its window. This one is there in any case: what it lacks
// is missing from the report.
func (b *books) clusters(ctx context.Context, spec report.Spec) ([]string, error) {
	if len(spec.Clusters) > 0 {
		return spec.Clusters, nil
	}
	known, err := b.index.Clusters(ctx)
	if err != nil {
		return nil, inBucket(err)
	}
	clusters := []string{b.cluster}
	for _, other := range known {
		if other == b.cluster {
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

// publish stores the table and notes it in the index. The same inputs give the
// report that is there; other inputs give its next revision, which supersedes it.
func (b *books) publish(ctx context.Context, t report.Table) (report.Published, error) {
	latest, err := b.latest(ctx, t.Spec.Name, t.Spec.PeriodKey)
	if err != nil {
		return report.Published{}, err
	}
	t.Spec.Supersedes = latest.Supersedes
	for revision := max(latest.Revision, 1); ; revision++ {
		t.Spec.ID = schedule.ID(t.Spec.Name, t.Spec.PeriodKey, strconv.Itoa(revision))
		p, err := report.Publish(ctx, b.bucket, t, t.Manifest(b.now()))
		if exists := (*report.ExistsError)(nil); errors.As(err, &exists) {
			p, err = report.Find(ctx, b.bucket, t.Spec)
			if errors.Is(err, bucket.ErrNotFound) {
				continue // a crash left a file without a manifest, which is no report
			}
			if err == nil {
				t.Spec.Supersedes = t.Spec.ID
				err = b.index.PutReport(ctx, index.Report(p, revision)) // a crash may have kept it out
			}
			if err != nil {
				return p, inBucket(err)
			}
			continue
		}
		if err != nil {
			return p, inBucket(err)
		}
		return p, inBucket(b.index.PutReport(ctx, index.Report(p, revision)))
	}
}

// latest is the record of the latest revision of a report, the zero record if
// there is none.
func (b *books) latest(ctx context.Context, name, periodKey string) (index.ReportRecord, error) {
	reports, err := b.index.Reports(ctx, name)
	if err != nil {
		return index.ReportRecord{}, inBucket(err)
	}
	var latest index.ReportRecord
	for _, r := range reports {
		if r.PeriodKey == periodKey && r.Revision > latest.Revision {
			latest = r
		}
	}
	return latest, nil
}
