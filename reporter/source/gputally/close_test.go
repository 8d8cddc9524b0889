package gputally_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/gputally/gputally/collector/metric"
	"github.com/gputally/gputally/reporter/series"
	"github.com/gputally/gputally/reporter/source"
	"github.com/gputally/gputally/reporter/source/gputally"
	"github.com/gputally/gputally/reporter/usage"
)

// held is a segment of a container that was busy half of its time.
func held(pod string, from, to int64, share float64, gpu int64) row {
	return row{what: pod, from: from, to: to, share: share, gpu: gpu, activity: gpu / 2, byteSeconds: gpu * 1e6, mJ: gpu * 100}
}

// bridged is the same with a gap in which nobody saw what it did.
func bridged(pod string, from, to int64, share float64, gpu, estimated int64) row {
	r := held(pod, from, to, share, gpu-estimated)
	r.gpu, r.estimated = gpu, estimated
	return r
}

func state(s usage.State, from, to, gpu int64) row {
	return row{what: string(s), from: from, to: to, share: 1, gpu: gpu}
}

func TestHour(t *testing.T) {
	t.Parallel()
	restart := func(from, to int64, next string) func(*scene) {
		return func(s *scene) {
			s.processes = []process{{"10.0.0.1:9400", -5 * hour, from}, {next, to, 5 * hour}}
		}
	}
	tests := map[string]struct {
		holds []hold
		edit  func(*scene)
		want  []row
		warn  int
	}{
		"a container that spans the hour holds all of it": {
			holds: []hold{{uuid: "GPU-a", pod: "p", share: 1, from: -hour, to: 2 * hour}},
			want:  []row{held("p", 0, hour, 1, hour)},
		},
		"a container born inside is held from its birth": {
			holds: []hold{{uuid: "GPU-a", pod: "p", share: 1, from: 10 * minute, to: 2 * hour}},
			want:  []row{held("p", 10*minute, hour, 1, 50*minute), state(usage.Unallocated, 0, 10*minute+7*second, 10*minute)},
		},
		"a container that died inside is held to its death": {
			holds: []hold{{uuid: "GPU-a", pod: "p", share: 0.5, from: -hour, to: 10 * minute}},
			want: []row{
				held("p", 0, 10*minute, 0.5, 5*minute),
				state(usage.Unallocated, 0, hour, 55*minute),
			},
		},
		"a container of 5 s that no scrape met alive is exact": {
			holds: []hold{{uuid: "GPU-a", pod: "p", share: 1, from: 20*minute + 10*second, to: 20*minute + 15*second}},
			want: []row{
				held("p", 20*minute+10*second, 20*minute+15*second, 1, 5*second),
				state(usage.Unallocated, 0, hour, 59*minute+55*second),
			},
		},
		"a third of a GPU for 4 s is told from its life": {
			holds: []hold{{uuid: "GPU-a", pod: "p", share: 1.0 / 3, from: 20*minute + 10*second, to: 20*minute + 14*second}},
			want: []row{
				{"p", 20*minute + 10*second, 20*minute + 14*second, 1.0 / 3, 1333, 0, 667, 1333333333, 133333},
				state(usage.Unallocated, 0, hour, hour-1333),
			},
		},
		"a container that lived across the edge between two scrapes is cut at the edge": {
			holds: []hold{{uuid: "GPU-a", pod: "p", share: 1, from: -4 * second, to: 6 * second}},
			want: []row{
				held("p", 0, 6*second, 1, 6*second),
				state(usage.Unallocated, 0, hour, hour-6*second),
			},
		},
		"lost scrapes lose nothing": {
			holds: []hold{{uuid: "GPU-a", pod: "p", share: 1, from: 10 * minute, to: 50 * minute}},
			edit: func(s *scene) {
				s.scrapers[0].lost = func(t int64) bool { return t > 9*minute && t < 40*minute }
			},
			want: []row{
				held("p", 10*minute, 50*minute, 1, 40*minute),
				state(usage.Unallocated, 0, hour, 20*minute),
			},
		},
		"a collector that restarts is bridged for a container that is there before and after": {
			holds: []hold{{uuid: "GPU-a", pod: "p", share: 1, from: -hour, to: 2 * hour}},
			edit:  restart(20*minute+20*second, 20*minute+50*second, "10.0.0.1:9400"),
			want:  []row{bridged("p", 0, hour, 1, hour, 43*second)},
		},
		"a new process that shows the very value of the old one is a new process": {
			holds: []hold{{uuid: "GPU-a", pod: "p", share: 1, from: 20*minute + 7*second, to: 2 * hour}},
			edit: func(s *scene) {
				s.processes = []process{
					{"10.0.0.1:9400", -5 * hour, 18*minute + 37*second},
					{"10.0.0.1:9400", 18*minute + 37*second, 19*minute + 22*second},
					{"10.0.0.1:9400", 19*minute + 37*second, 5 * hour}, // both counted 30 s unallocated
				}
			},
			want: []row{
				held("p", 20*minute+7*second, hour, 1, 39*minute+53*second),
				state(usage.Unallocated, 0, 20*minute+7*second, 19*minute+7*second),
				state(usage.Uncovered, 18*minute+7*second, 18*minute+37*second, 30*second),
				state(usage.Uncovered, 19*minute+7*second, 19*minute+37*second, 30*second),
			},
		},
		"three processes at the same value are three": {
			holds: []hold{{uuid: "GPU-a", pod: "p", share: 1, from: -hour, to: 2 * hour}},
			edit: func(s *scene) {
				s.processes = []process{
					{"10.0.0.1:9400", -5 * hour, 18 * minute},
					{"10.0.0.1:9400", 18*minute + 10*second, 18*minute + 40*second},
					{"10.0.0.1:9400", 18*minute + 40*second, 19*minute + 10*second},
					{"10.0.0.1:9400", 19*minute + 10*second, 5 * hour}, // each was seen after 27 s
				}
			},
			want: []row{bridged("p", 0, hour, 1, hour, 39*second)},
		},
		"a collector pod that is replaced under another address continues": {
			holds: []hold{{uuid: "GPU-a", pod: "p", share: 0.5, from: -hour, to: 2 * hour}},
			edit:  restart(20*minute+20*second, 20*minute+50*second, "10.0.0.99:9400"),
			want: []row{
				bridged("p", 0, hour, 0.5, hour/2, 21500),
				state(usage.Unallocated, 0, hour, hour/2-21500),
				state(usage.Uncovered, 20*minute+7*second, 20*minute+50*second, 21500),
			},
		},
		"a restart with another container behind it is not bridged": {
			holds: []hold{
				{uuid: "GPU-a", pod: "p", share: 1, from: -hour, to: 20*minute + 30*second},
				{uuid: "GPU-a", pod: "q", share: 1, from: 20*minute + 30*second, to: 2 * hour},
			},
			edit: restart(20*minute+20*second, 20*minute+50*second, "10.0.0.1:9400"),
			want: []row{
				held("p", 0, 20*minute+7*second, 1, 20*minute+7*second),
				held("q", 20*minute+50*second, hour, 1, 39*minute+10*second),
				state(usage.Uncovered, 20*minute+7*second, 20*minute+50*second, 43*second),
			},
		},
		"a share that changes while nobody counts is bridged at the smaller one": {
			holds: []hold{{uuid: "GPU-a", pod: "p", share: 1, from: -hour, to: 2 * hour, changed: 20*minute + 30*second, then: 0.25}},
			edit:  restart(20*minute+20*second, 20*minute+50*second, "10.0.0.1:9400"),
			want: []row{
				held("p", 0, 20*minute+7*second, 1, 20*minute+7*second),
				bridged("p", 20*minute+7*second, hour, 0.25, (39*minute+53*second)/4, 43*second/4),
				state(usage.Unallocated, 20*minute+50*second, hour, (39*minute+10*second)*3/4),
				state(usage.Uncovered, 20*minute+7*second, 20*minute+50*second, 43*second*3/4),
			},
		},
		"a collector that is away too long is not bridged": {
			holds: []hold{{uuid: "GPU-a", pod: "p", share: 1, from: -hour, to: 2 * hour}},
			edit:  restart(20*minute, 30*minute, "10.0.0.1:9400"),
			want: []row{
				held("p", 0, 19*minute+37*second, 1, 19*minute+37*second),
				held("p", 30*minute, hour, 1, 30*minute),
				state(usage.Uncovered, 19*minute+37*second, 30*minute, 10*minute+23*second),
			},
		},
		"a restart across the edge is cut at the edge": {
			holds: []hold{{uuid: "GPU-a", pod: "p", share: 1, from: -hour, to: 2 * hour}},
			edit:  restart(-30*second, 30*second, "10.0.0.1:9400"),
			want:  []row{bridged("p", 0, hour, 1, hour, 30*second)},
		},
		"a share that changes makes two segments": {
			holds: []hold{{uuid: "GPU-a", pod: "p", share: 1, from: -hour, to: 2 * hour, changed: 30 * minute, then: 0.25}},
			want: []row{
				held("p", 0, 30*minute, 1, 30*minute),
				held("p", 30*minute, hour, 0.25, 30*minute/4),
				state(usage.Unallocated, 29*minute+37*second, hour, 30*minute*3/4),
			},
		},
		"two replicas are one": {
			holds: []hold{{uuid: "GPU-a", pod: "p", share: 1, from: 10 * minute, to: 50 * minute}},
			edit: func(s *scene) {
				s.scrapers = append(s.scrapers, scraper{replica: "b", phase: -5*hour + 19*second, interval: 30 * second})
			},
			want: []row{
				held("p", 10*minute, 50*minute, 1, 40*minute),
				state(usage.Unallocated, 0, hour, 20*minute),
			},
		},
		"replicas fill each other's holes": {
			holds: []hold{{uuid: "GPU-a", pod: "p", share: 1, from: 10 * minute, to: 10*minute + 40*second}},
			edit: func(s *scene) {
				s.scrapers[0].lost = func(t int64) bool { return t > 5*minute && t < 55*minute }
				s.scrapers = append(s.scrapers, scraper{replica: "b", phase: -5*hour + 19*second, interval: 30 * second})
			},
			want: []row{
				held("p", 10*minute, 10*minute+40*second, 1, 40*second),
				state(usage.Unallocated, 0, hour, hour-40*second),
			},
		},
		"an edge that falls on a sample is the sample": {
			holds: []hold{{uuid: "GPU-a", pod: "p", share: 1, from: 0, to: hour}},
			edit:  func(s *scene) { s.scrapers[0].phase = -5 * hour },
			want:  []row{held("p", 0, hour, 1, hour)},
		},
		"a node that joins is absent before": {
			edit: func(s *scene) { s.processes[0].from = 15*minute + 500 },
			want: []row{
				state(usage.Absent, 0, 15*minute+500, 15*minute+500),
				state(usage.Unallocated, 15*minute+500, hour, 45*minute-500),
			},
		},
		"a node that the server saw go is absent after": {
			edit: func(s *scene) { s.processes[0].to = 15 * minute },
			want: []row{
				state(usage.Absent, 14*minute+37*second, hour, 45*minute+23*second),
				state(usage.Unallocated, 0, 14*minute+37*second, 14*minute+37*second),
			},
		},
		"a server that was down leaves the time uncovered": {
			holds: []hold{{uuid: "GPU-a", pod: "p", share: 1, from: -hour, to: 2 * hour}},
			edit: func(s *scene) {
				s.scrapers[0].lost = func(t int64) bool { return t > 40*minute }
			},
			want: []row{
				held("p", 0, 39*minute+37*second, 1, 39*minute+37*second),
				state(usage.Uncovered, 39*minute+37*second, hour, 20*minute+23*second),
			},
		},
		"without start times nothing is counted before the first sample": {
			holds: []hold{{uuid: "GPU-a", pod: "p", share: 1, from: 10 * minute, to: 2 * hour}},
			edit:  func(s *scene) { s.without = metric.ContainerStartTime.Name },
			want: []row{
				held("p", 10*minute+7*second, hour, 1, 50*minute-7*second),
				state(usage.Unallocated, 0, 10*minute+7*second, 10*minute),
				state(usage.Unattributed, 9*minute+37*second, hour, 7*second),
			},
			warn: 1, // the device knows better
		},
		"a container that came and went while nobody scraped is unattributed, not forgotten": {
			holds: []hold{{uuid: "GPU-a", pod: "p", share: 1, from: 22 * minute, to: 26 * minute}},
			edit: func(s *scene) {
				s.scrapers[0].lost = func(t int64) bool { return t >= 20*minute && t < 40*minute }
			},
			want: []row{
				state(usage.Unallocated, 0, hour, 56*minute),
				state(usage.Unattributed, 19*minute+37*second, 40*minute+7*second, 4*minute),
			},
			warn: 1,
		},
		"without shares an end is told from the growth": {
			holds: []hold{{uuid: "GPU-a", pod: "p", share: 0.5, from: 10 * minute, to: 20 * minute}},
			edit:  func(s *scene) { s.without = metric.ContainerShare.Name },
			want: []row{
				held("p", 10*minute, 20*minute, 0.5, 5*minute),
				state(usage.Unallocated, 0, hour, 55*minute),
			},
		},
		"a collector that is stuck counts nothing, and the time is uncovered": {
			holds: []hold{{uuid: "GPU-a", pod: "p", share: 0.5, from: -hour, to: 2 * hour}},
			edit:  func(s *scene) { s.stuck = [2]int64{20 * minute, 24 * minute} },
			want: []row{
				held("p", 0, hour, 0.5, 28*minute),
				state(usage.Unallocated, 0, hour, 28*minute),
				state(usage.Uncovered, 20*minute, 24*minute+7*second, 4*minute),
			},
		},
		"after an outage the share at the first sample tells what was held, not the days before": {
			holds: []hold{{uuid: "GPU-a", pod: "p", share: 0.5, from: -5 * hour, to: 2 * hour}},
			edit: func(s *scene) {
				s.stuck = [2]int64{-3 * hour, -2 * hour}
				s.scrapers[0].lost = func(t int64) bool { return t > -20*minute && t < 4*minute }
			},
			want: []row{
				held("p", 0, hour, 0.5, 30*minute),
				state(usage.Unallocated, 4*minute+7*second, hour, (hour-4*minute-7*second)/2),
				state(usage.Uncovered, 0, 4*minute+7*second, (4*minute+7*second)/2),
			},
		},
		"a start that is not scraped any more stays what it was": {
			holds: []hold{{uuid: "GPU-a", pod: "p", share: 1, from: 10 * minute, to: 2 * hour}},
			edit:  func(s *scene) { s.without, s.withoutAfter = metric.ContainerStartTime.Name, 30*minute },
			want:  []row{held("p", 10*minute, hour, 1, 50*minute), state(usage.Unallocated, 0, 10*minute+7*second, 10*minute)},
		},
		"without poll ages an end is what the end time says": {
			holds: []hold{{uuid: "GPU-a", pod: "p", share: 1, from: -hour, to: 30 * minute}},
			edit: func(s *scene) {
				s.without = metric.CollectorPollAge.Name
				s.scrapers[0].phase += 600
			},
			want: []row{
				held("p", 0, 30*minute, 1, 30*minute+600),
				state(usage.Unallocated, 29*minute+37600, hour, 30*minute-600),
			},
		},
		"without poll ages a share that changes is found to the second": {
			holds: []hold{{uuid: "GPU-a", pod: "p", share: 1, from: -hour, to: 2 * hour, changed: 30 * minute, then: 0.25}},
			edit: func(s *scene) {
				s.without = metric.CollectorPollAge.Name
				s.scrapers[0].phase += 600
			},
			want: []row{
				held("p", 0, 30*minute+600, 1, 30*minute+600),
				held("p", 30*minute+600, hour, 0.25, (30*minute-600)/4),
				state(usage.Unallocated, 29*minute+37600, hour, (30*minute-600)*3/4),
			},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sc := oneNode(test.holds...)
			if test.edit != nil {
				test.edit(&sc)
			}
			m := newMemory()
			sc.render(m)
			h := closed(t, m, 0, hour)
			if diff := cmp.Diff(test.want, rows(h), cmp.AllowUnexported(row{}), cmpopts.EquateApprox(0, 1e-12)); diff != "" {
				t.Errorf("segments (-want +got):\n%s", diff)
			}
			if len(h.Findings) != test.warn {
				t.Errorf("findings: %v", h.Findings)
			}
			checkCoverage(t, h)
		})
	}
}

// checkCoverage tells whether the parts are those of the segments.
func checkCoverage(t testing.TB, h usage.Hour) {
	t.Helper()
	var want usage.Coverage
	part := map[usage.State]*int64{
		usage.Allocated: &want.Allocated, usage.Unallocated: &want.Unallocated, usage.Unattributed: &want.Unattributed,
		usage.Unavailable: &want.Unavailable, usage.Uncovered: &want.Uncovered, usage.Absent: &want.Absent,
	}
	for _, s := range h.Segments {
		*part[s.State] += s.GPUMillis
		want.Estimated += s.EstimatedMillis
	}
	want.Expected, want.Late = h.Coverage.Expected, h.Coverage.Late // no segment says it
	want.Residue = want.Expected - want.Allocated - want.Unallocated - want.Unattributed - want.Unavailable - want.Uncovered
	if diff := cmp.Diff(want, h.Coverage); diff != "" {
		t.Errorf("coverage (-of the segments +of the hour):\n%s", diff)
	}
}

func TestSegmentsCarryWhereAndWho(t *testing.T) {
	t.Parallel()
	m := newMemory()
	oneNode(hold{uuid: "GPU-a", pod: "p", share: 1, from: -hour, to: 2 * hour}).render(m)
	h := closed(t, m, 0, hour)
	want := []usage.Segment{{
		Cluster: "c1", Node: "node-1", UUID: "GPU-a", Model: "NVIDIA H200",
		State: usage.Allocated, Namespace: "team", Pod: "p", PodUID: "uid-p", Container: "main",
		HeldFrom: t0, HeldTo: t0 + hour, Share: 1,
		GPUMillis: hour, ActiveMillis: hour / 2, IdleMillis: hour / 4, ObservedMillis: hour,
		MemoryByteSeconds: hour * 1e6, EnergyMillijoules: hour * 100,
	}}
	if diff := cmp.Diff(want, h.Segments); diff != "" {
		t.Errorf("segments (-want +got):\n%s", diff)
	}
	if h.Cluster != "c1" || h.Window != span(0, hour) || h.Source != "gputally" || h.Road != "memory" {
		t.Errorf("hour is of %q %v %q %q", h.Cluster, h.Window, h.Source, h.Road)
	}
}

func TestNodePools(t *testing.T) {
	t.Parallel()
	rule := func(c *gputally.Config) {
		c.NodePools = func(node, model string) string { return "rule:" + node + ":" + model }
	}
	label := func(c *gputally.Config) { c.NodePoolLabel = "label_pool" }
	labels := metric.Family{Name: "kube_node_labels"}
	tests := map[string]struct {
		fill func(m *memory)
		edit []func(*gputally.Config)
		want string
		warn bool
	}{
		"no rule and no label name none": {want: ""},
		"a rule names the pool":          {edit: []func(*gputally.Config){rule}, want: "rule:node-1:NVIDIA H200"},
		"a label goes before a rule":     {edit: []func(*gputally.Config){rule, label}, want: "blue", fill: func(m *memory) { m.add(t0, labels, 1, "node", "node-1", "label_pool", "blue") }},
		"a label that changes has the last": {edit: []func(*gputally.Config){label}, want: "green", fill: func(m *memory) {
			m.add(t0, labels, 1, "node", "node-1", "label_pool", "red")
			m.add(t0+minute, labels, 1, "node", "node-1", "label_pool", "green")
		}},
		"a label of another node is ignored":    {edit: []func(*gputally.Config){rule, label}, want: "rule:node-1:NVIDIA H200", fill: func(m *memory) { m.add(t0, labels, 1, "node", "node-2", "label_pool", "blue") }},
		"labels that are nowhere are a warning": {edit: []func(*gputally.Config){rule, label}, want: "rule:node-1:NVIDIA H200", warn: true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := newMemory()
			oneNode().render(m)
			if test.fill != nil {
				test.fill(m)
			}
			h := closed(t, m, 0, hour, test.edit...)
			if got := h.Segments[0].NodePool; got != test.want {
				t.Errorf("node pool %q, want %q", got, test.want)
			}
			if (len(h.Findings) > 0) != test.warn {
				t.Errorf("findings: %v", h.Findings)
			}
		})
	}
}

func TestAnHourWithoutSamples(t *testing.T) {
	t.Parallel()
	c, err := gputally.New(gputally.Config{Cluster: "c1", Reader: newMemory()})
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.Hour(context.Background(), span(0, hour))
	if !errors.Is(err, source.ErrNoData) {
		t.Fatalf("error %v, want ErrNoData", err)
	}
	for _, part := range []string{"2026-11-20T10:00:00Z", "c1", metric.CollectorStartTime.Name} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("error %q does not name %q", err, part)
		}
	}
	h := closed(t, newMemory(), 0, hour, func(c *gputally.Config) { c.AllowEmpty = true })
	if len(h.Segments) != 0 || h.Coverage != (usage.Coverage{}) {
		t.Errorf("empty hour is %+v", h)
	}
}

type broken struct{ err error }

func (broken) Road() string { return "memory" }

func (b broken) Read(context.Context, series.Query, func(series.Series) error) error { return b.err }

func TestAReadThatFailsIsNoHour(t *testing.T) {
	t.Parallel()
	cause := errors.New("boom")
	c, err := gputally.New(gputally.Config{Cluster: "c1", Reader: broken{cause}, AllowEmpty: true})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Hour(context.Background(), span(0, hour)); !errors.Is(err, cause) {
		t.Errorf("error %v, want %v", err, cause)
	}
}

func TestConfigThatCannotBe(t *testing.T) {
	t.Parallel()
	m := newMemory()
	for name, cfg := range map[string]gputally.Config{
		"no cluster":                      {Reader: m},
		"no reader":                       {Cluster: "c1"},
		"negative lookback":               {Cluster: "c1", Reader: m, Lookback: -1},
		"a bridge longer than lookahead":  {Cluster: "c1", Reader: m, MaxBridge: 301e9},
		"a bridge longer than a lookback": {Cluster: "c1", Reader: m, Lookback: 60e9},
	} {
		if _, err := gputally.New(cfg); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestTheOrderOfSeriesIsNothing(t *testing.T) {
	t.Parallel()
	m := newMemory()
	sc := oneNode(
		hold{uuid: "GPU-a", pod: "p", share: 0.5, from: -hour, to: 30 * minute},
		hold{uuid: "GPU-a", pod: "q", share: 0.25, from: 10 * minute, to: 2 * hour},
	)
	sc.processes = []process{{"10.0.0.1:9400", -5 * hour, 20 * minute}, {"10.0.0.2:9400", 21 * minute, 5 * hour}}
	sc.scrapers = append(sc.scrapers, scraper{replica: "b", phase: -5*hour + 19*second, interval: 30 * second})
	sc.render(m)
	want := closed(t, m, 0, hour)
	for seed := range uint64(20) {
		m.shuffle = rand.New(rand.NewPCG(seed, 1))
		if diff := cmp.Diff(want, closed(t, m, 0, hour)); diff != "" {
			t.Fatalf("seed %d (-want +got):\n%s", seed, diff)
		}
	}
	if !isSorted(want.Segments) {
		t.Error("segments are not in the order of Compare")
	}
}

func isSorted(s []usage.Segment) bool {
	for i := 1; i < len(s); i++ {
		if usage.Compare(s[i-1], s[i]) >= 0 {
			return false
		}
	}
	return true
}
