package fleet_test

import (
	"math"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/tsdb"
	"github.com/prometheus/prometheus/tsdb/chunkenc"

	"github.com/gputally/gputally/cmd/gputally-bench/fleet"
	"github.com/gputally/gputally/collector/metric"
)

type sample struct {
	t int64
	v float64
}

type series struct {
	labels  labels.Labels
	samples []sample
}

// last returns the last value, and whether a marker follows it.
func (s series) last() (v float64, ended bool) {
	v = math.NaN()
	for _, p := range s.samples {
		if ended = value.IsStaleNaN(p.v); !ended {
			v = p.v
		}
	}
	return v, ended
}

// at returns the value at a time.
func (s series) at(t int64) (float64, bool) {
	for _, p := range s.samples {
		if p.t == t && !value.IsStaleNaN(p.v) {
			return p.v, true
		}
	}
	return 0, false
}

// written are the series of a written fleet, by name.
func written(t *testing.T, f *fleet.Fleet) (map[string][]series, fleet.Stats) {
	t.Helper()
	dir := t.TempDir()
	blocks := 0
	stats, err := f.Write(t.Context(), dir, func(time.Time) { blocks++ })
	if err != nil {
		t.Fatal(err)
	}
	if blocks != 2 {
		t.Errorf("progress was told of %d blocks, want two for three hours", blocks)
	}
	if err := os.MkdirAll(filepath.Join(dir, "wal"), 0o755); err != nil { // which a folder of blocks lacks
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
	all := map[string][]series{}
	set := q.Select(t.Context(), true, nil, labels.MustNewMatcher(labels.MatchRegexp, "__name__", ".+"))
	for set.Next() {
		s := series{labels: set.At().Labels()}
		for it := set.At().Iterator(nil); it.Next() == chunkenc.ValFloat; {
			at, v := it.At()
			s.samples = append(s.samples, sample{at, v})
		}
		name := s.labels.Get("__name__")
		all[name] = append(all[name], s)
	}
	if err := set.Err(); err != nil {
		t.Fatal(err)
	}
	return all, stats
}

func TestHistoryTellsTheTruth(t *testing.T) {
	t.Parallel()
	f := newFleet(t, config())
	all, stats := written(t, f)
	count := int64(0)
	for _, ss := range all {
		for _, s := range ss {
			count += int64(len(s.samples))
		}
	}
	if count != stats.Samples+stats.Stale || stats.Stale == 0 {
		t.Errorf("%d samples are there, %+v were written", count, stats)
	}
	t.Run("each family has the labels of the collector's", func(t *testing.T) {
		t.Parallel()
		families := map[string]*metric.Family{}
		for _, f := range metric.Families() {
			families[f.Name] = f
		}
		for name, ss := range all {
			for _, s := range ss {
				want := 3 // its name and the target's
				if f := families[name]; f != nil {
					want += len(f.Labels)
					for _, l := range f.Labels {
						if s.labels.Get(l) == "" {
							t.Fatalf("%s has no %s", s.labels, l)
						}
					}
				} else if name != "up" {
					t.Fatalf("%s is no family of the collector", name)
				}
				if s.labels.Len() != want {
					t.Fatalf("%s has %d labels, want %d", s.labels, s.labels.Len(), want)
				}
			}
		}
	})
	t.Run("a GPU's states sum to the time since its collector started", func(t *testing.T) {
		t.Parallel()
		start, age, uuids := byNode(all[metric.CollectorStartTime.Name]), byNode(all[metric.CollectorPollAge.Name]), map[string][]series{}
		for _, s := range all[metric.DeviceSeconds.Name] {
			uuids[s.labels.Get(metric.LabelUUID)] = append(uuids[s.labels.Get(metric.LabelUUID)], s)
		}
		if len(uuids) != config().GPUs {
			t.Fatalf("%d GPUs", len(uuids))
		}
		for uuid, states := range uuids {
			node := states[0].labels.Get("instance")
			for i, p := range states[0].samples {
				if value.IsStaleNaN(p.v) {
					continue
				}
				sum := 0.0
				for _, s := range states {
					sum += s.samples[i].v
				}
				began, _ := start[node].at(p.t)
				late, ok := age[node].at(p.t)
				if want := float64(p.t)/1000 - late - began; !ok || math.Abs(sum-want) > 1e-5 {
					t.Fatalf("%s: states sum to %v, want %v", uuid, sum, want)
				}
			}
		}
	})
	t.Run("what ended shows all that it held, and lingers", func(t *testing.T) {
		t.Parallel()
		shown := map[[2]string]series{}
		for _, s := range all[metric.ContainerAllocatedSeconds.Name] {
			shown[[2]string{s.labels.Get(metric.LabelPodUID), s.labels.Get(metric.LabelUUID)}] = s
		}
		restarted := restartedNodes(all)
		checked := 0
		for _, h := range holdings(f, begins, ends.Add(-15*time.Minute)) {
			s, ok := shown[[2]string{h.PodUID, h.UUID}]
			if !ok {
				t.Fatalf("%+v is not shown", h)
			}
			if restarted[s.labels.Get("instance")] || h.To > ends.Add(-15*time.Minute).UnixMilli() {
				continue
			}
			held, ended := s.last()
			if want := float64(h.Held(h.From, h.To)) / 1e6; held != want {
				t.Errorf("%+v shows %v seconds, want %v", h, held, want)
			}
			lingers := time.Duration(s.samples[len(s.samples)-1].t-h.To) * time.Millisecond
			if !ended || lingers < 9*time.Minute || lingers > 11*time.Minute {
				t.Errorf("%+v: ended %t after %s", h, ended, lingers)
			}
			checked++
		}
		if checked < 20 {
			t.Errorf("only %d have ended", checked)
		}
	})
}

func byNode(ss []series) map[string]series {
	nodes := map[string]series{}
	for _, s := range ss {
		nodes[s.labels.Get("instance")] = s
	}
	return nodes
}

// restartedNodes are those whose collector started anew.
func restartedNodes(all map[string][]series) map[string]bool {
	restarted := map[string]bool{}
	for node, s := range byNode(all[metric.CollectorStartTime.Name]) {
		last, _ := s.last()
		restarted[node] = s.samples[0].v != last
	}
	return restarted
}

func TestScrapesFailAndCollectorsDie(t *testing.T) {
	t.Parallel()
	cfg := config()
	cfg.GPUs = 1600
	cfg.To, cfg.Scrape = cfg.From.Add(150*time.Minute), time.Minute
	all, _ := written(t, newFleet(t, cfg))
	failed, stale := 0, 0
	for node, s := range byNode(all["up"]) {
		for _, p := range s.samples {
			if p.v == 0 {
				failed++
				if v, ok := byNode(all[metric.CollectorStartTime.Name])[node].at(p.t); ok {
					t.Fatalf("%s: a start of %v came with a scrape that failed", node, v)
				}
			}
		}
	}
	for _, s := range all[metric.DeviceSeconds.Name] {
		for _, p := range s.samples {
			if value.IsStaleNaN(p.v) {
				stale++
			}
		}
	}
	if failed == 0 || stale == 0 {
		t.Errorf("%d scrapes failed, %d markers at devices; want some", failed, stale)
	}
	restarted, fell := restartedNodes(all), 0
	for _, s := range all[metric.ContainerAllocatedSeconds.Name] {
		if !restarted[s.labels.Get("instance")] {
			continue
		}
		for i := 1; i < len(s.samples); i++ {
			if s.samples[i].v < s.samples[i-1].v {
				fell++
			}
		}
	}
	if len(restarted) == 0 || fell == 0 {
		t.Errorf("%d counters began anew on %d nodes; want some", fell, len(restarted))
	}
}
