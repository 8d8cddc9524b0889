package serve_test

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gputally/gputally/reporter/bucket"
	"github.com/gputally/gputally/reporter/reporting"
	"github.com/gputally/gputally/reporter/schedule"
	"github.com/gputally/gputally/reporter/serve"
	"github.com/gputally/gputally/reporter/window"
)

// faulty is a bucket that refuses some objects.
type faulty struct {
	bucket.Bucket
	refuses func(key string) error // nil if it refuses none
}

func (b *faulty) of(key string) error {
	if b.refuses == nil {
		return nil
	}
	return b.refuses(key)
}

func (b *faulty) Put(ctx context.Context, key string, body io.ReadSeeker, size int64, cond bucket.Condition) (bucket.Object, error) {
	if err := b.of(key); err != nil {
		return bucket.Object{}, err
	}
	return b.Bucket.Put(ctx, key, body, size, cond)
}

// refusing refuses the reports of some hours.
func refusing(by func(key string) error, hours ...string) func(string) error {
	return func(key string) error {
		for _, hour := range hours {
			if strings.HasPrefix(key, "reports/daily/"+hour+"/") {
				return by(key)
			}
		}
		return nil
	}
}

func byItself(string) error { return errors.New("a rule of the bucket") }

func byServer(string) error {
	return &bucket.OpError{Op: "put", Err: errors.New("HTTP 500")}
}

// hourly makes the schedule report hours, of which a day is there.
func hourly(c *serve.Config, _ *reporting.Config) {
	s, err := schedule.Parse(schedule.Definition{Name: "daily", Cron: "@hourly", Period: "hour", GroupBy: []string{"namespace"}})
	if err != nil {
		panic(err) // a mistake of the test
	}
	c.Schedules = []schedule.Schedule{s}
}

// A period can't be reported, and later ones can. Whoever starts then finds it.
func TestAPeriodThatCouldNotBeReportedIsFoundAfterARestart(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		by    func(key string) error
		hours []string // that are refused
	}{
		"the first":                 {byItself, []string{"2026-11-19T00"}},
		"one in the middle":         {byItself, []string{"2026-11-19T12"}},
		"two":                       {byItself, []string{"2026-11-19T00", "2026-11-19T20"}},
		"by fault of the server":    {byServer, []string{"2026-11-19T12"}},
		"three that a server fails": {byServer, []string{"2026-11-19T00", "2026-11-19T01", "2026-11-19T20"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			counted := closed(t, instant("2026-11-20T02:05:00Z"), "eu-1")
			b := &faulty{counted, refusing(tt.by, tt.hours...)}
			first := newReplicaOf(t, b, instant("2026-11-20T01:11:00Z"), hourly, "eu-1")
			first.passes(t, 15*time.Minute)
			var all, others []string
			for hour := range (window.Window{From: instant("2026-11-19T00:00:00Z"), To: instant("2026-11-20T01:00:00Z")}).Hours() {
				key := window.Key(hour, time.UTC)
				all = append(all, key+" 1 Ready")
				if !slices.Contains(tt.hours, key) {
					others = append(others, key+" 1 Ready")
				}
			}
			if diff := cmp.Diff(others, first.reports(t)); diff != "" {
				t.Fatalf("while it can't be made (-want +got)\n%s\n%s", diff, first.log)
			}
			b.refuses = nil
			counted.Take()
			second := newReplicaOf(t, b, first.now, hourly, "eu-1")
			second.server.Round(t.Context())
			if diff := cmp.Diff(all, second.reports(t)); diff != "" {
				t.Errorf("after a restart (-want +got)\n%s", diff)
			}
			if n := counted.Take().Of("index/published/daily/", "get", "list"); n > 4+4*len(tt.hours) {
				t.Errorf("%d requests of the schedule's index", n)
			}
		})
	}
}

// What was pruned is older than reports are kept, and is not missing.
func TestPeriodsThatWerePrunedAreNotMadeAgain(t *testing.T) {
	t.Parallel()
	b := closed(t, instant("2026-11-20T02:05:00Z"), "eu-1")
	briefly := func(c *serve.Config, _ *reporting.Config) { c.RetainReports = 36 * time.Hour }
	r := newReplicaOf(t, b, instant("2026-11-20T02:05:00Z"), briefly, "eu-1")
	r.passes(t, 54*time.Hour)
	want := r.reports(t)
	if len(want) > 3 || want[0] == "2026-11-19 1 Ready" {
		t.Fatalf("the reports are %q", want)
	}
	again := newReplicaOf(t, b, r.now, briefly, "eu-1")
	b.Take()
	again.server.Round(t.Context())
	if made := b.Take(); made.Of("reports/", "put") > 0 {
		t.Errorf("it wrote %q", made)
	}
	if diff := cmp.Diff(want, again.reports(t)); diff != "" {
		t.Errorf("after a restart (-want +got)\n%s", diff)
	}
}

// A process was down for longer than reports are kept: the latest is made.
func TestTheLatestPeriodIsReportedHoweverOldItIs(t *testing.T) {
	t.Parallel()
	b := closed(t, instant("2026-11-20T02:05:00Z"), "eu-1")
	r := newReplica(t, b, instant("2026-12-20T00:30:00Z"), "eu-1") // the cron line of the 19th comes at two
	r.fault = away("eu-1")
	r.passes(t, 30*time.Minute)
	if got := r.reports(t); len(got) == 0 || len(got) > 9 || got[len(got)-1] != "2026-12-18 1 Ready" && got[len(got)-1] != "2026-12-18 1 Failed" {
		t.Errorf("the reports are %q\n%s", got, r.log)
	}
}
