//go:build real

package reporter_test

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/labels"

	"github.com/gputally/gputally/internal/simulate"
	"github.com/gputally/gputally/internal/simulate/history"
	"github.com/gputally/gputally/reporter"
)

// The three hours around a midnight of which one answer is too small.
var (
	firstHour  = midnight.Add(-time.Hour)
	middleHour = midnight
	lastHour   = midnight.Add(time.Hour)
)

// threeNodes have GPUs that are held all the time, now and then, and never.
// Their collectors die now and then.
func threeNodes() past {
	const m = time.Minute
	node := func(name string, holds ...simulate.Hold) *simulate.Node {
		return &simulate.Node{Name: "node-" + name, Holds: holds, GPUs: []simulate.GPU{
			simulate.NewGPU("GPU-"+name+"0", "NVIDIA H200"), simulate.NewGPU("GPU-"+name+"1", "NVIDIA H200"),
		}}
	}
	return past{
		nodes: []*simulate.Node{
			node("a", hold("vision", "train-a", 0, 1000, -85*m, 200*m), hold("search", "serve-a", 1, 500, -10*m, 70*m)),
			node("b", hold("vision", "train-b", 0, 1000, -40*m, 25*m), hold("vision", "train-c", 0, 1000, 30*m, 100*m)),
			node("c", hold("search", "serve-c", 0, 500, -85*m, 200*m), hold("lost", "shell", 1, 250, -50*m, 110*m)),
		},
		born: midnight.Add(-90 * m), from: midnight.Add(-90 * m), to: midnight.Add(130 * m),
		timing: history.Timing{Life: 40 * m, Outage: 20 * time.Second},
	}
}

// lostNode is a node with one GPU of which nothing is scraped after 00:20,
// though it is there: only its target's up goes on.
func lostNode(t *testing.T, data string) {
	t.Helper()
	lost := middleHour.Add(20 * time.Minute)
	p := threeNodes()
	p.nodes = []*simulate.Node{{Name: "node-d", GPUs: []simulate.GPU{simulate.NewGPU("GPU-d0", "NVIDIA H200")}}}
	p.to, p.timing = lost, history.Timing{}
	p.write(t, data)
	writeSeries(t, data, lost, threeNodes().to, 0, labels.FromStrings("__name__", "up", "instance", "node-d", "job", collectorsJob))
}

// kube is what kube-state-metrics says of nodes: each is in a pool of its name.
func kube(names ...string) []labels.Labels {
	var all []labels.Labels
	for _, name := range names {
		all = append(all,
			labels.FromStrings("__name__", "kube_node_info", "job", "kube-state-metrics", "node", name),
			labels.FromStrings("__name__", "kube_node_labels", "job", "kube-state-metrics", "label_pool", "pool-of-"+name, "node", name))
	}
	return all
}

// The reads of an hour, each by a name that only it asks for.
const (
	formerRead     = "gputally_node_info"
	collectorsRead = "gputally_collector_start_time_seconds"
	upRead         = "up"
	nodesRead      = "kube_node_info"
	gpusRead       = "gputally_device_seconds_total"
)

type shortAnswer struct {
	name string
	fault
}

// shortAnswers are what a read may get in place of all its series.
var shortAnswers = []shortAnswer{
	{"nothing of the collectors", fault{read: collectorsRead, label: "__name__", pattern: "nothing"}},
	{"a third of the collectors", fault{read: collectorsRead, label: "instance", pattern: "node-a"}},
	{"no start of the collectors", fault{read: collectorsRead, label: "__name__", pattern: "gputally_node_.*"}},
	{"no nodes of the collectors", fault{read: collectorsRead, label: "__name__", pattern: "gputally_collector_.*"}},
	{"the collectors, late", fault{read: collectorsRead, late: true}},
	{"nothing of the GPUs", fault{read: gpusRead, label: "__name__", pattern: "nothing"}},
	{"a third of the GPUs", fault{read: gpusRead, label: "uuid", pattern: "GPU-a.*"}},
	{"no containers of the GPUs", fault{read: gpusRead, label: "__name__", pattern: "gputally_device_.*"}},
	{"nothing but containers of the GPUs", fault{read: gpusRead, label: "__name__", pattern: "gputally_container_.*"}},
	{"the GPUs, late", fault{read: gpusRead, late: true}},
	{"nothing of up", fault{read: upRead, label: "__name__", pattern: "nothing"}},
	{"a third of up", fault{read: upRead, label: "instance", pattern: "node-a"}},
	{"up, late", fault{read: upRead, late: true}},
	{"nothing of the nodes", fault{read: nodesRead, label: "__name__", pattern: "nothing"}},
	{"a third of the nodes", fault{read: nodesRead, label: "node", pattern: "node-a"}},
	{"the nodes, late", fault{read: nodesRead, late: true}},

	{"the collectors, half of the time", fault{read: collectorsRead, cut: 35 * time.Minute}},
	{"the collectors of another time", fault{read: collectorsRead, shift: 2 * time.Hour}},
	{"the collectors but one", fault{read: collectorsRead, label: "instance", pattern: "node-[acd]"}},
	{"the GPUs, half of the time", fault{read: gpusRead, cut: 35 * time.Minute}},
	{"the GPUs of another time", fault{read: gpusRead, shift: 2 * time.Hour}},
	{"the GPUs but one", fault{read: gpusRead, label: "uuid", pattern: "GPU-([acd].|b0)"}},
	{"the containers but one", fault{read: gpusRead, label: "pod", pattern: "(serve|shell|train-[bc]).*|"}},
	{"no activity of the GPUs", fault{read: gpusRead, label: "__name__", pattern: "gputally_device_.*|.*_(allocated|start|end|share)_.*|.*_end_time.*"}},
	{"up of another time", fault{read: upRead, shift: 2 * time.Hour}},
	{"the nodes, half of the time", fault{read: nodesRead, cut: 35 * time.Minute}},
	{"the nodes of another time", fault{read: nodesRead, shift: 2 * time.Hour}},
}

// formerAnswers are to the read that looks back for the collectors of nodes of
// which the hour has no samples.
var formerAnswers = []shortAnswer{
	{"nothing of former collectors", fault{read: formerRead, label: "__name__", pattern: "nothing"}},
	{"former collectors, late", fault{read: formerRead, late: true}},
	{"former collectors of another time", fault{read: formerRead, shift: 26 * time.Hour}},
}

// alwaysShort are answers that are too small until somebody mends the server.
var alwaysShort = []shortAnswer{
	{"nothing of the collectors", fault{read: collectorsRead, label: "__name__", pattern: "nothing"}},
	{"a third of the collectors", fault{read: collectorsRead, label: "instance", pattern: "node-a"}},
	{"nothing of the GPUs", fault{read: gpusRead, label: "__name__", pattern: "nothing"}},
	{"a third of the GPUs", fault{read: gpusRead, label: "uuid", pattern: "GPU-a.*"}},
	{"no containers of the GPUs", fault{read: gpusRead, label: "__name__", pattern: "gputally_device_.*"}},
	{"a third of the containers", fault{read: gpusRead, label: "pod", pattern: ".*-a|"}},
	{"the GPUs, half of the time", fault{read: gpusRead, cut: 35 * time.Minute}},
}

// One answer of one read is too small: the hours are the same, or the command
// refuses, or what lacks is uncovered. Never is anything another amount.
func TestAnswersThatAreTooSmall(t *testing.T) {
	t.Parallel()
	server := served(t, func(data string) {
		threeNodes().write(t, data)
		lostNode(t, data)
		writeSeries(t, data, threeNodes().from, threeNodes().to, 1, kube("node-a", "node-b", "node-c")...)
	})
	want := inAFolder(t, server.URL, "json", "20s").amounts(t)
	try := func(road, at string, hour time.Time, answer shortAnswer) {
		often := map[bool]string{false: "once", true: "always"}[answer.always]
		t.Run(fmt.Sprintf("%s in the %s hour by %s, %s", answer.name, at, road, often), func(t *testing.T) {
			t.Parallel()
			f := answer.fault
			f.hour = hour
			p, url := newFaulty(t, server.URL, f)
			v, timeout := &verdict{}, "20s"
			if f.late {
				timeout = "1s"
			}
			v.survives(t, inAFolder(t, url, road, timeout), want, p.mend)
			if !p.happened.Load() {
				t.Error("nobody asked")
			}
			v.judge(t, false)
		})
	}
	for _, road := range []string{"remote_read", "json", "export"} {
		for _, answer := range shortAnswers {
			try(road, "first", firstHour, answer)
			try(road, "middle", middleHour, answer)
		}
		for _, answer := range formerAnswers {
			try(road, "last", lastHour.Add(-75*time.Minute), answer) // it ends ten minutes before the hour
		}
	}
	for _, answer := range alwaysShort {
		answer.always = true
		try("json", "first", firstHour, answer)
		try("json", "middle", middleHour, answer)
	}
	t.Run("what is lost for good is accepted on an operator's word", func(t *testing.T) {
		t.Parallel()
		_, url := newFaulty(t, server.URL, fault{read: gpusRead, hour: middleHour, label: "__name__", pattern: "gputally_device_.*", always: true})
		b := inAFolder(t, url, "json", "20s")
		v := &verdict{}
		v.ends(run(t, b.at, b.close...), "close", reporter.ExitSource)
		r := run(t, b.at, append(b.close, "--accept-incomplete")...)
		if v.ends(r, "close --accept-incomplete", reporter.ExitOK); !strings.Contains(r.stderr, "read_incomplete") {
			v.errorf("it logs %s", r.stderr)
		}
		v.judge(t, false)
	})
	t.Run("in the first hour of a day that is closed side by side", func(t *testing.T) {
		t.Parallel()
		p, url := newFaulty(t, server.URL, fault{read: gpusRead, hour: middleHour, label: "__name__", pattern: "nothing"})
		_, setting := s3Bucket(t, "side-by-side")
		b := behind(t, url, "remote_read", "20s", setting)
		b.close = append(b.close, "--parallel=2")
		v := &verdict{}
		v.survives(t, b, want, p.mend)
		v.judge(t, false)
	})
}

// threeHoursOf are books of the three hours.
type threeHoursOf struct {
	netBooks
	close []string
}

func behind(t *testing.T, url, road, timeout, setting string) threeHoursOf {
	t.Helper()
	f := priced(url, setting, "node_pool_label: label_pool\nminimum_coverage: 0.01\n")
	f["gputally.yaml"] = strings.Replace(f["gputally.yaml"], "timeout: 20s", "timeout: "+timeout+", road: "+road, 1)
	b := threeHoursOf{netBooks: netBooks{"--config=" + f.write(t), lastHour.Add(71 * time.Minute)}}
	b.close = []string{"close", "--from=" + firstHour.Format(time.RFC3339), b.config}
	return b
}

func inAFolder(t *testing.T, url, road, timeout string) threeHoursOf {
	t.Helper()
	_, setting := folder(t)
	return behind(t, url, road, timeout, setting)
}

// amounts closes the hours and returns what they have.
func (b threeHoursOf) amounts(t *testing.T) amounts {
	t.Helper()
	run(t, b.at, b.close...).succeeds(t)
	rows, _ := b.rows(t, "node,node_pool,namespace,pod", period(firstHour, lastHour.Add(time.Hour)))
	return rows
}

// survives closes the hours, once more with a mended server if the first time is
// refused, and notes what is not as it should be.
func (v *verdict) survives(t *testing.T, b threeHoursOf, want amounts, mend func()) {
	t.Helper()
	if got := run(t, b.at, b.close...); got.code != reporter.ExitOK {
		mend()
		if !v.ends(got, "close", reporter.ExitSource) || !v.ends(run(t, b.at, b.close...), "close once more", reporter.ExitOK) {
			return
		}
	}
	rows, r := b.rows(t, "node,node_pool,namespace,pod", period(firstHour, lastHour.Add(time.Hour)))
	const rounding = 0.01
	v.areOrGaps(rows, want, rounding)
	whole := parseCSV(t, []byte(r.stdout))[0]["coverage_ratio"] == "1.000000"
	if gap := rows.total("uncovered") - want.total("uncovered"); gap > rounding && whole || gap <= rounding && !maps.EqualFunc(rows, want, about) {
		v.errorf("%.3f GPU-seconds are uncovered, coverage 1 is %v; rows %v", gap, whole, slices.Sorted(maps.Keys(rows)))
	}
	for _, hour := range parseCSV(t, []byte(run(t, b.at, "ledger", "coverage", "--by=hour", "--format=csv", b.config).succeeds(t))) {
		if number(t, hour["expected"]) == 0 && hour["coverage_ratio"] == "1.000000" {
			v.errorf("hour %s expects nothing and is covered wholly", hour["hour"])
		}
	}
	v.ends(run(t, b.at, "ledger", "verify", b.config), "ledger verify", reporter.ExitOK)
}

func about(a, b float64) bool { return math.Abs(a-b) < 0.01 }
