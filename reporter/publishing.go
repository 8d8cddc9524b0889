package reporter

import (
	"context"
	"errors"
	"strconv"

	"github.com/gputally/gputally/reporter/bucket"
	"github.com/gputally/gputally/reporter/index"
	"github.com/gputally/gputally/reporter/report"
	"github.com/gputally/gputally/reporter/schedule"
)

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
				return p, err
			}
			continue
		}
		if err != nil {
			return p, err
		}
		return p, b.index.PutReport(ctx, index.Report(p, revision))
	}
}

// latest is the record of the latest revision of a report, the zero record if
// there is none.
func (b *books) latest(ctx context.Context, name, periodKey string) (index.ReportRecord, error) {
	reports, err := b.index.Reports(ctx, name)
	if err != nil {
		return index.ReportRecord{}, err
	}
	var latest index.ReportRecord
	for _, r := range reports {
		if r.PeriodKey == periodKey && r.Revision > latest.Revision {
			latest = r
		}
	}
	return latest, nil
}
