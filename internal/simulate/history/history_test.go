package history_test

import (
	"context"
	"math"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/tsdb"
	"github.com/prometheus/prometheus/tsdb/chunkenc"

	"github.com/gputally/gputally/collector/device"
	"github.com/gputally/gputally/collector/metric"
	"github.com/gputally/gputally/internal/simulate"
	"github.com/gputally/gputally/internal/simulate/history"
)

var from = time.Date(2026, 11, 1, 23, 0, 0, 0, time.UTC)

func hold(pod string, milli int, begin, end time.Duration) simulate.Hold {
	return simulate.Hold{
		Holder: device.Holder{Namespace: "ns", Pod: pod, PodUID: "uid-" + pod, Container: "main"},
		Milli:  milli, From: from.Add(begin), To: from.Add(end),
	}
}

func node() *simulate.Node {
	return &simulate.Node{
		Name: "node-1",
		GPUs: []simulate.GPU{{UUID: "GPU-a", Model: "NVIDIA H200", MemoryBytes: 141e9, IdleWatts: 70, PeakWatts: 700}},
		Holds: []simulate.Hold{
			hold("long", 500, 10*time.Minute, 100*time.Minute),
			hold("half", 500, 20*time.Minute, 50*time.Minute),
			hold("short", 500, 60*time.Minute+7300*time.Millisecond, 60*time.Minute+12800*time.Millisecond),
		},
	}
}

type sample struct {
	t int64
	v float64
}

// write makes a history of two hours and returns its samples by series.
func write(t *testing.T, timing history.Timing) (map[string][]sample, history.Stats) {
	t.Helper()
	dir := t.TempDir()
	target, err := history.NewTarget(node(), history.Labels{Job: "gputally-collector", Instance: "node-1"}, from, timing, 5)
	if err != nil {
		t.Fatal(err)
	}
	stats, err := history.Write(context.Background(), history.Config{Dir: dir, From: from, To: from.Add(2 * time.Hour)}, []*history.Target{target})
	if err != nil {
		t.Fatal(err)
	}
	return read(t, dir), stats
}

func read(t *testing.T, dir string) map[string][]sample {
	t.Helper()
	// A folder that only blocks were written to has no log yet.
	if err := os.MkdirAll(filepath.Join(dir, "wal"), 0o755); err != nil {
		t.Fatal(err)
	}
	db, err := tsdb.OpenDBReadOnly(dir, "", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	q, err := db.Querier(math.MinInt64, math.MaxInt64)
	if err != nil {
		t.Fatal(err)
	}
	defer q.Close()
	got := map[string][]sample{}
	set := q.Select(context.Background(), true, nil, labels.MustNewMatcher(labels.MatchRegexp, "__name__", ".+"))
	for set.Next() {
		ls := set.At().Labels()
		key := ls.Get("__name__") + " " + ls.Get("pod") + ls.Get("state")
		for it := set.At().Iterator(nil); it.Next() == chunkenc.ValFloat; {
			at, v := it.At()
			got[key] = append(got[key], sample{at, v})
		}
	}
	if err := set.Err(); err != nil {
		t.Fatal(err)
	}
	return got
}

func last(ss []sample) float64 {
	v := math.NaN()
	for _, s := range ss {
		if !value.IsStaleNaN(s.v) {
			v = s.v
		}
	}
	return v
}

func TestHistoryHoldsWhatTheContainersHeld(t *testing.T) {
	t.Parallel()
	got, stats := write(t, history.Timing{})
	for pod, want := range map[string]float64{"long": 2700, "half": 900, "short": 2.75} {
		if v := last(got[metric.ContainerAllocatedSeconds.Name+" "+pod]); math.Abs(v-want) > 0.5 {
			t.Errorf("%s: %v GPU-seconds, want %v within half a poll of half a GPU at each end", pod, v, want)
		}
	}
	sum := 0.0
	for _, state := range metric.States() {
		sum += last(got[metric.DeviceSeconds.Name+" "+state])
	}
	if sum < 7200-31 || sum > 7200 {
		t.Errorf("states sum to %v, want two hours up to the last scrape", sum)
	}
	if n := len(got["up "]); n != 240 || stats.Scrapes != 240 || stats.Lost != 0 {
		t.Errorf("%d samples of up, %+v; want 240 scrapes and none lost", n, stats)
	}
}

func TestEndedSeriesLingersAndIsThenMarkedStale(t *testing.T) {
	t.Parallel()
	got, _ := write(t, history.Timing{})
	ss := got[metric.ContainerAllocatedSeconds.Name+" short"]
	end := ss[len(ss)-1]
	if !value.IsStaleNaN(end.v) {
		t.Fatalf("the series ends with %v, not with a staleness marker", end.v)
	}
	linger := time.UnixMilli(end.t).Sub(from.Add(60*time.Minute + 13*time.Second))
	if linger < 10*time.Minute || linger > 11*time.Minute {
		t.Errorf("the ended series went stale after %s, want ten minutes and a scrape at most", linger)
	}
}

func TestLostScrapesAndRestartsLeaveTheirMarks(t *testing.T) {
	t.Parallel()
	got, stats := write(t, history.Timing{Lost: 0.05, Life: 20 * time.Minute})
	downs, starts := 0, map[float64]bool{}
	for _, s := range got["up "] {
		if s.v == 0 {
			downs++
		}
	}
	for _, s := range got[metric.CollectorStartTime.Name+" "] {
		if !value.IsStaleNaN(s.v) {
			starts[s.v] = true
		}
	}
	if downs == 0 || int64(downs) != stats.Lost || stats.Stale == 0 {
		t.Errorf("%d failed scrapes in up, %+v; want some and the same", downs, stats)
	}
	if len(starts) < 2 {
		t.Errorf("start times %v, want several processes", starts)
	}
	fell := false
	ss := got[metric.ContainerAllocatedSeconds.Name+" long"]
	for i := 1; i < len(ss); i++ {
		fell = fell || ss[i].v < ss[i-1].v
	}
	if !fell {
		t.Error("no counter began again at zero after a restart")
	}
}

func TestSameSeedGivesTheSameHistory(t *testing.T) {
	t.Parallel()
	timing := history.Timing{Lost: 0.01, Life: 30 * time.Minute}
	a, _ := write(t, timing)
	b, _ := write(t, timing)
	for key, ss := range a {
		if len(ss) != len(b[key]) {
			t.Fatalf("%s: %d samples and %d", key, len(ss), len(b[key]))
		}
		for i := range ss {
			if ss[i].t != b[key][i].t || math.Float64bits(ss[i].v) != math.Float64bits(b[key][i].v) {
				t.Fatalf("%s: sample %d is %v and %v", key, i, ss[i], b[key][i])
			}
		}
	}
}
