package closing_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/gputally/gputally/reporter/bucket"
	"github.com/gputally/gputally/reporter/bucket/mem"
	"github.com/gputally/gputally/reporter/ledger"
	"github.com/gputally/gputally/reporter/source"
	"github.com/gputally/gputally/reporter/source/gputally"
	"github.com/gputally/gputally/reporter/usage"
	"github.com/gputally/gputally/reporter/window"
)

const hourMillis = int64(time.Hour / time.Millisecond)

// world closes the hours of one GPU that one pod holds. What is known of the
// counter at the edges of hours lags behind the truth by less than a second,
// less and less as samples arrive, and what is known of an hour may be lost.
type world struct {
	begin time.Time

	mu    sync.Mutex
	lags  map[int64]int64 // by hours since begin, milliseconds
	gone  map[int64]bool  // hours without samples
	half  map[int64]bool  // hours that have samples of one half only
	down  map[int64]bool  // hours that can't be read
	churn bool            // in each hour a pod ends, which the next hour does not see
	// arrives is called by each closing, with the lock held.
	arrives func()
}

func (w *world) hour(n int64) window.Window {
	return window.Hour(w.begin.Add(time.Duration(n) * time.Hour))
}

func (w *world) known(n int64) int64 { return n*hourMillis - w.lags[n] }

func (w *world) Close(_ context.Context, hour window.Window, neighbours usage.Neighbours, emit func(usage.Part) error) (usage.Hour, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.arrives()
	n := int64(hour.From.Sub(w.begin) / time.Hour)
	if w.down[n] {
		return usage.Hour{}, errDown
	}
	if w.gone[n] {
		return usage.Hour{}, fmt.Errorf("close %s: %w", hour, source.ErrNoData)
	}
	edge := func(n int64, stored *usage.EdgeTable) usage.Edge {
		e := usage.Edge{UUID: "GPU-0", Pod: "uid-0", Container: "main", Start: w.begin.UnixMilli()}
		e.Total[0] = w.known(n)
		if total, ok := stored.Find(e.UUID, e.Pod, e.Container, e.Start); ok {
			e.Total = total
		}
		return e
	}
	opening, closing := edge(n, neighbours.Before), edge(n+1, neighbours.After)
	held := closing.Total[0] - opening.Total[0]
	segment := usage.Segment{
		Cluster: "eu-1", Node: "node-1", UUID: "GPU-0", Model: "NVIDIA H200", State: usage.Allocated,
		Namespace: "vision", Pod: "train-0", PodUID: "uid-0", Container: "main",
		HeldFrom: hour.From.UnixMilli(), HeldTo: hour.To.UnixMilli(), Share: 1, GPUMillis: held,
	}
	coverage := usage.Coverage{Expected: hourMillis, Allocated: held, Residue: hourMillis - held}
	if w.half[n] {
		segment.EstimatedMillis, coverage.Estimated = held/2, held/2
	}
	edges := []usage.Edge{closing}
	if w.churn {
		edges = []usage.Edge{{UUID: "GPU-0", Pod: fmt.Sprintf("ended-%d", n), Container: "main", Start: hour.From.UnixMilli()}, closing}
	}
	if err := emit(usage.Part{Segments: []usage.Segment{segment}, Opening: []usage.Edge{opening}, Closing: edges}); err != nil {
		return usage.Hour{}, err
	}
	return usage.Hour{Cluster: "eu-1", Window: hour, Coverage: coverage, Source: gputally.Profile, Road: "json", Findings: []usage.Finding{}}, nil
}

var errDown = errors.New("the server is down")

// crashing is a bucket whose process ends before a certain write.
type crashing struct {
	bucket.Bucket
	mu   sync.Mutex
	left int // writes before the crash; negative for no crash
}

var errCrash = errors.New("the process is gone")

func (c *crashing) Put(ctx context.Context, key string, body io.ReadSeeker, size int64, cond bucket.Condition) (bucket.Object, error) {
	if err := c.write(); err != nil {
		return bucket.Object{}, err
	}
	return c.Bucket.Put(ctx, key, body, size, cond)
}

func (c *crashing) write() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.left == 0 {
		return errCrash
	}
	c.left = max(c.left-1, -1)
	return nil
}

// stage is a world, its bucket, and the cluster that closes its hours.
type stage struct {
	world   *world
	bucket  *crashing
	cluster *cluster
}

// hours is how long a world lasts: some of a day and some of the next.
const hours = 8

func newStage(arrives func(*world)) *stage {
	begin := instant("2026-11-19T20:00:00Z")
	w := &world{begin: begin, lags: map[int64]int64{}, gone: map[int64]bool{}, half: map[int64]bool{}, down: map[int64]bool{}}
	w.arrives = func() { arrives(w) }
	b := &crashing{Bucket: mem.New(func() time.Time { return now }), left: -1}
	return &stage{w, b, newCluster(b, "eu-1", w, now)}
}

func (s *stage) run(from, to int64) []window.Window {
	var run []window.Window
	for n := from; n < to; n++ {
		run = append(run, s.world.hour(n))
	}
	return run
}

// check fails unless neighbours agree on their edges and every hour has what
// lies between its edges.
func (s *stage) check(t fataler) {
	t.Helper()
	l := ledger.New(s.bucket, ledger.Config{})
	total := func(table *usage.EdgeTable) int64 {
		e, ok := table.Find("GPU-0", "uid-0", "main", s.world.begin.UnixMilli())
		if !ok {
			t.Fatalf("an hour has no edge")
		}
		return e[0]
	}
	last := int64(-1) // the closing edge of the hour before, if it is closed
	for n := int64(0); n < hours; n++ {
		h, _, err := l.Hour(context.Background(), "eu-1", s.world.hour(n))
		if errors.Is(err, ledger.ErrHourMissing) {
			last = -1
			continue
		}
		opening, closing, edgesErr := l.Session().Edges(context.Background(), "eu-1", s.world.hour(n))
		if err := errors.Join(err, edgesErr); err != nil {
			t.Fatalf("hour %d: %v", n, err)
		}
		if from := total(opening); last >= 0 && from != last {
			t.Fatalf("hour %d begins at %d and the one before ended at %d", n, from, last)
		}
		last = total(closing)
		if held := h.Segments[0].GPUMillis; held != last-total(opening) {
			t.Fatalf("hour %d has %d, between %d and %d", n, held, total(opening), last)
		}
	}
}

// fataler is a *testing.T or a *rapid.T.
type fataler interface {
	Helper()
	Fatalf(format string, args ...any)
}

// Whatever is closed, in whatever order and how many at once, whatever arrives
// or is lost in between, and wherever the process ends: once the command that
// was cut off is done again, hours add up.
func TestHoursAddUp(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := newStage(func(w *world) {
			for n := range w.lags {
				w.lags[n] -= w.lags[n] / 8 // a little arrives all the time
			}
		})
		for n := int64(0); n <= hours; n++ {
			s.world.lags[n] = rapid.Int64Range(0, 900).Draw(t, "lag")
		}
		anHour := rapid.Int64Range(0, hours-1)
		t.Repeat(map[string]func(*rapid.T){
			"samples arrive":  func(t *rapid.T) { s.world.lags[anHour.Draw(t, "edge")] = 0 },
			"samples go":      func(t *rapid.T) { s.world.gone[anHour.Draw(t, "hour")] = true },
			"half of them go": func(t *rapid.T) { s.world.half[anHour.Draw(t, "hour")] = true },
			"hours are closed": func(t *rapid.T) {
				from, parallel := anHour.Draw(t, "from"), rapid.IntRange(1, 4).Draw(t, "parallel")
				run := s.run(from, min(hours, from+anHour.Draw(t, "hours")+1))
				s.survives(t, func(ctx context.Context) error { return s.cluster.Close(ctx, run, parallel) })
			},
			"hours are restated": func(t *rapid.T) {
				from := anHour.Draw(t, "from")
				run := s.run(from, min(hours, from+rapid.Int64Range(1, 5).Draw(t, "hours")))
				s.survives(t, func(ctx context.Context) error {
					_, _, _, err := s.cluster.Restate(ctx, run)
					return err
				})
			},
		})
	})
}

// survives runs a command that may be cut off, and then runs it again.
func (s *stage) survives(t *rapid.T, command func(context.Context) error) {
	s.bucket.left = rapid.IntRange(-1, 12).Draw(t, "writes before the crash")
	err := command(context.Background())
	s.bucket.left = -1
	if errors.Is(err, errCrash) {
		err = command(context.Background())
	}
	if err != nil {
		t.Fatalf("%v", err)
	}
	s.check(t)
}

func TestRestating(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		happens                   func(*world)
		changed, neighbours, kept int
		revisions                 string // of the hours 1 to 6 after hours 3 and 4 were restated
	}{
		"nothing new changes nothing":                               {func(*world) {}, 0, 0, 0, "[1 1 1 1 1 1]"},
		"samples inside change the hours on both sides of the edge": {func(w *world) { w.lags[4] = 0 }, 2, 0, 0, "[1 1 2 2 1 1]"},
		"samples at the first edge change the hour before": {
			func(w *world) { w.lags[3] = 0 }, 1, 1, 0, "[1 2 2 1 1 1]",
		},
		"samples at the last edge change the hour after": {
			func(w *world) { w.lags[5] = 0 }, 1, 1, 0, "[1 1 1 2 2 1]",
		},
		"the hour before keeps its edge if its samples are gone": {
			func(w *world) { w.lags[3] = 0; w.gone[2] = true }, 1, 0, 0, "[1 1 3 1 1 1]",
		},
		"the hour after keeps its edge if half of its samples are gone": {
			func(w *world) { w.lags[5] = 0; w.half[5] = true }, 1, 0, 0, "[1 1 1 3 1 1]",
		},
		"an hour whose samples are gone stays, and gives its edges": {
			func(w *world) { w.lags[3], w.lags[4], w.lags[5] = 0, 0, 0; w.gone[3] = true }, 1, 1, 1, "[1 1 1 2 2 1]",
		},
		"an hour that has lost half of its samples stays, and the one before it too": {
			func(w *world) { w.lags[4] = 0; w.half[4] = true }, 1, 0, 1, "[1 1 3 1 1 1]",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(func(*world) {})
			for n := int64(0); n <= hours; n++ {
				s.world.lags[n] = 500
			}
			if err := s.cluster.Close(t.Context(), s.run(0, hours), 1); err != nil {
				t.Fatal(err)
			}
			tt.happens(s.world)
			changed, neighbours, kept, err := s.cluster.Restate(t.Context(), s.run(3, 5))
			if err != nil || changed != tt.changed || neighbours != tt.neighbours || kept != tt.kept {
				t.Errorf("%d changed, %d neighbours, %d kept, %v; want %d, %d, %d", changed, neighbours, kept, err, tt.changed, tt.neighbours, tt.kept)
			}
			s.check(t)
			var revisions []int
			for _, hour := range s.run(1, 7) {
				entry, err := ledger.New(s.bucket, ledger.Config{}).Stat(t.Context(), "eu-1", hour)
				if err != nil {
					t.Fatal(err)
				}
				revisions = append(revisions, entry.Revision)
			}
			if got := fmt.Sprint(revisions); got != tt.revisions {
				t.Errorf("revisions %s, want %s", got, tt.revisions)
			}
		})
	}
}

// apart leaves the two hours around midnight as a backfill does that closed
// both at the same time, between samples that arrived: each with its own edge.
func (s *stage) apart(t *testing.T) {
	t.Helper()
	const first = 4 // hour after midnight
	s.world.lags[first] = 500
	if err := s.cluster.Close(t.Context(), s.run(first, first+1), 1); err != nil {
		t.Fatal(err)
	}
	key := ledger.Key("eu-1", s.world.hour(first))
	object := read(t, s.bucket, key)
	if err := s.bucket.Delete(t.Context(), key, bucket.Condition{}); err != nil {
		t.Fatal(err)
	}
	s.world.lags[first] = 0
	if err := s.cluster.Close(t.Context(), s.run(first-1, first), 1); err != nil {
		t.Fatal(err)
	}
	if _, err := bucket.PutBytes(t.Context(), s.bucket, key, object, bucket.Condition{Absent: true}); err != nil {
		t.Fatal(err)
	}
}

// Hours that are closed are not due again, so their edges are compared whatever
// becomes of the others, and also by the next command.
func TestDaysAreJoinedWhateverHappens(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		down map[int64]bool
		from int64
		want error
	}{
		"other hours are closed":        {nil, 0, nil},
		"an hour of another day fails":  {map[int64]bool{1: true}, 0, errDown},
		"an hour of the same day fails": {map[int64]bool{6: true}, 0, errDown},
		"no hour is due":                {nil, 3, nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(func(*world) {})
			s.apart(t)
			s.world.down = tt.down
			to := int64(hours)
			if tt.from > 0 {
				to = 5
			}
			if err := s.cluster.Close(t.Context(), s.run(tt.from, to), 3); !errors.Is(err, tt.want) {
				t.Errorf("it says %v", err)
			}
			s.check(t)
		})
	}
}
