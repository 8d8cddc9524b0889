package usage_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/gputally/gputally/reporter/prom"
	"github.com/gputally/gputally/reporter/usage"
)

// recorded is an answer that is ready.
type recorded []prom.Series

func (recorded) Road() string { return "memory" }

func (r recorded) Read(_ context.Context, _ prom.Query, yield func(prom.Series) error) error {
	for _, s := range r {
		if err := yield(s); err != nil {
			return err
		}
	}
	return nil
}

// BenchmarkClose closes one hour of 1,000 GPUs, two containers on each one
// after the other, scraped every 30 s.
func BenchmarkClose(b *testing.B) {
	const gpus, perNode = 1000, 8
	var answer recorded
	samples := 0
	for node := range gpus / perNode {
		sc := oneNode()
		sc.uuids = nil
		for g := range perNode {
			uuid := fmt.Sprintf("GPU-%04d-%d", node, g)
			change := int64(node*8+g) * 3 * second
			sc.uuids = append(sc.uuids, uuid)
			sc.holds = append(sc.holds,
				hold{uuid: uuid, pod: "a-" + uuid, share: 1, from: -2 * hour, to: change},
				hold{uuid: uuid, pod: "b-" + uuid, share: 1, from: change + minute, to: 3 * hour})
		}
		sc.processes[0].instance = fmt.Sprint("node-", node)
		sc.scrapers[0].phase = -10*minute + int64(node)*100
		sc.scrapers[0].until = hour + 5*minute
		m := newMemory()
		sc.render(m)
		for _, s := range m.series {
			answer = append(answer, *s)
			samples += len(s.Samples)
		}
	}
	c, err := usage.New(usage.Config{Cluster: "c1", Reader: answer})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	segments := 0
	for b.Loop() {
		h, err := c.Hour(context.Background(), span(0, hour))
		if err != nil {
			b.Fatal(err)
		}
		segments = len(h.Segments)
		if len(h.Exceptions) > 0 {
			b.Fatal(h.Exceptions)
		}
	}
	b.ReportMetric(float64(samples), "samples/op")
	b.ReportMetric(float64(segments), "segments/op")
}
