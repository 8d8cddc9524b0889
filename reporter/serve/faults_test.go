package serve_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gputally/gputally/reporter/archive"
	"github.com/gputally/gputally/reporter/bucket"
	"github.com/gputally/gputally/reporter/ledger"
	"github.com/gputally/gputally/reporter/prom"
	"github.com/gputally/gputally/reporter/series"
	"github.com/gputally/gputally/reporter/window"
)

// passes runs the service for a while, as its ticks would.
func (r *replica) passes(t *testing.T, d time.Duration) {
	t.Helper()
	step := 30 * time.Second
	if d > 2*time.Hour {
		step = 5 * time.Minute
	}
	for end := r.now.Add(d); r.now.Before(end); r.now = r.now.Add(step) {
		r.server.Round(t.Context())
	}
}

// reports are those of the schedule, oldest period and revision first.
func (r *replica) reports(t *testing.T) (all []string) {
	t.Helper()
	for record, err := range r.archive.List(t.Context(), archive.Query{Name: "daily"}) {
		if err != nil {
			t.Fatal(err)
		}
		all = append([]string{fmt.Sprintf("%s %d %s", record.PeriodKey, record.Revision, record.State)}, all...)
	}
	return all
}

// away is what a Prometheus gives that is not there.
func away(cluster string) func(string, window.Window) error {
	return func(of string, _ window.Window) error {
		if of != cluster {
			return nil
		}
		return &prom.Error{Kind: series.Unreachable, Err: errors.New("connection refused")}
	}
}

// fails is a source that can't make anything of one hour of eu-1.
func fails(hour string) func(string, window.Window) error {
	return func(cluster string, of window.Window) error {
		if cluster != "eu-1" || !of.From.Equal(instant(hour)) {
			return nil
		}
		return errors.New("two samples at one time")
	}
}

func (r *replica) closedHour(t *testing.T, cluster, hour string) bool {
	t.Helper()
	_, err := r.ledger.Stat(t.Context(), cluster, window.Hour(instant(hour)))
	if err != nil && !errors.Is(err, ledger.ErrHourMissing) {
		t.Fatal(err)
	}
	return err == nil
}

func (r *replica) logged(text string) int { return strings.Count(r.log.String(), text) }

func TestADeadClusterHoldsBackReportsUntilTheirDeadline(t *testing.T) {
	t.Parallel()
	all := []string{"eu-1", "eu-2", "eu-3"}
	b := closed(t, instant("2026-11-20T02:05:00Z"), all...)
	r := newReplica(t, b, instant("2026-11-20T02:05:00Z"), all...)
	r.passes(t, 10*time.Minute)
	want := []string{"2026-11-19 1 Ready"}
	if diff := cmp.Diff(want, r.reports(t)); diff != "" {
		t.Fatalf("at first (-want +got)\n%s", diff)
	}
	r.fault = away("eu-2")
	r.passes(t, instant("2026-11-21T07:55:00Z").Sub(r.now))
	if diff := cmp.Diff(want, r.reports(t)); diff != "" {
		t.Errorf("before the deadline (-want +got)\n%s", diff)
	}
	if !r.closedHour(t, "eu-1", "2026-11-21T05:00:00Z") || !r.closedHour(t, "eu-3", "2026-11-21T05:00:00Z") {
		t.Error("the other clusters are not closed")
	}
	r.passes(t, 10*time.Minute)
	want = append(want, "2026-11-20 1 Ready") // no minimum coverage is asked for
	if diff := cmp.Diff(want, r.reports(t)); diff != "" {
		t.Errorf("after the deadline (-want +got)\n%s", diff)
	}
	r.passes(t, 48*time.Hour)
	want = append(want, "2026-11-21 1 Ready", "2026-11-22 1 Ready")
	if diff := cmp.Diff(want, r.reports(t)); diff != "" {
		t.Errorf("two days later (-want +got)\n%s", diff)
	}
	r.fault = nil
	r.passes(t, time.Hour)
	want = []string{
		"2026-11-19 1 Ready", "2026-11-20 1 Ready", "2026-11-20 2 Ready", "2026-11-21 1 Ready", "2026-11-21 2 Ready",
		"2026-11-22 1 Ready", "2026-11-22 2 Ready",
	}
	if diff := cmp.Diff(want, r.reports(t)); diff != "" {
		t.Errorf("when it is back, each is made once more (-want +got)\n%s", diff)
	}
}

func TestAnHourThatFailsByItselfIsSetAside(t *testing.T) {
	t.Parallel()
	const bad = "2026-11-20T03:00:00Z"
	b := closed(t, instant("2026-11-20T02:05:00Z"), "eu-1")
	r := newReplica(t, b, instant("2026-11-20T02:05:00Z"), "eu-1")
	r.fault = fails(bad)
	r.passes(t, instant("2026-11-20T08:15:00Z").Sub(r.now))
	for _, hour := range []string{"2026-11-20T02:00:00Z", "2026-11-20T04:00:00Z", "2026-11-20T07:00:00Z"} {
		if !r.closedHour(t, "eu-1", hour) {
			t.Errorf("%s is not closed", hour)
		}
	}
	if n := r.logged("An hour is set aside"); n < 3 || n > 20 || r.logged("two samples at one time") < 3 {
		t.Errorf("it was set aside %d times\n%s", n, r.log)
	}
	if got := r.aside(t); got != 1 {
		t.Errorf("%v hours are set aside", got)
	}
	r.passes(t, instant("2026-11-21T09:00:00Z").Sub(r.now)) // longer than a closing reaches back
	if diff := cmp.Diff([]string{"2026-11-19 1 Ready", "2026-11-20 1 Ready"}, r.reports(t)); diff != "" {
		t.Errorf("the report does not wait for ever (-want +got)\n%s", diff)
	}
	r.fault = nil
	r.passes(t, 45*time.Minute)
	if !r.closedHour(t, "eu-1", bad) || r.aside(t) != 0 {
		t.Errorf("it is not tried again; %v are set aside", r.aside(t))
	}
	r.passes(t, 10*time.Minute)
	if diff := cmp.Diff([]string{"2026-11-19 1 Ready", "2026-11-20 1 Ready", "2026-11-20 2 Ready"}, r.reports(t)); diff != "" {
		t.Errorf("the report is made again (-want +got)\n%s", diff)
	}
}

// aside is how many hours of eu-1 are set aside, as the metric says.
func (r *replica) aside(t *testing.T) float64 {
	t.Helper()
	return r.gauge(t, "gputally_reporter_hours_set_aside")
}

// gauge is the first value of a family, -1 if there is none.
func (r *replica) gauge(t *testing.T, name string) float64 {
	t.Helper()
	all, err := r.metrics.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range all {
		if family.GetName() == name {
			return family.GetMetric()[0].GetGauge().GetValue()
		}
	}
	return -1
}

func TestAServerThatIsAwayCountsAgainstNoHour(t *testing.T) {
	t.Parallel()
	b := closed(t, instant("2026-11-20T02:05:00Z"), "eu-1")
	r := newReplica(t, b, instant("2026-11-20T02:05:00Z"), "eu-1")
	r.fault = away("eu-1")
	r.passes(t, 20*time.Hour)
	if n := r.logged("An hour is set aside"); n != 0 || r.aside(t) != 0 {
		t.Errorf("hours were set aside %d times", n)
	}
	if n := r.logged("connection refused"); n < 30 || n > 60 {
		t.Errorf("%d failures in 20 hours", n)
	}
	r.fault = nil
	r.passes(t, 31*time.Minute)
	if !r.closedHour(t, "eu-1", "2026-11-20T21:00:00Z") {
		t.Error("the cluster does not catch up")
	}
}

// The server comes back just when another hour is tried, because it failed at one hour
// for long; or it fails at that hour only.
func TestAServerThatComesBackCountsAgainstNoHour(t *testing.T) {
	t.Parallel()
	stuck := instant("2026-11-20T01:00:00Z")
	for name, tt := range map[string]struct {
		back  bool // it answers for the hour, too, from then on
		aside float64
	}{"it was away": {true, 0}, "it fails at one hour": {false, 1}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := closed(t, instant("2026-11-20T02:05:00Z"), "eu-1")
			r := newReplica(t, b, instant("2026-11-20T02:05:00Z"), "eu-1")
			answers := false
			r.fault = func(cluster string, hour window.Window) error {
				switch {
				case cluster != "eu-1" || hour.From.After(stuck):
					answers = answers || cluster == "eu-1" && r.now.After(instant("2026-11-20T03:10:00Z"))
					return nil
				case answers && tt.back:
					return nil
				}
				return away("eu-1")(cluster, hour)
			}
			r.passes(t, 2*time.Hour)
			if r.aside(t) != tt.aside || r.closedHour(t, "eu-1", "2026-11-20T01:00:00Z") != tt.back || !r.closedHour(t, "eu-1", "2026-11-20T02:00:00Z") {
				t.Errorf("%v hours are set aside\n%s", r.aside(t), r.log)
			}
			if n := r.logged("An hour is set aside"); (n == 0) != (tt.aside == 0) {
				t.Errorf("hours were set aside %d times", n)
			}
		})
	}
}

// The object of a closed hour is rubbish, and Prometheus has its samples still.
func TestADamagedHourIsClosedAgain(t *testing.T) {
	t.Parallel()
	const bad = "2026-11-19T20:00:00Z"
	for name, sampled := range map[string]bool{"with samples": true, "without samples": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := closed(t, instant("2026-11-20T02:05:00Z"), "eu-1")
			if _, err := bucket.PutBytes(t.Context(), b, ledger.Key("eu-1", window.Hour(instant(bad))), []byte("rubbish"), bucket.Condition{}); err != nil {
				t.Fatal(err)
			}
			r := newReplica(t, b, instant("2026-11-20T02:05:00Z"), "eu-1")
			if !sampled {
				r.fault = fails(bad)
			}
			r.passes(t, 2*time.Hour)
			if !sampled {
				if got := r.aside(t); got != 1 || len(r.reports(t)) != 0 {
					t.Errorf("%v hours are set aside, reports %v", got, r.reports(t))
				}
				r.passes(t, 5*time.Hour)
			}
			if diff := cmp.Diff([]string{"2026-11-19 1 Ready"}, r.reports(t)); diff != "" {
				t.Errorf("(-want +got)\n%s\n%s", diff, r.log)
			}
			if r.gauge(t, "gputally_project_month_to_date_gpu_hours") < 20 {
				t.Error("there are no figures of the month")
			}
		})
	}
}

// A report is Failed, and a cluster is away: both stay as they are.
func TestAFailedReportIsNotMadeAgainWhileNothingChanged(t *testing.T) {
	t.Parallel()
	b := closed(t, instant("2026-11-20T02:05:00Z"), "eu-1", "eu-2")
	r := newStrictReplica(t, b, instant("2026-11-20T02:11:00Z"), 0.99, "eu-1", "eu-2")
	r.fault = away("eu-2")
	r.passes(t, 20*time.Hour)
	if n := r.logged("A scheduled report is Failed"); n != 1 {
		t.Errorf("it was made %d times: %v\n%s", n, r.reports(t), r.log)
	}
}
