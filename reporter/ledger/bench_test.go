package ledger_test

import (
	"context"
	"testing"
	"time"

	"github.com/gputally/gputally/reporter/ledger"
	"github.com/gputally/gputally/reporter/usage"
	"github.com/gputally/gputally/reporter/window"
)

// benchHour is an hour of 10,000 GPUs with two holders each.
func benchHour() usage.Hour {
	return randomHour(window.Hour(time.Date(2026, 11, 20, 5, 0, 0, 0, time.UTC)), 20_000)
}

func BenchmarkPut(b *testing.B) {
	h := benchHour()
	var size int64
	b.ReportAllocs()
	for b.Loop() {
		size = put(b, empty(), h).Size
	}
	report(b, len(h.Segments), size)
}

func BenchmarkPutAgain(b *testing.B) {
	h := benchHour()
	store := empty()
	put(b, store, h)
	b.ReportAllocs()
	for b.Loop() {
		put(b, store, h)
	}
	report(b, len(h.Segments), 0)
}

func BenchmarkSegments(b *testing.B) {
	h := benchHour()
	store := empty()
	put(b, store, h)
	l := ledger.New(store, ledger.Config{})
	b.ReportAllocs()
	for b.Loop() {
		rows := 0
		err := l.Segments(context.Background(), "prod", h.Window, func(segments []usage.Segment) error {
			rows += len(segments)
			return nil
		})
		if err != nil || rows != len(h.Segments) {
			b.Fatalf("%d rows, %v", rows, err)
		}
	}
	report(b, len(h.Segments), 0)
}

func BenchmarkStat(b *testing.B) {
	h := benchHour()
	store := empty()
	put(b, store, h)
	l := ledger.New(store, ledger.Config{})
	b.ReportAllocs()
	for b.Loop() {
		if _, err := l.Stat(context.Background(), "prod", h.Window); err != nil {
			b.Fatal(err)
		}
	}
}

func report(b *testing.B, rows int, size int64) {
	b.Helper()
	b.ReportMetric(float64(rows)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
	if size > 0 {
		b.ReportMetric(float64(size)/float64(rows), "bytes/row")
	}
}
