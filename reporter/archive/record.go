package archive

import (
	"cmp"
	"crypto/sha256"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/gputally/gputally/reporter/checksum"
	"github.com/gputally/gputally/reporter/report"
	"github.com/gputally/gputally/reporter/window"
)

// Record describes a published report. The JSON names stand in the index, and
// the fields in their order.
type Record struct {
	CoverageRatio  report.Ratio `json:"coverage_ratio"`
	CreatedAt      string       `json:"created_at,omitempty"` // RFC 3339, UTC; "" if an earlier version wrote the record
	From           time.Time    `json:"from"`                 // of the period, UTC
	HoursAsked     int          `json:"hours_asked"`
	HoursClosed    int          `json:"hours_closed"`
	ID             string       `json:"id"`
	KeyPrefix      string       `json:"key_prefix"` // of its objects, with a slash at the end
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
func (r Record) Window() window.Window { return window.Window{From: r.From, To: r.To} }

// Publication is the report's name and period.
func (r Record) Publication() Publication { return Publication{r.Name, r.PeriodKey} }

// Cursor is the report's place in a List: a text that is greater the later the
// report comes there.
func (r Record) Cursor() string {
	return fmt.Sprintf("%s-%s/%s/%s/%010d/%s", descending(r.From), descending(r.To), r.Name, r.PeriodKey, math.MaxInt32-r.Revision, r.ID)
}

// descending is a text that is the smaller the later the time is.
func descending(at time.Time) string { return fmt.Sprintf("%019d", math.MaxInt64-at.UnixMilli()) }

// compare orders the records of an object of the index.
func compare(a, b Record) int {
	return cmp.Or(a.From.Compare(b.From), a.To.Compare(b.To), cmp.Compare(a.PeriodKey, b.PeriodKey),
		cmp.Compare(a.Revision, b.Revision), cmp.Compare(a.ID, b.ID))
}

// recordOf is the record of the report with a manifest, a revision of its
// period. What can't be read from the manifest stays empty, which check refuses.
func recordOf(m report.Manifest, revision int) Record {
	r := Record{
		ID: m.ID, Name: m.Name, PeriodKey: m.Period.Key, From: instant(m.Period.From), To: instant(m.Period.To),
		Revision: revision, State: m.State, KeyPrefix: prefix(m.Name, m.Period.Key, m.ID), CreatedAt: m.CreatedAt,
		CoverageRatio: m.Coverage.Ratio, HoursAsked: m.Coverage.HoursAsked, HoursClosed: m.Coverage.HoursClosed,
		Provisional: m.Provisional, Supersedes: m.Supersedes,
	}
	for _, file := range m.Files {
		r.Rows += file.Rows
	}
	if data, err := m.Encode(); err == nil {
		r.ManifestSHA256 = checksum.SHA256(data)
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

// check says what is wrong with a record, but for the object that it is in, and
// in which field.
func (r Record) check() (field string, err error) {
	switch {
	case strings.Contains(r.Name, "/") || r.Name == "":
		return "name", fmt.Errorf("report %q does not belong here", r.Name)
	case !r.From.Before(r.To):
		return "from", fmt.Errorf("period %s is empty", r.Window())
	case r.ID == "":
		return "id", errors.New("is empty")
	case r.PeriodKey == "":
		return "period_key", errors.New("is empty")
	case r.KeyPrefix != prefix(r.Name, r.PeriodKey, r.ID):
		return "key_prefix", fmt.Errorf("%q is not where this report lies", r.KeyPrefix)
	case r.Revision < 1:
		return "revision", fmt.Errorf("is %d", r.Revision)
	case !r.State.Final():
		return "state", fmt.Errorf("is %q, not Ready or Failed", r.State)
	case len(r.ManifestSHA256) != 2*sha256.Size || strings.Trim(r.ManifestSHA256, "0123456789abcdef") != "":
		return "manifest_sha256", fmt.Errorf("%q is no SHA-256", r.ManifestSHA256)
	}
	return "", nil
}

// Published says where a report is.
type Published struct {
	Manifest    report.Manifest // as it is stored
	ManifestKey string
	CSVKey      string // "" if the report is Failed
}
