package rollup_test

import (
	"fmt"
	"testing"

	"github.com/gputally/gputally/reporter/report"
	"github.com/gputally/gputally/reporter/rollup"
	"github.com/gputally/gputally/reporter/usage"
	"github.com/gputally/gputally/reporter/window"
)

// BenchmarkRollup adds one hour of 20,000 segments in 200 namespaces.
func BenchmarkRollup(b *testing.B) {
	segs := make([]usage.Segment, 20_000)
	for i := range segs {
		segs[i] = held(0, "base-1", "GPU-a", h100, fmt.Sprintf("vision-%d", i%200), fmt.Sprintf("pod-%d", i), 0, 60)
	}
	h := hour(0, segs...)
	p, prices := projects(b), book(b)
	for _, groupBy := range []report.Dimension{report.ByProject, report.ByPod} {
		b.Run(string(groupBy), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				r, err := rollup.New(spec(groupBy), p, prices)
				if err != nil {
					b.Fatal(err)
				}
				if err := r.Add(h); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(len(segs)*b.N)/b.Elapsed().Seconds(), "segments/s")
		})
	}
}

// BenchmarkDay adds a day of 10,000 pods, of which a fiftieth is replaced each
// hour, as the ledger hands them on: in columns with dictionaries.
func BenchmarkDay(b *testing.B) {
	const pods, hours = 10_000, 24
	var batches [hours]usage.Batch
	for n := range batches {
		segs := make([]usage.Segment, pods)
		for i := range segs {
			pod := fmt.Sprintf("pod-%d-%d", i, (n+i)/50)
			segs[i] = held(n, fmt.Sprintf("base-%d", i/8), fmt.Sprintf("GPU-%d", i), h100, fmt.Sprintf("vision-%d", i%200), pod, 0, 60)
		}
		batches[n].Fill(segs)
	}
	s := spec()
	s.Window = window.Window{From: start, To: start.AddDate(0, 0, 1)}
	p, prices := projects(b), book(b)
	for _, groupBy := range []report.Dimension{report.ByProject, report.ByPod} {
		b.Run(string(groupBy), func(b *testing.B) {
			b.ReportAllocs()
			s.GroupBy = []report.Dimension{groupBy}
			for b.Loop() {
				r, err := rollup.New(s, p, prices)
				if err != nil {
					b.Fatal(err)
				}
				for n := range batches {
					err := r.AddBatches(hour(n), func(yield func(*usage.Batch, error) bool) { yield(&batches[n], nil) })
					if err != nil {
						b.Fatal(err)
					}
				}
				if _, err := r.Table(); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(pods*hours*b.N)/b.Elapsed().Seconds(), "segments/s")
		})
	}
}
