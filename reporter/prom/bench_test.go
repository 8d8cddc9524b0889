package prom_test

import (
	"fmt"
	"testing"

	"github.com/gputally/gputally/reporter/prom"
)

// BenchmarkRead reads an hour of 10,000 containers at a scrape interval of 30 s
// from a server that has its answer ready.
func BenchmarkRead(b *testing.B) {
	const series, perSeries = 10_000, 120
	frames := make([][]byte, series)
	for i := range frames {
		ls := labels(
			"__name__", "gputally_container_gpu_allocated_seconds_total",
			"container", "main",
			"instance", fmt.Sprintf("10.0.0.%d:9400", i/8),
			"job", "gputally",
			"namespace", fmt.Sprintf("team-%d", i/100),
			"pod", fmt.Sprintf("train-%d", i),
			"pod_uid", fmt.Sprintf("5f0f9a40-0000-4000-8000-%012d", i),
			"uuid", fmt.Sprintf("GPU-5f0f9a40-0000-4000-8000-%012d", i))
		ss := make([]prom.Sample, perSeries)
		for j := range ss {
			ss[j] = prom.Sample{T: int64(j)*30_000 + int64(i%7), V: float64(j)*30 + float64(i%10)/1000}
		}
		frames[i] = frame(b, part(ls, chunk(b, ss...)))
	}
	c := client(b, prom.Config{URL: serve(b, stream(frames...))})
	b.ReportAllocs()
	for b.Loop() {
		n := 0
		err := c.Read(b.Context(), between(0, 3_600_000), func(s prom.Series) error {
			n += len(s.Samples)
			return nil
		})
		if err != nil || n != series*perSeries {
			b.Fatalf("%d samples, error %v", n, err)
		}
	}
	b.ReportMetric(float64(series*perSeries)*float64(b.N)/b.Elapsed().Seconds(), "samples/s")
}
