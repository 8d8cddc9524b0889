//go:build real

package serve_test

import (
	"testing"
	"time"

	"github.com/gputally/gputally/reporter/reporting"
	"github.com/gputally/gputally/reporter/serve"
)

// There are more periods to report than one look finds, and the first can't be made.
func TestAPeriodThatFailsHoldsBackNoneOfThousands(t *testing.T) {
	t.Parallel()
	b := &faulty{closed(t, instant("2026-11-20T02:05:00Z"), "eu-1"), refusing(byItself, "2026-11-19T00")}
	r := newReplicaOf(t, b, instant("2027-01-01T00:11:00Z"), func(c *serve.Config, m *reporting.Config) {
		hourly(c, m)
		c.RetainReports = 0
	}, "eu-1")
	for range 3 {
		r.server.Round(t.Context())
		r.now = r.now.Add(time.Minute)
	}
	if n, want := len(r.reports(t)), 43*24-1; n != want {
		t.Errorf("there are %d reports, want %d", n, want)
	}
}
