//go:build real

package reporter_test

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/value"

	"github.com/gputally/gputally/internal/simulate"
	"github.com/gputally/gputally/reporter"
)

// The pool is scaled to zero at 22:20 and is back at 01:15.
var (
	scaledDown = midnight.Add(-100 * time.Minute)
	scaledUp   = midnight.Add(75 * time.Minute)
	poolFrom   = midnight.Add(-200 * time.Minute) // 20:40
	poolTo     = midnight.Add(130 * time.Minute)
)

// writePool writes the samples of a node that goes and of one that comes.
func writePool(t *testing.T, data string) {
	t.Helper()
	node := func(name string, from, to time.Time) past {
		h := hold("vision", "train-"+name, 0, 1000, 0, 0)
		h.From, h.To = from.Add(10*time.Minute), to.Add(time.Hour)
		return past{nodes: []*simulate.Node{{
			Name: name, GPUs: []simulate.GPU{simulate.NewGPU("GPU-"+name, "NVIDIA H200")}, Holds: []simulate.Hold{h},
		}}, born: from, from: from, to: to}
	}
	node("node-a", poolFrom, scaledDown).write(t, data)
	node("node-b", scaledUp, poolTo).write(t, data)
	writeSeries(t, data, poolFrom, scaledDown, 1, kube("node-a")...)
	writeSeries(t, data, scaledUp, poolTo, 1, kube("node-b")...)
	// A target and a node that go leave a mark behind.
	gone := append(kube("node-a"), labels.FromStrings("__name__", "up", "instance", "node-a", "job", collectorsJob))
	writeSeries(t, data, scaledDown.Add(15*time.Second), scaledDown.Add(20*time.Second), math.Float64frombits(value.StaleNaN), gone...)
}

// Hours without any GPU node are closed as such if something else of the time
// is there, and can't be closed if nothing is.
func TestHoursWithoutGPUNodes(t *testing.T) {
	t.Parallel()
	up := func(job, instance string) labels.Labels {
		return labels.FromStrings("__name__", "up", "instance", instance, "job", job)
	}
	for name, tt := range map[string]struct {
		known  bool // the fault is known: part 6 §5
		others []labels.Labels
		refuse bool
	}{
		"kube-state-metrics has other nodes": {true, append(kube("cpu-1"), up(kubeJob, "ksm")), false},
		"the server scraped itself alone":    {false, nil, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := served(t, func(data string) {
				writePool(t, data)
				if tt.others != nil {
					writeSeries(t, data, poolFrom, poolTo, 1, tt.others...)
				}
			})
			_, setting := folder(t)
			b := netBooks{"--config=" + priced(server.URL, setting, "").write(t), midnight.Add(131 * time.Minute)}
			v := &verdict{}
			got := run(t, b.at, "close", "--from=2026-11-02T21:00:00Z", b.config)
			if tt.refuse {
				v.ends(got, "close", reporter.ExitSource)
			} else if v.ends(got, "close", reporter.ExitOK) {
				rows, r := b.rows(t, "pod", period(instant("2026-11-02T21:00:00Z"), instant("2026-11-03T02:00:00Z")))
				v.ends(r, "report", reporter.ExitOK)
				const scrape = 32 // seconds, around each end
				v.are(amounts{"": rows.total("")}, amounts{"": (80 + 45) * 60}, 2*scrape)
				v.ends(run(t, b.at, "ledger", "verify", b.config), "ledger verify", reporter.ExitOK)
			}
			v.judge(t, tt.known)
		})
	}
}

// A pool that does not exist yet when the books begin.
func TestTheFirstHourWithoutGPUNodes(t *testing.T) {
	t.Parallel()
	server := served(t, func(data string) {
		writePool(t, data)
		writeSeries(t, data, poolFrom, poolTo, 1, append(kube("cpu-1"), labels.FromStrings("__name__", "up", "instance", "ksm", "job", kubeJob))...)
	})
	_, setting := folder(t)
	b := netBooks{"--config=" + priced(server.URL, setting, "").write(t), midnight.Add(131 * time.Minute)}
	v := &verdict{}
	if v.ends(run(t, b.at, "close", closeNight, b.config), "close", reporter.ExitOK) {
		rows, r := b.rows(t, "pod", period(midnight, midnight.Add(2*time.Hour)))
		v.ends(r, "report", reporter.ExitOK)
		v.are(amounts{"": rows.total("")}, amounts{"": 45 * 60}, 32)
	}
	v.judge(t, true) // part 6 §5
}

// A namespace that moved gives a report of the same hours another owner. The
// report that supersedes the first says that its inputs are other ones.
func TestAReportOfTheSameHoursWithOtherInputsSaysSo(t *testing.T) {
	t.Parallel()
	_, setting := folder(t)
	f := priced(shared.prometheus.URL, setting, "")
	config := "--config=" + f.write(t)
	run(t, afterThree, "close", closeNight, config).succeeds(t)
	report := []string{"report", "--by=project", "--period=" + threeHours}
	run(t, afterThree, append(report, config)...).succeeds(t)
	f["projects.yaml"] = strings.Replace(projectsFile, `[vision, "vision-*"]`, `[vision]`, 1)
	f["projects.yaml"] = strings.Replace(f["projects.yaml"], `[search]`, `[search, "vision-*"]`, 1)
	got := run(t, afterThree, append(report, "--config="+f.write(t))...)
	got.succeeds(t)
	v := &verdict{}
	v.mentions(got.stdout+got.stderr, "same hours", "other inputs", "projects changed", "owners changed", "projects.yaml")
	v.judge(t, true) // part 6 §5
}
