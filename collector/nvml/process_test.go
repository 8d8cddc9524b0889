//go:build linux && cgo

package nvml_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gputally/gputally/collector/device"
	"github.com/gputally/gputally/collector/nvml"
	"github.com/gputally/gputally/collector/nvml/nvmltest"
)

func detail(pid int, memory, gi, ci int64) nvmltest.Process {
	return nvmltest.Process{PID: pid, Memory: memory, GI: gi, CI: ci}
}

func TestProcesses(t *testing.T) {
	isolated(t, nvmltest.Build, func(t *testing.T, w world) {
		fails := func(name string, code nvmltest.Code) map[string]nvmltest.Code {
			return map[string]nvmltest.Code{name: code}
		}
		onParts := func(g *nvmltest.GPU) {
			g.Compute, g.Graphics = []int{5, 3}, []int{4}
			g.Details = []nvmltest.Process{detail(3, gib, 9, 0), detail(4, -1, 2, 1), detail(5, 2*gib, 2, 0)}
		}
		parted := []device.Process{
			{PID: 3, Instance: "MIG-small", MemoryUsed: new(1.0 * gib)},
			{PID: 4, Instance: "MIG-part-b"},
			{PID: 5, Instance: "MIG-part-a", MemoryUsed: new(2.0 * gib)},
		}
		const (
			compute  = "nvmlDeviceGetComputeRunningProcesses_v3"
			graphics = "nvmlDeviceGetGraphicsRunningProcesses_v3"
			mps      = "nvmlDeviceGetMPSComputeRunningProcesses_v3"
		)
		s := w.source(t)
		for name, tc := range map[string]struct {
			change func(*nvmltest.GPU)
			want   []device.Process
			count  int
		}{
			"none": {func(*nvmltest.GPU) {}, []device.Process{}, 0},
			"in the order of their ids, each once": {
				func(g *nvmltest.GPU) {
					g.Compute, g.Graphics = []int{40, 7}, []int{40, 8}
					g.Details = []nvmltest.Process{detail(40, gib, -1, -1), detail(7, -1, -1, -1)}
				},
				[]device.Process{{PID: 7}, {PID: 8}, {PID: 40, MemoryUsed: new(1.0 * gib)}},
				3,
			},
			"clients of MPS": {
				func(g *nvmltest.GPU) { g.Compute, g.MPS = []int{10}, []int{11, 12} },
				[]device.Process{{PID: 10}, {PID: 11, Client: true}, {PID: 12, Client: true}},
				1,
			},
			"no graphics and no MPS": {
				func(g *nvmltest.GPU) {
					g.Compute = []int{10}
					g.Fails = map[string]nvmltest.Code{graphics: nvmltest.NotSupported, mps: nvmltest.NotFound}
				},
				[]device.Process{{PID: 10}},
				1,
			},
			"on MIG instances": {onParts, parted, 3},
			"on MIG instances, where the whole GPU answers the privileged only": {
				func(g *nvmltest.GPU) {
					onParts(g)
					g.Fails = map[string]nvmltest.Code{compute: nvmltest.NoPermission, mps: nvmltest.NoPermission}
					g.FailsWhole = true
				},
				parted, 3,
			},
			"on the only compute instance of a GPU instance": {
				func(g *nvmltest.GPU) { g.Compute, g.Details = []int{3}, []nvmltest.Process{detail(3, -1, 9, -1)} },
				[]device.Process{{PID: 3, Instance: "MIG-small"}},
				1,
			},
			"on one of two compute instances": {
				func(g *nvmltest.GPU) { g.Compute, g.Details = []int{3}, []nvmltest.Process{detail(3, -1, 2, -1)} },
				nil, 1,
			},
			"on a MIG instance that is not in the list": {
				func(g *nvmltest.GPU) { g.Compute, g.Details = []int{3, 4}, []nvmltest.Process{detail(3, -1, 5, 0)} },
				nil, 2,
			},
			"without a PID":                  {func(g *nvmltest.GPU) { g.Compute = []int{0, 4} }, nil, 2},
			"a list that can't be read":      {func(g *nvmltest.GPU) { g.Fails = fails(compute, nvmltest.Unknown) }, nil, -1},
			"half a list":                    {func(g *nvmltest.GPU) { g.Fails = fails(graphics, nvmltest.Unknown) }, nil, -1},
			"MPS fails, which may hide some": {func(g *nvmltest.GPU) { g.Compute, g.Fails = []int{10}, fails(mps, nvmltest.Unknown) }, nil, 1},
		} {
			t.Run(name, func(t *testing.T) {
				node := migNode()
				tc.change(&node.GPUs[0])
				w.play(t, node)
				got := one(t, s).Reading
				if diff := cmp.Diff(tc.want, got.Running); diff != "" || got.Processes != tc.count {
					t.Errorf("got %d processes, want %d (-want +got):\n%s", got.Processes, tc.count, diff)
				}
			})
		}
	})
}

func TestUtilizationOfProcesses(t *testing.T) {
	isolated(t, nvmltest.Build, func(t *testing.T, w world) {
		var c clock
		s := source(t, nvml.Config{LibraryPath: w.library, CallTimeout: time.Minute, Now: c.now})
		node := nvmltest.Node(1)
		g := &node.GPUs[0]
		g.Compute = []int{1, 2}
		at := 1000 * time.Hour
		samples := func(work ...nvmltest.Work) func() {
			return func() {
				at += time.Second
				g.Work = g.Work[:0]
				for _, e := range work {
					e.At += at
					g.Work = append(g.Work, e)
				}
			}
		}
		fails := func(code nvmltest.Code) func() {
			return func() { g.Fails = map[string]nvmltest.Code{"nvmlDeviceGetProcessUtilization": code} }
		}
		unknown := []*float64{nil, nil}
		idle := []*float64{new(0.0), new(0.0)}
		for _, step := range []struct {
			name string
			do   func()
			want []*float64
		}{
			{"an idle GPU", func() {}, idle},
			{"both", samples(nvmltest.Work{PID: 1, Percent: 30}, nvmltest.Work{PID: 2, Percent: 50}), []*float64{new(0.3), new(0.5)}},
			{"nothing new, an idle GPU", func() {}, idle},
			{"only one did something", samples(nvmltest.Work{PID: 2, Percent: 50}), []*float64{new(0.0), new(0.5)}},
			{"nothing new, but a busy GPU", func() { g.Utilization = 60 }, unknown},
			{"that goes on, as after a step of the driver's clock", func() { c.advance(3 * time.Second) }, unknown},
			{"so it is asked for all again: the answer is about the time before", func() {}, unknown},
			{"and goes on from there", samples(nvmltest.Work{PID: 1, Percent: 40}), []*float64{new(0.4), new(0.0)}},
			{
				"several samples, a stranger and one that is no percentage",
				samples(
					nvmltest.Work{PID: 1, At: 2 * time.Millisecond, Percent: 20}, nvmltest.Work{PID: 1, At: time.Millisecond, Percent: 10},
					nvmltest.Work{PID: 3, Percent: 7}, nvmltest.Work{PID: 2, Percent: 4000},
				),
				[]*float64{new(0.2), new(40.0)}, // bounds leaves it out
			},
			{"a time to come is left out", samples(nvmltest.Work{PID: 1, At: 1e6 * time.Hour, Percent: 90}, nvmltest.Work{PID: 2, Percent: 50}), []*float64{nil, new(0.5)}},
			{"a time that can't be yet is left out, too", samples(nvmltest.Work{PID: 2, At: time.Hour, Percent: 90}, nvmltest.Work{PID: 1, Percent: 20}), []*float64{new(0.2), nil}},
			{"a time to come besides a good one", samples(nvmltest.Work{PID: 1, At: time.Hour, Percent: 90}, nvmltest.Work{PID: 1, Percent: 20}), []*float64{new(0.2), new(0.0)}},
			{"later ones count", samples(nvmltest.Work{PID: 1, Percent: 10}, nvmltest.Work{PID: 2, Percent: 30}), []*float64{new(0.1), new(0.3)}},
			{"not supported", fails(nvmltest.NotSupported), unknown},
			{"not permitted", fails(nvmltest.NoPermission), unknown},
			{"supported after all: the first answer is about the time before", func() { g.Fails = nil }, unknown},
			{"then it goes on", samples(nvmltest.Work{PID: 1, Percent: 100}), []*float64{new(1.0), new(0.0)}},
			{"none since, utilization of the GPU not known", func() { g.Utilization = nvmltest.Fails(nvmltest.Unknown) }, unknown},
		} {
			step.do()
			c.advance(time.Second)
			w.play(t, node)
			var got []*float64
			for _, p := range one(t, s).Reading.Running {
				got = append(got, p.Utilization)
			}
			if diff := cmp.Diff(step.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", step.name, diff)
			}
		}
	})
}
