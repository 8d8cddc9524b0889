package gputally_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gputally/gputally/reporter/series"
	"github.com/gputally/gputally/reporter/source/gputally"
	"github.com/gputally/gputally/reporter/usage"
)

// site is a cluster of some nodes with GPUs, of which some have names unlike all
// others.
func site() *memory {
	m := newMemory()
	uuids := []string{"GPU-zebra", "GPU-", "nvidia0", "GPU-0", "GPU-7", "A", "GPU-F00", "GPU-77777777"}
	for i := range 40 {
		uuids = append(uuids, fmt.Sprintf("GPU-%08x-11", uint32(i)*0x6789abcd))
	}
	for node := range 6 {
		sc := oneNode()
		sc.node, sc.told = fmt.Sprint("node-", node), true
		sc.uuids = uuids[node*8 : node*8+8]
		for i, uuid := range sc.uuids {
			sc.holds = append(sc.holds, hold{uuid: uuid, pod: "p" + uuid, share: 1, from: int64(i) * minute, to: int64(10+i) * minute})
		}
		sc.processes[0].instance = sc.node
		sc.processes[0].from = -20 * minute
		sc.scrapers[0].phase = -10*minute + int64(node)*second
		sc.scrapers[0].interval = minute
		sc.render(m)
	}
	return m
}

// server is a Reader that gives no more than most samples at once, and counts
// what is asked of it.
type server struct {
	*memory
	most  int // samples
	kind  error
	calls int
	busy  atomic.Int32 // reads in progress
	hook  func(call int, q series.Query) error
}

func (s *server) Read(ctx context.Context, q series.Query, yield func(series.Series) error) error {
	s.calls++
	s.busy.Add(1)
	defer s.busy.Add(-1)
	if s.hook != nil {
		if err := s.hook(s.calls, q); err != nil {
			return err
		}
	}
	given := 0
	return s.memory.Read(ctx, q, func(got series.Series) error {
		if given += len(got.Samples); s.most > 0 && given > s.most {
			return fmt.Errorf("query: %w", s.kind)
		}
		return yield(got)
	})
}

func TestPiecesMakeTheWhole(t *testing.T) {
	t.Parallel()
	want := closed(t, site(), 0, hour)
	if len(want.Findings) > 0 || want.Coverage.Expected != 48*hour {
		t.Fatalf("coverage %+v, findings %v", want.Coverage, want.Findings)
	}
	tests := map[string]struct {
		most, nodes, ahead int
		kind               error
		halved             bool
	}{
		"all at once":                               {nodes: 100},
		"node by node":                              {nodes: 1},
		"one after the other":                       {nodes: 1, ahead: -1},
		"many ahead":                                {nodes: 1, ahead: 20},
		"halved where the server gives no more":     {nodes: 100, most: 20_000, kind: series.Limit, halved: true},
		"halved by UUID down to a GPU":              {nodes: 3, most: 3000, kind: series.Limit, halved: true},
		"halved by time, too":                       {nodes: 3, most: 700, kind: series.Limit, halved: true},
		"halved where it takes the server too long": {nodes: 2, most: 4_000, kind: series.Timeout, halved: true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := &server{memory: site(), most: test.most, kind: test.kind}
			halved := 0
			c := newCloser(t, gputally.Config{
				Cluster: "c1", Reader: r, NodesPerPiece: test.nodes, ReadAhead: test.ahead, Halved: func(error) { halved++ },
			})
			var segments []usage.Segment
			last := ""
			got, err := c.Close(t.Context(), span(0, hour), usage.Neighbours{}, func(p usage.Part) error {
				if first := p.Closing[0].UUID; first <= last || p.Segments[0].UUID != first {
					t.Errorf("a part begins with %s and %s behind %s", first, p.Segments[0].UUID, last)
				}
				if !isSorted(p.Segments) || !slices.IsSortedFunc(p.Opening, usage.CompareEdges) || !slices.IsSortedFunc(p.Closing, usage.CompareEdges) {
					t.Error("part is not sorted")
				}
				last = p.Closing[len(p.Closing)-1].UUID
				segments = append(segments, p.Segments...)
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			got.Segments = segments
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-whole +pieces):\n%s", diff)
			}
			if (halved > 0) != test.halved {
				t.Errorf("halved %d times", halved)
			}
		})
	}
}

func newCloser(t testing.TB, cfg gputally.Config) *gputally.Source {
	t.Helper()
	c, err := gputally.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestReadingThatFails(t *testing.T) {
	t.Parallel()
	boom := errors.New("boom")
	tests := map[string]struct {
		most  int
		hook  func(call int, q series.Query) error
		emit  error
		want  error
		calls int // at most
	}{
		"a limit that no piece is small enough for": {most: 1, want: series.Limit, calls: 100},
		"an error in the first read":                {hook: func(int, series.Query) error { return boom }, want: boom, calls: 1},
		"an error in a piece": {hook: func(call int, _ series.Query) error {
			if call == 4 {
				return boom
			}
			return nil
		}, want: boom, calls: 4},
		"an error of who takes the parts": {emit: boom, want: boom, calls: 20},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := &server{memory: site(), most: test.most, kind: series.Limit, hook: test.hook}
			c := newCloser(t, gputally.Config{Cluster: "c1", Reader: r, NodesPerPiece: 1})
			_, err := c.Close(t.Context(), span(0, hour), usage.Neighbours{}, func(usage.Part) error { return test.emit })
			if !errors.Is(err, test.want) {
				t.Errorf("error %v, want %v", err, test.want)
			}
			if r.busy.Load() != 0 {
				t.Error("a read goes on")
			}
			if r.calls > test.calls {
				t.Errorf("%d reads, want no more than %d", r.calls, test.calls)
			}
		})
	}
}

func TestReadingThatIsCancelled(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	r := &server{memory: site(), hook: func(call int, _ series.Query) error {
		if call == 3 {
			cancel()
		}
		return nil
	}}
	c := newCloser(t, gputally.Config{Cluster: "c1", Reader: r, NodesPerPiece: 1})
	if _, err := c.Close(ctx, span(0, hour), usage.Neighbours{}, func(usage.Part) error { return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	if r.busy.Load() != 0 || r.calls > 4 {
		t.Errorf("%d reads, %d go on", r.calls, r.busy.Load())
	}
}

// again is a Reader that breaks in the middle of each read, and begins again.
type again struct{ *memory }

func (r again) Read(ctx context.Context, q series.Query, yield func(series.Series) error) error {
	broken := errors.New("connection broke")
	left := 10
	err := r.memory.Read(ctx, q, func(s series.Series) error {
		if left--; left < 0 {
			return broken
		}
		s.Samples = s.Samples[:len(s.Samples)/2] // what came counts for nothing
		for i := range s.Samples {
			s.Samples[i].V += 100
		}
		return yield(s)
	})
	if err != nil && !errors.Is(err, broken) {
		return err
	}
	q.Restart()
	return r.memory.Read(ctx, q, yield)
}

func TestAReadThatBeginsAgainCountsOnce(t *testing.T) {
	t.Parallel()
	got, err := newCloser(t, gputally.Config{Cluster: "c1", Reader: again{site()}, NodesPerPiece: 1}).Hour(t.Context(), span(0, hour))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(closed(t, site(), 0, hour), got); diff != "" {
		t.Error(diff)
	}
}

func TestWhatAReaderWarnsOfIsAFinding(t *testing.T) {
	t.Parallel()
	r := &server{memory: site(), hook: func(_ int, q series.Query) error {
		q.Warn("replica 1 of 2 is down")
		return nil
	}}
	c := newCloser(t, gputally.Config{Cluster: "c1", Reader: r, NodesPerPiece: 1})
	h, err := c.Hour(t.Context(), span(0, hour))
	if err != nil {
		t.Fatal(err)
	}
	if len(h.Findings) != 1 || h.Findings[0].Count != 1 || !strings.Contains(h.Findings[0].String(), "replica 1 of 2 is down") {
		t.Errorf("findings %v", h.Findings)
	}
}
