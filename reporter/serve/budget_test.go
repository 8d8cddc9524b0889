package serve_test

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// A request costs money and time, and most ticks have nothing to do. Per hour, one
// closes the hour that settled, and one looks at what that changed.
func TestATickWithoutWorkAsksTheBucketNothing(t *testing.T) {
	t.Parallel()
	all := []string{"eu-1", "eu-2", "eu-3"}
	b := closed(t, instant("2026-11-20T02:05:00Z"), all...)
	r := newReplica(t, b, instant("2026-11-20T02:05:00Z"), all...)
	const hours = 3
	quiet, looks, work := 0, 0, 0
	for range hours * 120 {
		r.server.Round(t.Context())
		r.now = r.now.Add(30 * time.Second)
		switch made := b.Take(); {
		case len(made) == 0:
			quiet++
		case !slices.ContainsFunc(made, func(r string) bool { return !strings.HasPrefix(r, "stat index/hours/cluster=") }):
			looks++
			if len(made) > len(all) || len(slices.Compact(made)) < len(made) {
				t.Errorf("to look whether anything changed takes %q", made)
			}
		default:
			work++
		}
	}
	// The first tick makes the report, and what it changed is looked at, too.
	if quiet < hours*108-2 || work > 2+2*hours || looks > hours*12 {
		t.Errorf("%d ticks without a request, %d looks, %d with work", quiet, looks, work)
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
	made := b.Take()
	first := slices.IndexFunc(made, func(r string) bool {
		return strings.HasPrefix(r, "put reports/daily/") && strings.HasSuffix(r, "/manifest.json")
	})
	if first < 0 || first+1 > most {
		t.Errorf("the first report is there after %d requests of %d:\n%s", first+1, len(made), strings.Join(made, "\n"))
	}
}
