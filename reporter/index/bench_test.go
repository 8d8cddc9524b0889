package index_test

import (
	"context"
	"testing"
	"time"

	"github.com/gputally/gputally/reporter/index"
	"github.com/gputally/gputally/reporter/window"
)

// The last hour of a month, when the month's object is at its largest.
func BenchmarkPutHour(b *testing.B) {
	store := empty()
	x := index.New(store, index.Config{Clock: clock})
	month := window.Window{From: at(b, "2026-11-01T00:00:00Z"), To: at(b, "2026-12-01T00:00:00Z")}
	for hour := range month.Hours() {
		putHour(b, x, hourRecord("prod", hour, 1))
	}
	last := window.Hour(month.To.Add(-time.Hour))
	revision := 1
	b.ReportAllocs()
	for b.Loop() {
		revision++
		putHour(b, x, hourRecord("prod", last, revision))
	}
	b.ReportMetric(float64(len(read(b, store, hoursKey))), "bytes")
}

func BenchmarkHours(b *testing.B) {
	x := index.New(empty(), index.Config{})
	month := window.Window{From: at(b, "2026-11-01T00:00:00Z"), To: at(b, "2026-12-01T00:00:00Z")}
	for hour := range month.Hours() {
		putHour(b, x, hourRecord("prod", hour, 1))
	}
	b.ReportAllocs()
	for b.Loop() {
		if got, err := x.Hours(context.Background(), "prod", month); err != nil || len(got) != 720 {
			b.Fatalf("%d hours, %v", len(got), err)
		}
	}
}
