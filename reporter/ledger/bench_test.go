package ledger_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"syscall"
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

// BenchmarkClose closes an hour of 10,000 GPUs as the closing does: in parts of
// 500 GPUs, with edges that are those that the hour before closed with.
func BenchmarkClose(b *testing.B) {
	h, edges := benchHour(), benchEdges(20_000)
	store := empty()
	l := ledger.New(store, ledger.Config{})
	ctx := context.Background()
	b.ReportAllocs()
	var used time.Duration
	for hour := h.Window; b.Loop(); hour = window.Hour(hour.To) {
		b.StopTimer()
		shift := hour.From.Sub(h.Window.From).Milliseconds()
		segments := slices.Clone(h.Segments)
		for i := range segments {
			segments[i].HeldFrom += shift
			segments[i].HeldTo += shift
		}
		start := cpu(b)
		b.StartTimer()
		d, err := l.Draft("prod", hour)
		if err != nil {
			b.Fatal(err)
		}
		const part = 1000
		for at := 0; at < len(segments); at += part {
			p := usage.Part{Segments: segments[at : at+part], Opening: edges[at : at+part], Closing: edges[at : at+part]}
			if err := d.Add(p); err != nil {
				b.Fatal(err)
			}
		}
		if _, err := l.Commit(ctx, d, h); err != nil {
			b.Fatal(err)
		}
		used += cpu(b) - start
	}
	b.ReportMetric(float64(used.Microseconds())/1000/float64(b.N), "cpu-ms/op")
	for _, prefix := range []string{"ledger/hourly/", "ledger/edges/"} {
		var size int
		all := keys(b, store, prefix)
		for _, key := range all {
			size += len(read(b, store, key))
		}
		b.ReportMetric(float64(size)/float64(len(all))/1000, strings.Trim(strings.TrimPrefix(prefix, "ledger/"), "/")+"-kB")
	}
}

// benchEdges are the edges of so many epochs, of which each second is a device's.
func benchEdges(n int) []usage.Edge {
	r := rand.New(rand.NewPCG(1, uint64(n)))
	var edges []usage.Edge
	for i := range n {
		e := usage.Edge{UUID: fmt.Sprintf("GPU-%08x-%04x", i/2*2654435761, i/2), Start: 1_800_000_000_000 + r.Int64N(1e9)}
		if i%2 == 1 {
			e.Pod, e.Container = fmt.Sprintf("%016x-%016x", r.Uint64(), r.Uint64()), "main"
		}
		for q := range e.Total {
			e.Total[q] = r.Int64N(1e9)
		}
		edges = append(edges, e)
	}
	slices.SortFunc(edges, usage.CompareEdges)
	return edges
}

func BenchmarkNeighbours(b *testing.B) {
	store := empty()
	hour := window.Hour(time.Date(2026, 11, 20, 5, 0, 0, 0, time.UTC))
	closeWith(b, store, hour, nil, benchEdges(20_000))
	l := ledger.New(store, ledger.Config{})
	b.ReportAllocs()
	for b.Loop() {
		n, err := l.Session().Neighbours(context.Background(), "prod", window.Hour(hour.To))
		if err != nil || n.Before.Len() != 20_000 {
			b.Fatal(err)
		}
	}
}

func BenchmarkCompact(b *testing.B) {
	store := empty()
	h := benchHour()
	for hour := range theDay(b).Hours() {
		shift := hour.From.Sub(h.Window.From).Milliseconds()
		h := usage.Hour{Cluster: h.Cluster, Window: hour, Segments: slices.Clone(h.Segments)}
		for i := range h.Segments {
			h.Segments[i].HeldFrom += shift
			h.Segments[i].HeldTo += shift
		}
		put(b, store, h)
	}
	var size int64
	b.ReportAllocs()
	for b.Loop() {
		remove(b, store, dayKey)
		size = compact(b, store).Size
	}
	report(b, 24*len(h.Segments), size)
}

func BenchmarkVerify(b *testing.B) {
	store := empty()
	h := benchHour()
	put(b, store, h)
	l := ledger.New(store, ledger.Config{})
	b.ReportAllocs()
	for b.Loop() {
		err := l.Verify(context.Background(), "prod", ledger.Verification{Window: h.Window}, func(ledger.Finding) error { return nil })
		if err != nil {
			b.Fatal(err)
		}
	}
	report(b, len(h.Segments), 0)
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

// cpu is the CPU time of this process, which other processes don't disturb as
// they do the wall clock.
func cpu(b *testing.B) time.Duration {
	b.Helper()
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		b.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

func report(b *testing.B, rows int, size int64) {
	b.Helper()
	b.ReportMetric(float64(rows)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
	if size > 0 {
		b.ReportMetric(float64(size)/float64(rows), "bytes/row")
	}
}
