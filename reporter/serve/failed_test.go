package serve_test

import (
	"errors"
	"testing"
	"time"

	"github.com/gputally/gputally/reporter/reporting"
	"github.com/gputally/gputally/reporter/serve"
	"github.com/gputally/gputally/reporter/window"
)

const failedGauge = "gputally_reporter_failed_reports"

// hourly runs the service once an hour, and for two minutes at the end.
func (r *replica) hourly(t *testing.T, until string) {
	t.Helper()
	for end := instant(until); r.now.Before(end); r.now = r.now.Add(time.Hour) {
		r.server.Round(t.Context())
	}
	r.passes(t, 2*time.Minute)
}

// shows compares how many Failed reports a replica shows.
func (r *replica) shows(t *testing.T, when string, want float64) {
	t.Helper()
	if got := r.gauge(t, failedGauge); got != want {
		t.Errorf("%s: %v Failed reports are shown, want %v: %v", when, got, want, r.reports(t))
	}
}

// A cluster is away, its report is Failed at the deadline, and Ready once the
// cluster is back. Whichever replica made it, all show it.
func TestAFailedReportIsShownUntilItIsMadeAgain(t *testing.T) {
	t.Parallel()
	all := []string{"eu-1", "eu-2", "eu-3"}
	b := closed(t, instant("2026-11-20T02:05:00Z"), all...)
	r := newStrictReplica(t, b, instant("2026-11-20T02:11:00Z"), 0.99, all...)
	r.passes(t, 2*time.Minute)
	r.shows(t, "at first", 0)
	r.fault = away("eu-2")
	r.hourly(t, "2026-11-21T08:11:00Z")
	r.shows(t, "after the deadline", 1)

	other := newStrictReplica(t, b, r.now, 0.99, all...)
	other.fault = away("eu-2")
	other.hourly(t, "2026-11-21T09:30:00Z")
	other.shows(t, "another replica", 1)
	other.fault = nil
	other.hourly(t, "2026-11-21T11:30:00Z")
	other.shows(t, "once the cluster is back", 0)

	r.now, r.fault = other.now, nil
	r.hourly(t, "2026-11-21T14:00:00Z")
	r.shows(t, "the replica that made it Failed", 0)
}

// Nobody mends an old report by waiting, so that it is not shown for ever.
func TestAnOldFailedReportIsNoLongerShown(t *testing.T) {
	t.Parallel()
	b := closed(t, instant("2026-11-20T02:05:00Z"), "eu-1")
	r := newReplicaOf(t, b, instant("2026-11-20T02:11:00Z"), func(c *serve.Config, m *reporting.Config) {
		m.MinimumCoverage, c.RetainReports = 0.99, 0 // reports are kept for ever
	}, "eu-1")
	r.fault = func(string, window.Window) error { return errors.New("nothing is closed any more") }
	r.now = instant("2026-11-30T13:00:00Z")
	r.server.Round(t.Context())
	r.shows(t, "Failed reports of eleven days were made just now", 11)
	r.now = instant("2026-12-07T13:00:01Z")
	r.server.Round(t.Context())
	r.shows(t, "a week later there are those of seven more days", 7)
}
