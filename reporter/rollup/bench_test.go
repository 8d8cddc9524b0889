package rollup_test

import (
	"fmt"
	"testing"

	"github.com/gputally/gputally/reporter/report"
	"github.com/gputally/gputally/reporter/rollup"
	"github.com/gputally/gputally/reporter/usage"
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
