package gputally_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/gputally/gputally/collector/metric"
	"github.com/gputally/gputally/reporter/source/gputally"
	"github.com/gputally/gputally/reporter/usage"
)

func TestSixStatesMakeTheWindow(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		m := newMemory()
		sc := drawScene(t, 10)
		last := &sc.processes[len(sc.processes)-1]
		last.to = max(last.from, rapid.Int64Range(-5*minute, 2*short).Draw(t, "gone at"))
		sc.render(m)
		if rapid.Bool().Draw(t, "road without markers") {
			for _, s := range m.series {
				s.Stale = nil
			}
		}
		h := closeScene(t, m, 0, short)
		var of [2]int64 // all, and for which the GPU was there
		for _, s := range h.Segments {
			of[0] += s.GPUMillis
			if s.State != usage.Absent {
				of[1] += s.GPUMillis
			}
		}
		c := h.Coverage
		seen := int64(0)
		if len(h.Segments) > 0 {
			seen = short
		}
		if c.Expected+c.Absent != seen {
			t.Fatalf("expected %d ms and absent %d ms, in all %d", c.Expected, c.Absent, seen)
		}
		if c.Residue != c.Expected-of[1] || of[0]-of[1] != c.Absent {
			t.Fatalf("rows have %v, coverage %+v", of, c)
		}
		if !usage.Agree(of[0], seen) && len(h.Findings) == 0 {
			t.Fatalf("states sum to %d ms of %d", of[0], seen)
		}
	})
}

func TestWithoutMarkersATargetThatGoesIsUncovered(t *testing.T) {
	t.Parallel()
	m := newMemory()
	sc := oneNode(hold{uuid: "GPU-a", pod: "p", share: 1, from: -hour, to: 2 * hour})
	sc.processes[0].to = 15 * minute
	sc.render(m)
	for _, s := range m.series {
		s.Stale = nil // as streamed JSON has none
	}
	want := []row{
		held("p", 0, 14*minute+37*second, 1, 14*minute+37*second),
		state(usage.Uncovered, 14*minute+37*second, hour, 45*minute+23*second),
	}
	if diff := cmp.Diff(want, rows(closed(t, m, 0, hour)), cmp.AllowUnexported(row{})); diff != "" {
		t.Error(diff)
	}
}

func TestWithoutDeviceSeriesWhatIsNotHeldIsUncovered(t *testing.T) {
	t.Parallel()
	m := newMemory()
	sc := oneNode(hold{uuid: "GPU-a", pod: "p", share: 0.5, from: 10 * minute, to: 30 * minute})
	sc.without = metric.DeviceSeconds.Name
	sc.render(m)
	m.drop(metric.DeviceInfo)
	h := closed(t, m, 0, hour)
	want := []row{held("p", 10*minute, 30*minute, 0.5, 10*minute), state(usage.Uncovered, 0, hour, 50*minute)}
	if diff := cmp.Diff(want, rows(h), cmp.AllowUnexported(row{})); diff != "" {
		t.Error(diff)
	}
	checkCoverage(t, h)
	if h.Coverage.Expected != hour || h.Coverage.Residue != 0 || len(h.Findings) != 2 {
		t.Errorf("coverage %+v, findings %v", h.Coverage, h.Findings)
	}
}

func TestWhatWasHeldBeforeIsNamedWhenItIsCountedLater(t *testing.T) {
	t.Parallel()
	m := newMemory()
	// One holds over the edge, one was there only before, and is still to be seen.
	sc := oneNode(
		hold{uuid: "GPU-a", pod: "p", share: 0.5, from: -2 * hour, to: hour},
		hold{uuid: "GPU-a", pod: "q", share: 0.5, from: -8 * minute, to: -3 * minute},
	)
	sc.render(m)
	early := asOf{memory: m, now: -10 * minute}
	before := usage.NewEdgeTable()
	_, err := newCloser(t, gputally.Config{Cluster: "c1", Reader: early}).Close(t.Context(), span(-hour, 0), usage.Neighbours{}, func(p usage.Part) error {
		for _, e := range p.Closing {
			before.Add(e)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	var segments []usage.Segment
	h, err := newCloser(t, gputally.Config{Cluster: "c1", Reader: m}).Close(t.Context(), span(0, hour), usage.Neighbours{Before: before}, func(p usage.Part) error {
		segments = append(segments, p.Segments...)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	h.Segments = segments
	want := []row{
		// Until 10 min and 23 s before the hour p was counted in the hour before.
		held("p", 0, hour, 0.5, hour/2+(10*minute+23*second)/2),
		held("q", 0, 5*minute, 0.5, 5*minute/2),
		state(usage.Unallocated, 0, hour, hour/2+(10*minute+23*second)/2-5*minute/2),
	}
	if diff := cmp.Diff(want, rows(h), cmp.AllowUnexported(row{})); diff != "" {
		t.Error(diff)
	}
	checkCoverage(t, h)
	if want := 10*minute + 23*second; h.Coverage.Late != want {
		t.Errorf("late %d ms, want %d", h.Coverage.Late, want)
	}
	if len(h.Findings) != 1 || h.Findings[0].Count != 3 || h.Findings[0].Code != usage.LateCounted {
		t.Errorf("findings %v", h.Findings)
	}
}
