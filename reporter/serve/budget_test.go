package serve_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gputally/gputally/reporter/window"
)

// A request costs money and time, and most ticks have nothing to do.
func TestATickWithoutWorkAsksTheBucketNothing(t *testing.T) {
	t.Parallel()
	b := closed(t, instant("2026-11-20T02:05:00Z"), "eu-1", "eu-2")
	r := newReplica(t, b, instant("2026-11-20T02:11:00Z"), "eu-1", "eu-2")
	r.server.Round(t.Context()) // closes an hour, makes the report, compacts the day
	b.take()
	r.server.Round(t.Context()) // what the first changed
	b.take()
	for range 240 { // two hours
		settled := window.Hour(r.now.Add(-10 * time.Minute))
		r.now = r.now.Add(30 * time.Second)
		r.server.Round(t.Context())
		made := b.take()
		if due := window.Hour(r.now.Add(-10*time.Minute)) != settled; due {
			continue
		}
		if emptyAgain := slices.ContainsFunc(made, func(r string) bool { return r == "list index/hours/cluster=eu-3/" }); emptyAgain {
			continue // the hours without samples are tried again
		}
		of := map[string]int{}
		for _, request := range made {
			cluster, _, is := strings.Cut(strings.TrimPrefix(request, "stat index/hours/cluster="), "/")
			if of[cluster]++; !is || of[cluster] > 1 {
				t.Fatalf("at %s, without work: %q", r.now.Format(time.TimeOnly), made)
			}
		}
	}
}

// A process that starts has its first report soon, also where one of three
// clusters never had a sample.
func TestAStartingServiceMakesItsFirstReportWithFewRequests(t *testing.T) {
	t.Parallel()
	const most = 60
	b := closed(t, instant("2026-11-20T02:05:00Z"), "eu-1")
	r := newReplica(t, b, instant("2026-11-20T02:11:00Z"), "eu-1")
	r.server.Round(t.Context())
	made := b.take()
	first := slices.IndexFunc(made, func(r string) bool {
		return strings.HasPrefix(r, "put reports/daily/") && strings.HasSuffix(r, "/manifest.json")
	})
	if first < 0 || first+1 > most {
		t.Errorf("the first report is there after %d requests of %d:\n%s", first+1, len(made), strings.Join(made, "\n"))
	}
}
