package fold_test

import (
	"errors"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gputally/gputally/reporter/fold"
	"github.com/gputally/gputally/reporter/series"
	"github.com/gputally/gputally/reporter/usage"
	"github.com/gputally/gputally/reporter/window"
)

// The hour that is folded, and its begin in Unix ms.
var (
	hour = window.Hour(time.Date(2026, 11, 20, 10, 0, 0, 0, time.UTC))
	t0   = hour.From.UnixMilli()
)

const (
	minute = int64(60_000)
	whole  = 60 * minute
)

// scrapes are what a target shows each minute of something that is held with a
// share from one time to another, ms after t0. Outside of that it shows nothing.
func scrapes(share float64, from, to int64) fold.TargetSeries {
	var s fold.TargetSeries
	for at := -10 * minute; at <= whole+5*minute; at += minute {
		if at < from || at > to+minute {
			continue
		}
		c := fold.Scrape{
			At: t0 + at, Time: t0 + at, Start: t0 + from, Share: share,
			Value: share * float64(min(at, to)-from) / 1000, Index: int32(len(s.Scrapes)),
		}
		if at >= to {
			c.End, c.Share = t0+to, 0
		}
		s.Scrapes = append(s.Scrapes, c)
	}
	return s
}

// device is a GPU that is there all the time and held from one time to another.
func device(from, to int64) fold.TargetSeries {
	s := scrapes(1, -10*minute, 2*whole)
	allocated, _ := fold.StatePlace(usage.Allocated)
	unallocated, _ := fold.StatePlace(usage.Unallocated)
	for _, c := range s.Scrapes {
		held := float64(max(0, min(c.At-t0, to)-from)) / 1000
		s.Total[allocated] = append(s.Total[allocated], series.Sample{T: c.At, V: held})
		s.Total[unallocated] = append(s.Total[unallocated], series.Sample{T: c.At, V: c.Value - held})
	}
	return s
}

func holding(pod string, share float64, from, to int64) fold.Holding {
	return fold.Holding{
		Holder: fold.Holder{Namespace: "team", Pod: pod, PodUID: "uid-" + pod, Container: "main"}, Name: pod,
		Series: []fold.TargetSeries{scrapes(share, from, to)},
	}
}

// config is of the hour, whose parts go to emit.
func config(emit func(usage.Part) error) fold.Config {
	return fold.Config{
		Cluster: "eu-1", Window: hour, Lookback: 10 * time.Minute, Lookahead: 5 * time.Minute, MaxBridge: 5 * time.Minute, Emit: emit,
	}
}

// folded folds GPUs, all of one piece.
func folded(t *testing.T, cfg fold.Config, gpus ...*fold.GPU) (usage.Part, usage.Coverage, []usage.Finding) {
	t.Helper()
	var all usage.Part
	whole := config(func(p usage.Part) error {
		all.Segments = append(all.Segments, p.Segments...)
		all.Opening = append(all.Opening, p.Opening...)
		all.Closing = append(all.Closing, p.Closing...)
		return nil
	})
	whole.Neighbours, whole.PresentUntil, whole.KeepAll = cfg.Neighbours, cfg.PresentUntil, cfg.KeepAll
	h := fold.New(whole)
	if err := h.Piece(1, slices.Values(gpus), usage.Notes{}); err != nil {
		t.Fatal(err)
	}
	coverage, findings, err := h.Finish()
	if err != nil {
		t.Fatal(err)
	}
	return all, coverage, findings.List()
}

func gpu(uuid string, d fold.TargetSeries, holdings ...fold.Holding) *fold.GPU {
	return &fold.GPU{
		Place: usage.Device{UUID: uuid, Node: "node-1", NodePool: "h200", Model: "NVIDIA H200"}, Device: []fold.TargetSeries{d}, Holdings: holdings,
	}
}

func TestAHoldingAndTheRestOfItsGPU(t *testing.T) {
	t.Parallel()
	part, coverage, findings := folded(t, fold.Config{}, gpu("GPU-a", device(10*minute, 40*minute), holding("p", 1, 10*minute, 40*minute)))
	row := usage.Segment{Cluster: "eu-1", Node: "node-1", NodePool: "h200", UUID: "GPU-a", Model: "NVIDIA H200", Share: 1}
	held, rest := row, row
	held.State, held.Namespace, held.Pod, held.PodUID, held.Container = usage.Allocated, "team", "p", "uid-p", "main"
	held.HeldFrom, held.HeldTo, held.GPUMillis = t0+10*minute, t0+40*minute, 30*minute
	rest.State, rest.HeldFrom, rest.HeldTo, rest.GPUMillis = usage.Unallocated, t0, t0+whole, 30*minute
	if diff := cmp.Diff([]usage.Segment{held, rest}, part.Segments); diff != "" {
		t.Errorf("segments (-want +got)\n%s", diff)
	}
	if want := (usage.Coverage{Expected: whole, Allocated: 30 * minute, Unallocated: 30 * minute}); coverage != want || len(findings) > 0 {
		t.Errorf("coverage %+v, findings %v", coverage, findings)
	}
	wantEdges := []usage.Edge{ // what ended is shown to the next hour, too: it may have to know
		{UUID: "GPU-a", Start: t0 - 10*minute, Total: [6]int64{70 * minute, 30 * minute, 40 * minute}},
		{UUID: "GPU-a", Pod: "uid-p", Container: "main", Start: t0 + 10*minute, Total: [6]int64{30 * minute}},
	}
	if diff := cmp.Diff(wantEdges, part.Closing); diff != "" {
		t.Errorf("closing edges (-want +got)\n%s", diff)
	}
}

// A collector may go on charging for some seconds before it learns that a container
// had ended before that.
func TestAHoldingThatWasChargedBeyondItsEnd(t *testing.T) {
	t.Parallel()
	for sentence, from := range map[string]int64{"over several scrapes": 10 * minute, "before its first scrape": 40*minute - 40_000} {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			h := holding("p", 1, from, 40*minute)
			for i := range h.Series[0].Scrapes {
				if c := &h.Series[0].Scrapes[i]; c.End != 0 {
					c.End -= 20_000
				}
			}
			part, coverage, findings := folded(t, fold.Config{}, gpu("GPU-a", device(from, 40*minute), h))
			held := part.Segments[0]
			if held.HeldFrom != t0+from || held.HeldTo != t0+40*minute || held.Share != 1 || held.GPUMillis != 40*minute-from {
				t.Errorf("held as %+v", held)
			}
			if coverage.Allocated != 40*minute-from || len(findings) > 0 {
				t.Errorf("coverage %+v, findings %v", coverage, findings)
			}
		})
	}
}

func TestAGapBetweenTwoEpochs(t *testing.T) {
	t.Parallel()
	for sentence, c := range map[string]struct{ gap, estimated int64 }{
		"a short one is bridged": {3 * minute, 3 * minute},
		"a long one is not":      {20 * minute, 0},
	} {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			before, after := scrapes(0.5, 0, 20*minute), scrapes(0.5, 20*minute+c.gap, whole)
			for _, s := range []*fold.TargetSeries{&before, &after} { // each process was stopped while it counted
				s.Scrapes = slices.DeleteFunc(s.Scrapes, func(c fold.Scrape) bool { return c.End != 0 })
			}
			h := holding("p", 0.5, 0, 0)
			h.Series = []fold.TargetSeries{before, after}
			part, coverage, _ := folded(t, fold.Config{}, gpu("GPU-a", device(0, 0), h))
			off := coverage.Estimated - c.estimated/2
			if c.estimated > 0 && math.Abs(float64(off)) > float64(minute) || c.estimated == 0 && coverage.Estimated != 0 {
				t.Errorf("%d ms are estimated, want %d\n%+v", coverage.Estimated, c.estimated/2, part.Segments)
			}
		})
	}
}

func TestAStoredEdgeGoesBeforeTheSamples(t *testing.T) {
	t.Parallel()
	stored := usage.NewEdgeTable()
	stored.Add(usage.Edge{UUID: "GPU-a", Pod: "uid-p", Container: "main", Start: t0 - 10*minute, Total: [6]int64{9 * minute}})
	stored.Add(usage.Edge{UUID: "GPU-a", Start: t0 - 10*minute, Total: [6]int64{9 * minute, 9 * minute}})
	part, coverage, findings := folded(t, fold.Config{Neighbours: usage.Neighbours{Before: stored}},
		gpu("GPU-a", device(-10*minute, 2*whole), holding("p", 1, -10*minute, 2*whole)))
	if coverage.Allocated != 61*minute || coverage.Late != minute {
		t.Errorf("%d ms are counted and %d of them late, want 61 minutes and 1\n%+v", coverage.Allocated, coverage.Late, part.Segments)
	}
	if len(findings) != 1 || findings[0].Code != usage.LateCounted {
		t.Errorf("findings %v", findings)
	}
	if len(part.Opening) != 2 || part.Opening[1].Total[0] != 9*minute {
		t.Errorf("the hour opens with %+v", part.Opening)
	}
}

func TestAGPUOfThePreviousHourThatNobodySees(t *testing.T) {
	t.Parallel()
	d := usage.Device{UUID: "GPU-b", Node: "node-1", Model: "NVIDIA H200"}
	for sentence, c := range map[string]struct {
		until    map[string]int64
		coverage usage.Coverage
	}{
		"is uncovered while its node is there": {map[string]int64{"node-1": math.MaxInt64}, usage.Coverage{Expected: whole, Uncovered: whole}},
		"is absent once its node has gone": {
			map[string]int64{"node-1": t0 + 20*minute}, usage.Coverage{Expected: 20 * minute, Uncovered: 20 * minute, Absent: 40 * minute},
		},
		"is gone if nothing is known of its node": {nil, usage.Coverage{}},
	} {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			part, coverage, findings := folded(t, fold.Config{PresentUntil: c.until, Neighbours: usage.Neighbours{Devices: []usage.Device{d}}})
			if coverage != c.coverage || (len(findings) > 0) != (c.until != nil) {
				t.Errorf("coverage %+v, findings %v\n%+v", coverage, findings, part.Segments)
			}
		})
	}
}

func TestWhatEmitReturnsEndsTheFold(t *testing.T) {
	t.Parallel()
	full := errors.New("the disk is full")
	h := fold.New(fold.Config{Cluster: "eu-1", Window: hour, Emit: func(usage.Part) error { return full }})
	err := h.Piece(1, slices.Values([]*fold.GPU{gpu("GPU-a", device(0, 0))}), usage.Notes{})
	if _, _, last := h.Finish(); err != nil || !errors.Is(last, full) {
		t.Errorf("got %v and %v", err, last)
	}
}
