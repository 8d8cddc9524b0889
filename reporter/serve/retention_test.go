package serve_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gputally/gputally/reporter/archive"
)

func TestReportsThatAreTooOldArePrunedOnceADay(t *testing.T) {
	t.Parallel()
	now := instant("2026-11-20T02:30:00Z")
	b := closed(t, now, "eu-1")
	r := newReplica(t, b, now, "eu-1")
	periods := func() (all []string) {
		for report, err := range r.archive.List(t.Context(), archive.Query{Name: "daily"}) {
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, report.PeriodKey)
		}
		return all
	}
	r.server.Round(t.Context())
	for _, c := range []struct {
		now  string
		want []string
	}{
		{"2026-11-20T23:00:00Z", []string{"2026-11-20", "2026-11-19"}},
		{"2026-11-29T02:30:00Z", []string{"2026-11-29", "2026-11-28", "2026-11-27", "2026-11-26", "2026-11-25", "2026-11-24", "2026-11-23", "2026-11-22"}},
	} {
		r.now = instant(c.now)
		r.server.Round(t.Context()) // makes the reports that are due, and then prunes
		r.now = r.now.Add(24 * time.Hour)
		r.server.Round(t.Context())
		if diff := cmp.Diff(c.want, periods()); diff != "" {
			t.Errorf("on %s (-want +got)\n%s", c.now, diff)
		}
	}
}
