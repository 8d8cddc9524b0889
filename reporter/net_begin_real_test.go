//go:build real

package reporter_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/labels"

	"github.com/gputally/gputally/internal/simulate"
	"github.com/gputally/gputally/reporter"
)

// begun is when samples begin: 33 minutes after midnight. The collectors are
// older.
var begun = midnight.Add(33 * time.Minute)

// older are two nodes with four GPUs, of which one was never held.
func older(from time.Time) past {
	const m = time.Minute
	return past{
		nodes: []*simulate.Node{{
			Name: "node-a",
			GPUs: []simulate.GPU{simulate.NewGPU("GPU-a0", "NVIDIA H200"), simulate.NewGPU("GPU-a1", "NVIDIA H200")},
			Holds: []simulate.Hold{
				hold("vision", "train", 0, 1000, -120*m, 300*m),
				hold("vision", "notebook", 1, 500, 10*m, 90*m),
				hold("search", "serve", 1, 500, -180*m, 20*m), // nobody sees it
			},
		}, {
			Name:  "node-b",
			GPUs:  []simulate.GPU{simulate.NewGPU("GPU-b0", "NVIDIA H200"), simulate.NewGPU("GPU-b1", "NVIDIA H200")},
			Holds: []simulate.Hold{hold("search", "index", 1, 1000, 45*m, 100*m)},
		}},
		born: midnight.Add(-240 * m), from: from, to: midnight.Add(70 * m),
	}
}

// only is a past of some of its nodes.
func (p past) only(nodes ...*simulate.Node) past {
	p.nodes = nodes
	return p
}

// writeWithout writes the past, but for series whose names begin so from before they
// begin.
func (p past) writeWithout(t *testing.T, data, prefix string, begins time.Time) {
	t.Helper()
	late, all := p, t.TempDir()
	late.from = begins
	late.write(t, data)
	p.to = begins
	p.write(t, all)
	relabeled(t, all, data, func(series labels.Labels) labels.Labels {
		if strings.HasPrefix(series.Get("__name__"), prefix) {
			return labels.EmptyLabels()
		}
		return series
	})
}

// What is known of the hour after midnight if the samples of node-a, and those
// of node-b, begin after 33 minutes: what is seen to have been held since is
// allocated, the rest before is uncovered.
var (
	aBegun = amounts{
		"allocated/node-a/train": 3600, "allocated/node-a/notebook": 1500,
		"unallocated/node-a/": 810, "uncovered/node-a/": 600 + 690,
	}
	bBegun = amounts{"allocated/node-b/index": 900, "unallocated/node-b/": 1620 + 720, "uncovered/node-b/": 2 * 1980}
	bWhole = amounts{"allocated/node-b/index": 900, "unallocated/node-b/": 3600 + 2700}
	aWhole = amounts{"allocated/node-a/train": 3600, "allocated/node-a/notebook": 1500, "allocated/node-a/serve": 600, "unallocated/node-a/": 1500}
	bBorn  = amounts{"allocated/node-b/index": 900, "unallocated/node-b/": 1680 + 780}
)

func both(a, b amounts) amounts {
	all := amounts{}
	for _, part := range []amounts{a, b} {
		for key, v := range part {
			all[key] += v
		}
	}
	return all
}

// The first sample of an older process comes in the middle of an hour.
func TestWhereSamplesBegin(t *testing.T) {
	t.Parallel()
	early := midnight.Add(-150 * time.Minute)
	for name, tt := range map[string]struct {
		write func(t *testing.T, data string)
		close []string // hours that are closed before
		want  amounts
	}{
		"of a new server": {func(t *testing.T, data string) { older(begun).write(t, data) }, nil, both(aBegun, bBegun)},
		"of a job that began late": {func(t *testing.T, data string) {
			older(begun).only(older(begun).nodes[0]).write(t, data)
			older(early).only(older(early).nodes[1]).write(t, data)
		}, nil, both(aBegun, bWhole)},
		"after hours that could not be closed": {func(t *testing.T, data string) {
			before := older(early)
			before.to = midnight.Add(-65 * time.Minute)
			before.write(t, data)
			older(begun).write(t, data)
		}, []string{"--from=2026-11-02T22:00:00Z", "--to=2026-11-02T23:00:00Z"}, both(aBegun, bBegun)},
		"of devices, after those of containers": {func(t *testing.T, data string) {
			older(begun.Add(-20*time.Minute)).writeWithout(t, data, "gputally_device_", begun)
		}, nil, both(both(aBegun, bBegun), amounts{"allocated/node-a/serve": 600, "uncovered/node-a/": -600})},
		"of containers, after those of devices": {func(t *testing.T, data string) {
			older(early).writeWithout(t, data, "gputally_container_", midnight.Add(25*time.Minute))
		}, nil, both(aWhole, bWhole)},
		"of a process that is as young": {func(t *testing.T, data string) {
			young := older(begun)
			young.born = begun.Add(-time.Minute)
			young.only(young.nodes[1]).write(t, data)
		}, nil, bBorn},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := served(t, func(data string) { tt.write(t, data) })
			dir, setting := folder(t)
			b := netBooks{"--config=" + priced(server.URL, setting, "").write(t), midnight.Add(71 * time.Minute)}
			if tt.close != nil {
				run(t, b.at, append([]string{"close", b.config}, tt.close...)...).succeeds(t)
			}
			v := &verdict{}
			if v.ends(run(t, b.at, "close", closeNight, b.config), "close", reporter.ExitOK) {
				rows, got := b.rows(t, "node,pod", period(midnight, midnight.Add(time.Hour)))
				const scrape = 32 // seconds, to the first sample
				v.are(rows, tt.want, scrape)
				ends := reporter.ExitOK
				if tt.want.total("uncovered") > 0 {
					ends = reporter.ExitReport
				}
				v.ends(got, "the report", ends)
				v.inOrder(t, b, dir)
			}
			v.judge(t, false)
		})
	}
}

// A server lost its disk after the hour before was closed.
func TestWhereSamplesBeginAfterAClosedHour(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		from time.Time
	}{
		"in the middle of the next":       {begun},
		"shortly before the next":         {midnight.Add(-2 * time.Minute)},
		"right after the next has begun":  {midnight.Add(time.Minute)},
		"shortly before the next is over": {midnight.Add(58 * time.Minute)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			first := served(t, func(data string) { older(midnight.Add(-150*time.Minute)).write(t, data) })
			second := served(t, func(data string) { older(tt.from).write(t, data) })
			dir, setting := folder(t)
			before := netBooks{"--config=" + priced(first.URL, setting, "").write(t), midnight.Add(11 * time.Minute)}
			run(t, before.at, "close", "--from=2026-11-02T23:00:00Z", before.config).succeeds(t)
			b := netBooks{"--config=" + priced(second.URL, setting, "").write(t), midnight.Add(71 * time.Minute)}
			v := &verdict{}
			if v.ends(run(t, b.at, "close", b.config), "close", reporter.ExitOK) {
				rows, _ := b.rows(t, "node,pod", period(midnight, midnight.Add(time.Hour)))
				v.are(amounts{"": rows.total("")}, amounts{"": 4 * 3600}, 1)
				for key, want := range map[string]float64{"allocated/node-a/train": 3600, "allocated/node-a/notebook": 1500, "allocated/node-b/index": 900} {
					v.are(amounts{key: rows[key]}, amounts{key: want}, 2)
				}
				v.inOrder(t, b, dir)
			}
			v.judge(t, false)
		})
	}
}

// inOrder notes what the reporter finds wrong with its own ledger, and late time
// below zero.
func (v *verdict) inOrder(t *testing.T, b netBooks, dir string) {
	t.Helper()
	v.ends(run(t, b.at, "ledger", "verify", b.config), "ledger verify", reporter.ExitOK)
	hours, err := filepath.Glob(dir + "/ledger/hourly/*/*/*/usage.parquet")
	if err != nil || len(hours) == 0 {
		t.Fatalf("hours %v, %v", hours, err)
	}
	late := regexp.MustCompile(`gputally\.late_ms.{1,3}?(-[0-9]+)`)
	for _, name := range hours {
		object, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if found := late.FindSubmatch(object); found != nil {
			v.errorf("%s has late_ms %s", strings.TrimPrefix(name, dir), found[1])
		}
	}
}
