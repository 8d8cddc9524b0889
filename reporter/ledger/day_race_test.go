package ledger_test

import (
	"context"
	"slices"
	"testing"

	"github.com/gputally/gputally/reporter/bucket"
	"github.com/gputally/gputally/reporter/ledger"
)

// Replicas make the daily tables at the same time of the night.
func TestADayThatAnotherProcessMakesAtTheSameTime(t *testing.T) {
	t.Parallel()
	for sentence, c := range map[string]struct {
		other   func(b bucket.Bucket) // what another process does before ours writes
		written bool
	}{
		"the same day":                          {func(b bucket.Bucket) { compact(t, b) }, false},
		"the same day, and then restates hours": {func(b bucket.Bucket) { compact(t, b); put(t, b, randomHour(hourAt(t, "2026-11-20T05:00:00Z"), 3)) }, true},
		"the same day of other hours":           {func(b bucket.Bucket) { put(t, b, randomHour(hourAt(t, "2026-11-20T05:00:00Z"), 3)); compact(t, b) }, false},
	} {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			b := newDated(t)
			closeDay(t, b)
			raced := &meddled{Bucket: b, before: on("put", dayKey), act: func() { c.other(b) }}
			entry, err := ledger.New(raced, ledger.Config{Version: "1.2.3"}).Compact(context.Background(), "prod", theDay(t), ledger.Compaction{})
			if err != nil || entry.Written != c.written {
				t.Fatalf("%+v, %v", entry, err)
			}
			made := read(t, b, dayKey)
			if compact(t, b).Written || !slices.Equal(made, read(t, b, dayKey)) {
				t.Error("the day is not that of its hours")
			}
		})
	}
}
