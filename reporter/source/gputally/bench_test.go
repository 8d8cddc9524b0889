package gputally_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"regexp"
	"testing"

	"github.com/gputally/gputally/reporter/series"
	"github.com/gputally/gputally/reporter/source/gputally"
	"github.com/gputally/gputally/reporter/usage"
)

// recorded answers from series that are ready, in room that it uses again for
// each, as the roads do.
type recorded struct {
	series  []series.Series
	picked  map[string][]int // by query: what was picked before
	room    series.Series
	samples int
}

func (*recorded) Road() string { return "memory" }

func (r *recorded) Read(_ context.Context, q series.Query, yield func(series.Series) error) error {
	for _, i := range r.pick(q) {
		s := r.series[i]
		r.room.Labels = append(r.room.Labels[:0], s.Labels...)
		r.room.Samples = append(r.room.Samples[:0], s.Samples...)
		r.room.Stale = append(r.room.Stale[:0], s.Stale...)
		if err := yield(r.room); err != nil {
			return err
		}
	}
	return nil
}

func (r *recorded) pick(q series.Query) []int {
	key := fmt.Sprint(q.Matchers)
	if r.picked == nil {
		r.picked = map[string][]int{}
	}
	if _, ok := r.picked[key]; !ok {
		picked, matches := []int{}, matching(q.Matchers)
		for i, s := range r.series {
			if matches(s.Labels) {
				picked = append(picked, i)
			}
		}
		r.picked[key] = picked
	}
	return r.picked[key]
}

// matching tells whether labels satisfy all matchers.
func matching(matchers []series.Matcher) func(series.Labels) bool {
	patterns := make([]*regexp.Regexp, len(matchers))
	for i, m := range matchers {
		value := m.Value
		if m.Op == series.Equal || m.Op == series.NotEqual {
			value = regexp.QuoteMeta(value)
		}
		patterns[i] = regexp.MustCompile("^(?:" + value + ")$")
	}
	return func(ls series.Labels) bool {
		for i, m := range matchers {
			if patterns[i].MatchString(ls.Get(m.Name)) != (m.Op == series.Equal || m.Op == series.Match) {
				return false
			}
		}
		return true
	}
}

// fleet renders nodes of eight GPUs, two containers on each GPU one after the
// other, scraped every 30 s from ten minutes before the hour to five after.
func fleet(gpus int) *recorded {
	const perNode = 8
	random := rand.New(rand.NewPCG(1, 1))
	r := &recorded{}
	for node := range gpus / perNode {
		sc := oneNode()
		sc.uuids = nil
		for g := range perNode {
			uuid := fmt.Sprintf("GPU-%08x-0000-0000-0000-%012x", random.Uint32(), g)
			change := int64(node*8+g) * 3 * second % hour
			sc.uuids = append(sc.uuids, uuid)
			sc.holds = append(sc.holds,
				hold{uuid: uuid, pod: "a-" + uuid, share: 1, from: -2 * hour, to: change},
				hold{uuid: uuid, pod: "b-" + uuid, share: 1, from: change + minute, to: 3 * hour})
		}
		sc.processes[0].instance = fmt.Sprint("node-", node)
		sc.node = sc.processes[0].instance
		sc.scrapers[0].phase = -10*minute + int64(node)*100%(30*second)
		sc.scrapers[0].until = hour + 5*minute
		m := newMemory()
		sc.render(m)
		for _, s := range m.series {
			r.series = append(r.series, *s)
			r.samples += len(s.Samples)
		}
	}
	return r
}

// BenchmarkClose closes one hour of 1,000 GPUs. What the reader costs is shown
// by BenchmarkRead.
func BenchmarkClose(b *testing.B) {
	r := fleet(1000)
	c, err := gputally.New(gputally.Config{Cluster: "c1", Reader: r})
	if err != nil {
		b.Fatal(err)
	}
	if _, err := c.Hour(context.Background(), span(0, hour)); err != nil { // the reader picks once
		b.Fatal(err)
	}
	b.ReportAllocs()
	segments, edges := 0, 0
	for b.Loop() {
		segments, edges = 0, 0
		h, err := c.Close(context.Background(), span(0, hour), usage.Neighbours{}, func(p usage.Part) error {
			segments += len(p.Segments)
			edges += len(p.Closing)
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
		if len(h.Findings) > 0 {
			b.Fatal(h.Findings)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(r.samples), "ns/sample")
	b.ReportMetric(float64(segments), "segments/op")
	b.ReportMetric(float64(edges), "edges/op")
}

// BenchmarkRead is the part of BenchmarkClose that the reader in memory costs.
func BenchmarkRead(b *testing.B) {
	r := fleet(1000)
	for b.Loop() {
		if err := r.Read(context.Background(), series.Query{}, func(series.Series) error { return nil }); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(r.samples), "ns/sample")
}
