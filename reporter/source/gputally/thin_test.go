package gputally_test

import (
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/gputally/gputally/collector/metric"
	"github.com/gputally/gputally/reporter/series"
	"github.com/gputally/gputally/reporter/source"
	"github.com/gputally/gputally/reporter/source/gputally"
	"github.com/gputally/gputally/reporter/usage"
	"github.com/gputally/gputally/reporter/window"
)

// whole is an hour with its edges.
type whole struct {
	Hour             usage.Hour
	Opening, Closing []usage.Edge
}

// closeWhole closes a window beside its neighbours and keeps all its parts.
func closeWhole(t rapid.TB, c *gputally.Source, w window.Window, n usage.Neighbours) whole {
	all, err := tryWhole(c, w, n)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func tryWhole(c *gputally.Source, w window.Window, n usage.Neighbours) (whole, error) {
	var all whole
	var segments []usage.Segment
	h, err := c.Close(context.Background(), w, n, func(p usage.Part) error {
		segments = append(segments, p.Segments...)
		all.Opening = append(all.Opening, p.Opening...)
		all.Closing = append(all.Closing, p.Closing...)
		return nil
	})
	h.Segments = segments
	all.Hour = h
	return all, err
}

// closeHour closes hour i after t0 with the default settings.
func closeHour(t testing.TB, r series.Reader, i int64, n usage.Neighbours) whole {
	t.Helper()
	return closeWhole(t, newCloser(t, gputally.Config{Cluster: "c1", Reader: r}), span(i*hour, (i+1)*hour), n)
}

func TestFoldingEverySampleChangesNothing(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		m := newMemory()
		sc := drawScene(t, 10)
		for i := range sc.holds {
			if h := &sc.holds[i]; rapid.IntRange(0, 3).Draw(t, "share changes") == 0 {
				h.changed = h.from + rapid.Int64Range(1, h.to-h.from).Draw(t, "changed")
				h.then = h.share / 2
			}
		}
		if rapid.IntRange(0, 4).Draw(t, "stuck") == 0 {
			at := rapid.Int64Range(-10*minute, short).Draw(t, "from")
			sc.stuck = [2]int64{at, at + rapid.Int64Range(0, 5*minute).Draw(t, "for")}
		}
		sc.render(m)
		spoil(t, m)
		c, err := gputally.New(gputally.Config{Cluster: "c1", Reader: m})
		if err != nil {
			t.Fatal(err)
		}
		w := span(rapid.Int64Range(-5*minute, 5*minute).Draw(t, "begin"), short)
		every, err := tryWhole(gputally.KeepAll(c), w, usage.Neighbours{})
		if errors.Is(err, source.ErrIncomplete) { // what is spoilt may look like that
			if _, other := tryWhole(c, w, usage.Neighbours{}); !errors.Is(other, source.ErrIncomplete) {
				t.Fatalf("%v, and with those that matter %v", err, other)
			}
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		some := closeWhole(t, c, w, usage.Neighbours{})
		if diff := cmp.Diff(every, some); diff != "" {
			t.Fatalf("(-every sample +those that matter):\n%s", diff)
		}
	})
}

// A wrong start makes an epoch of one scrape that seems to be older than all others.
func TestAWrongStartChangesNothingForThoseThatMatter(t *testing.T) {
	t.Parallel()
	sc := scene{
		uuids: []string{"GPU-a"}, without: metric.CollectorPollAge.Name,
		holds: []hold{
			{uuid: "GPU-a", pod: "p", share: 1, from: 0, to: 2 * second},
			{uuid: "GPU-a", pod: "q", share: 1, from: 2 * second, to: 4 * second},
			{uuid: "GPU-a", pod: "r", share: 1, from: 4 * second, to: 629_157},
		},
		processes: []process{{"b", -hour, 244_998}, {"b", 245_199, 305_209}, {"b", 394_952, 454_953}, {"a", 455_156, 3 * hour}},
		scrapers:  []scraper{{phase: -15 * minute, interval: 30 * second, until: 2*short + 10*minute}},
	}
	m := newMemory()
	sc.render(m)
	m.each(metric.CollectorStartTime, func(s *series.Series) {
		if len(s.Samples) > 27 {
			s.Samples[27].V -= 1000
		}
	})
	c := newCloser(t, gputally.Config{Cluster: "c1", Reader: m})
	every := closeWhole(t, gputally.KeepAll(c), span(0, short), usage.Neighbours{})
	if diff := cmp.Diff(every, closeWhole(t, c, span(0, short), usage.Neighbours{})); diff != "" {
		t.Errorf("(-every sample +those that matter):\n%s", diff)
	}
}

// After a fall a state counts nothing until it is above its former value. A scrape on
// the way there matters, though the state grows.
func TestAStateThatFellCountsFromWhereItIsAboveAgain(t *testing.T) {
	t.Parallel()
	m := newMemory()
	oneNode(
		hold{uuid: "GPU-a", pod: "p", share: 0.5, from: -hour, to: 10*minute + 5*second},
		hold{uuid: "GPU-a", pod: "q", share: 0.5, from: -hour, to: 2 * hour},
	).render(m)
	m.each(metric.DeviceSeconds, func(s *series.Series) {
		for i := range s.Samples {
			if p := &s.Samples[i]; s.Labels.Get("state") == "unallocated" && p.T > t0+9*minute+30*second {
				p.V -= 5
			}
		}
	})
	c := newCloser(t, gputally.Config{Cluster: "c1", Reader: m})
	every := closeWhole(t, gputally.KeepAll(c), span(0, hour), usage.Neighbours{})
	if diff := cmp.Diff(every, closeWhole(t, c, span(0, hour), usage.Neighbours{})); diff != "" {
		t.Errorf("(-every sample +those that matter):\n%s", diff)
	}
}

// spoil changes some samples, or none.
func spoil(t *rapid.T, m *memory) {
	families := []metric.Family{
		metric.ContainerAllocatedSeconds, metric.ContainerActiveSeconds, metric.ContainerEnergy, metric.ContainerShare,
		metric.ContainerStartTime, metric.DeviceSeconds, metric.CollectorPollAge, metric.CollectorStartTime,
	}
	for range rapid.IntRange(0, 3).Draw(t, "faults") {
		name := rapid.SampledFrom(families).Draw(t, "family").Name
		place := rapid.IntRange(0, 120).Draw(t, "place")
		by := rapid.SampledFrom([]float64{-1000, -5, -0.5, 0.5, 5, 1000}).Draw(t, "by")
		following := rapid.SampledFrom([]int{1, 2, 1000}).Draw(t, "following")
		for _, s := range m.series {
			if s.Labels.Get("__name__") == name {
				for i := place; i < min(place+following, len(s.Samples)); i++ {
					s.Samples[i].V = max(0, s.Samples[i].V+by)
				}
			}
		}
	}
}
