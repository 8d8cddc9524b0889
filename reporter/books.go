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
	// Close returns the usage of the window. Errors: usage.ErrNoData, *prom.Error.
	Close(ctx context.Context, w window.Window) (usage.Hour, error)
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
	projects *quota.Projects // nil without a projects file
	book     *price.Book     // nil without a price book
	now      func() time.Time
	log      *slog.Logger
}

// closeHour reads an hour, writes it into the ledger, and notes it in the index.
// A crash in between loses nothing: the next try finds the hour as it is.
func (b *books) closeHour(ctx context.Context, hour window.Window) (ledger.Entry, error) {
	usage, err := b.closer.Close(ctx, hour)
	if err != nil {
		return ledger.Entry{}, fmt.Errorf("read the hour %s: %w", hour, err)
	}
	for _, w := range usage.Warnings {
		b.log.Warn("The samples of an hour are odd", "cluster", b.cluster, "hour", hour, "what", w)
	}
	entry, err := b.ledger.Put(ctx, usage)
	if err != nil {
		return entry, inBucket(fmt.Errorf("write the hour %s: %w", hour, err))
	}
	if err := b.index.PutHour(ctx, index.Hour(entry)); err != nil {
		return entry, inBucket(fmt.Errorf("index the hour %s: %w", hour, err))
	}
	return entry, nil
}

// due are the hours to be closed, oldest first: those between from and now that
// have settled and that the index does not know.
func (b *books) due(ctx context.Context, from time.Time) ([]window.Window, error) {
	now := b.now()
	if !from.Before(now) {
		return nil, nil
	}
	known, err := b.index.Hours(ctx, b.cluster, window.Window{From: from.UTC(), To: now.UTC()})
	if err != nil {
		return nil, inBucket(err)
	}
	closed := make(map[time.Time]bool, len(known))
	for _, h := range known {
		closed[h.From] = true
	}
	return schedule.HoursDue(func(w window.Window) bool { return closed[w.From] }, from, now, b.settle), nil
}

// report rolls the closed hours of the spec's window up to a table. With
// preview, hours of this cluster that are not closed yet are read as far as
// there are samples, and the report is provisional.
func (b *books) report(ctx context.Context, spec report.Spec, preview bool, progress func(hour window.Window)) (report.Table, error) {
	spec.Provisional = preview
	spec.MinimumCoverage = b.minimum
	clusters, err := b.clusters(ctx, spec)
	if err != nil {
		return report.Table{}, err
	}
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
	open, err := b.closer.Close(ctx, hour)
	if errors.Is(err, usage.ErrNoData) {
		return report.Hour{}, ledger.ErrHourMissing
	}
	return report.Hour{Hour: open}, err
}

// clusters are those that the spec asks for, or all that the index knows and
// this one.
func (b *books) clusters(ctx context.Context, spec report.Spec) ([]string, error) {
	if len(spec.Clusters) > 0 {
		return spec.Clusters, nil
	}
	known, err := b.index.Clusters(ctx)
	if err != nil {
		return nil, inBucket(err)
	}
	if !slices.Contains(known, b.cluster) {
		known = append(known, b.cluster)
	}
	slices.Sort(known)
	return known, nil
}

// publish stores the table and notes it in the index. The same inputs give the
// report that is there; other inputs give its next revision, which supersedes it.
func (b *books) publish(ctx context.Context, t report.Table) (report.Published, error) {
	published, err := b.index.Reports(ctx, t.Spec.Name)
	if err != nil {
		return report.Published{}, inBucket(err)
	}
	revision := 1
	for _, r := range published {
		if r.PeriodKey == t.Spec.PeriodKey {
			revision = max(revision, r.Revision)
		}
	}
	id := func(revision int) string {
		return schedule.ID(t.Spec.Name, t.Spec.PeriodKey, strconv.Itoa(revision))
	}
	for ; ; revision++ {
		t.Spec.ID, t.Spec.Supersedes = id(revision), ""
		if revision > 1 {
			t.Spec.Supersedes = id(revision - 1)
		}
		p, err := report.Publish(ctx, b.bucket, t, t.Manifest(b.now()))
		if exists := (*report.ExistsError)(nil); errors.As(err, &exists) {
			continue // it was made from other inputs
		}
		if err != nil {
			return p, inBucket(err)
		}
		return p, inBucket(b.index.PutReport(ctx, index.Report(p, revision)))
	}
}

// lastDone is the latest period for which a final report of the name was made,
// the zero window if there is none.
func (b *books) lastDone(ctx context.Context, name string) (window.Window, error) {
	reports, err := b.index.Reports(ctx, name)
	if err != nil {
		return window.Window{}, inBucket(err)
	}
	var last window.Window
	for _, r := range reports {
		if w := r.Window(); !r.Provisional && w.To.After(last.To) {
			last = w
		}
	}
	return last, nil
}
