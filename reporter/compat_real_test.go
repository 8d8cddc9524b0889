//go:build real

package reporter_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gputally/gputally/internal/promserver"
)

// The books of an earlier version go on.
func TestABucketOfAnEarlierVersionGoesOn(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	unpack(t, oldBucket+"samples.tar.gz", promserver.DataDir(dir))
	b, config := updated(t, startPrometheus(t, promserver.Config{Dir: dir}).URL)
	before := snapshot(t, b)

	t.Run("hours of it are restated, and stay", func(t *testing.T) {
		for _, hour := range [][]string{
			{"--from=2026-11-02T20:00:00Z", "--to=2026-11-02T21:00:00Z"}, // has findings of six kinds
			{"--from=2026-11-02T22:00:00Z", "--to=2026-11-03T00:00:00Z"},
		} {
			run(t, oldNow, append([]string{"close", "--restate", config}, hour...)...).says(t, "0 changed")
		}
		same(t, "restating", before, snapshot(t, b))
	})

	t.Run("further hours are closed", func(t *testing.T) {
		later := instant("2026-11-03T04:11:00Z")
		run(t, later, "close", config).says(t, "Closed 2 hours of cluster eu-1, 2026-11-03T02:00:00Z to 2026-11-03T04:00:00Z")
		after := run(t, later, "report", "--dry-run", "--format=csv", "--by=pod,node", "--cluster=eu-1",
			"--period=2026-11-03T01:00:00Z/2026-11-03T04:00:00Z", config).succeeds(t)
		if diff := cmp.Diff(oldSays(t, "after.csv"), after); diff != "" {
			t.Errorf("the report of three hours (-by the earlier version +now)\n%s", diff)
		}
		run(t, later, "ledger", "verify", config).succeeds(t)
		reportsAsBefore(t, config)
		now := snapshot(t, b)
		for key, content := range before {
			if now[key] != content && !strings.HasPrefix(key, "index/hours/") {
				t.Errorf("%s is changed", key)
			}
		}
	})
}
