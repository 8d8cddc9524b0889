package index_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gputally/gputally/reporter/index"
	"github.com/gputally/gputally/reporter/window"
)

func TestForget(t *testing.T) {
	t.Parallel()
	b := empty()
	x := index.New(b, index.Config{})
	var all []index.HourRecord
	for _, text := range []string{"2026-10-31T22:00:00Z", "2026-10-31T23:00:00Z", "2026-11-01T00:00:00Z", "2026-11-05T00:00:00Z"} {
		all = append(all, hourRecord("prod", hourAt(t, text), 1))
	}
	for _, r := range all {
		putHour(t, x, r)
	}
	other := hourRecord("edge", hourAt(t, "2026-10-31T23:00:00Z"), 1)
	putHour(t, x, other)
	// Two months, an hour that is not there, and twice the same.
	forgotten := []window.Window{all[0].Window(), all[1].Window(), all[2].Window(), hourAt(t, "2026-10-01T00:00:00Z")}
	for range 2 {
		if err := x.Forget(t.Context(), "prod", forgotten); err != nil {
			t.Fatal(err)
		}
		whole := window.Window{To: clock().Add(time.Hour)}
		for cluster, want := range map[string][]index.HourRecord{"prod": all[3:], "edge": {other}} {
			got, err := x.Hours(t.Context(), cluster, whole)
			if diff := cmp.Diff(want, got); err != nil || diff != "" {
				t.Errorf("hours of %s (-want +got):\n%s\n%v", cluster, diff, err)
			}
		}
	}
	if first, ok, err := x.FirstHour(t.Context(), "prod"); err != nil || !ok || first != all[3] {
		t.Errorf("first hour: %+v, %v, %v", first, ok, err)
	}
	if err := x.Forget(t.Context(), "a/b", forgotten); err == nil {
		t.Error("a cluster that can't be is no error")
	}
}
