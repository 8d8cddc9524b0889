package index

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gputally/gputally/reporter/bucket"
	"github.com/gputally/gputally/reporter/report"
	"github.com/gputally/gputally/reporter/window"
)

const reportsPrefix = "index/reports/"

// ReportRecord is a report that is final. The JSON names stand in the index,
// and the fields in their order.
type ReportRecord struct {
	CoverageRatio  report.Ratio `json:"coverage_ratio"`
	From           time.Time    `json:"from"` // of the period, UTC
	HoursAsked     int          `json:"hours_asked"`
	HoursClosed    int          `json:"hours_closed"`
	ID             string       `json:"id"`
	KeyPrefix      string       `json:"key_prefix"` // of its objects, with a slash behind
	ManifestSHA256 string       `json:"manifest_sha256"`
	Name           string       `json:"name"`
	PeriodKey      string       `json:"period_key"` // "2026-11"
	Provisional    bool         `json:"provisional"`
	Revision       int          `json:"revision"` // 1, 2, … among the reports of the period
	Rows           int          `json:"rows"`     // of the CSV file
	State          report.State `json:"state"`    // Ready or Failed
	Supersedes     string       `json:"supersedes"`
	To             time.Time    `json:"to"` // UTC
}

// Window is the report's period.
func (r ReportRecord) Window() window.Window { return window.Window{From: r.From, To: r.To} }

// Report is the record of the report with a manifest, a revision of its period. What can't be read from the manifest stays empty, which PutReport
// refuses.
func Report(m report.Manifest, revision int) ReportRecord {
	r := ReportRecord{
		ID: m.ID, Name: m.Name, PeriodKey: m.Period.Key, From: instant(m.Period.From), To: instant(m.Period.To),
		Revision: revision, State: m.State, KeyPrefix: fmt.Sprintf("reports/%s/%s/%s/", m.Name, m.Period.Key, m.ID),
		CoverageRatio: m.Coverage.Ratio, HoursAsked: m.Coverage.HoursAsked, HoursClosed: m.Coverage.HoursClosed,
		Provisional: m.Provisional, Supersedes: m.Supersedes,
	}
	for _, file := range m.Files {
		r.Rows += file.Rows
	}
	if data, err := m.Encode(); err == nil {
		r.ManifestSHA256 = sum(data)
	}
	return r
}

func instant(text string) time.Time {
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return time.Time{}
	}
	return t.UTC()
}

func sum(data []byte) string {
	digest := sha256.Sum256(data)
	return hex.EncodeToString(digest[:])
}

func reportsKey(name string) string { return reportsPrefix + name + ".json" }

func reports() kind[ReportRecord] {
	return kind[ReportRecord]{
		check: checkReport,
		compare: func(a, b ReportRecord) int {
			return cmp.Or(a.From.Compare(b.From), a.To.Compare(b.To), cmp.Compare(a.PeriodKey, b.PeriodKey),
				cmp.Compare(a.Revision, b.Revision), cmp.Compare(a.ID, b.ID))
		},
	}
}

func checkReport(key string, r ReportRecord) (field string, err error) {
	switch {
	case reportsKey(r.Name) != key || strings.Contains(r.Name, "/"):
		return "name", fmt.Errorf("report %q does not belong here", r.Name)
	case !r.From.Before(r.To):
		return "from", fmt.Errorf("period %s is empty", r.Window())
	case r.ID == "":
		return "id", errors.New("is empty")
	case r.PeriodKey == "":
		return "period_key", errors.New("is empty")
	case r.KeyPrefix != fmt.Sprintf("reports/%s/%s/%s/", r.Name, r.PeriodKey, r.ID):
		return "key_prefix", fmt.Errorf("%q is not where this report lies", r.KeyPrefix)
	case r.Revision < 1:
		return "revision", fmt.Errorf("is %d", r.Revision)
	case !r.State.Final():
		return "state", fmt.Errorf("is %q, not Ready or Failed", r.State)
	}
	return "manifest_sha256", checkSHA256(r.ManifestSHA256)
}

// PutReport notes a report whose manifest is published. Errors: as PutHour.
func (x *Index) PutReport(ctx context.Context, r ReportRecord) error {
	r.From, r.To = r.From.UTC(), r.To.UTC()
	key := reportsKey(r.Name)
	if err := bucket.CheckKey(key); err != nil {
		return fmt.Errorf("update index: %w", err)
	}
	return update(ctx, x, reports(), key, func(old stored[ReportRecord]) ([]ReportRecord, error) {
		if old.broken != nil {
			return nil, old.broken
		}
		// A report never changes, so there is nothing to merge in a record of it.
		next := slices.DeleteFunc(slices.Clone(old.records), func(o ReportRecord) bool {
			return o.PeriodKey == r.PeriodKey && o.ID == r.ID
		})
		return append(next, r), nil
	})
}

// Reports returns the reports of a name, by period and revision. Errors:
// *RecordError, *VersionError, the bucket's.
func (x *Index) Reports(ctx context.Context, name string) ([]ReportRecord, error) {
	return records(ctx, x, reports(), reportsKey(name))
}

// ReportNames returns the names under which there are reports, sorted.
func (x *Index) ReportNames(ctx context.Context) ([]string, error) {
	var names []string
	for object, err := range x.bucket.List(ctx, reportsPrefix) {
		if err != nil {
			return nil, fmt.Errorf("list %s: %w", reportsPrefix, err)
		}
		name, ok := strings.CutSuffix(strings.TrimPrefix(object.Key, reportsPrefix), ".json")
		if !ok || name == "" || strings.Contains(name, "/") {
			return nil, &RecordError{Key: object.Key, Err: errors.New("is not named like an object of the index; move it away")}
		}
		names = append(names, name)
	}
	slices.Sort(names)
	return names, nil
}
