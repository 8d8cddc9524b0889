//go:build linux && cgo

package nvml_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/gputally/gputally/collector/device"
	"github.com/gputally/gputally/collector/nvml/nvmltest"
)

// migNode has one GPU cut into three, with gaps between the driver's indices.
func migNode() nvmltest.Scenario {
	node := nvmltest.Node(1)
	g := &node.GPUs[0]
	g.MIG, g.Utilization = 1, nvmltest.Fails(nvmltest.NotSupported)
	g.Instances = []nvmltest.Instance{
		{Index: 1, UUID: "MIG-small", Name: "NVIDIA H200 MIG 1g.18gb+me", GI: 9, CI: 0, GPUSlices: 1, ComputeSlices: 1, MemoryMiB: 16384},
		{Index: 3, UUID: "MIG-part-b", Name: "NVIDIA H200 MIG 1c.3g.71gb", GI: 2, CI: 1, GPUSlices: 3, ComputeSlices: 1, MemoryMiB: 71424},
		{Index: 6, UUID: "MIG-part-a", Name: "NVIDIA H200 MIG 2c.3g.71gb", GI: 2, CI: 0, GPUSlices: 3, ComputeSlices: 2, MemoryMiB: 71424},
	}
	return node
}

func TestMIGInstances(t *testing.T) {
	isolated(t, nvmltest.Build, func(t *testing.T, w world) {
		s := w.source(t)
		all := []device.MIGInstance{
			{UUID: "MIG-part-a", Profile: "2c.3g.71gb", GPUInstance: 2, ComputeInstance: 0, ComputeSlices: 2},
			{UUID: "MIG-part-b", Profile: "1c.3g.71gb", GPUInstance: 2, ComputeInstance: 1, ComputeSlices: 1},
			{UUID: "MIG-small", Profile: "1g.18gb+me", GPUInstance: 9, ComputeInstance: 0, ComputeSlices: 1},
		}
		for _, step := range []struct {
			name   string
			change func(*nvmltest.GPU)
			want   []device.MIGInstance
		}{
			{"no instance while MIG is off", func(g *nvmltest.GPU) { g.MIG = 0 }, nil},
			{"sorted by GPU instance and compute instance", func(*nvmltest.GPU) {}, all},
			{
				"a name without a profile: composed of the attributes",
				func(g *nvmltest.GPU) {
					for i := range g.Instances {
						g.Instances[i].Name = "NVIDIA H200"
					}
				},
				[]device.MIGInstance{
					{UUID: "MIG-part-a", Profile: "2c.3g.71gb", GPUInstance: 2, ComputeInstance: 0, ComputeSlices: 2},
					{UUID: "MIG-part-b", Profile: "1c.3g.71gb", GPUInstance: 2, ComputeInstance: 1, ComputeSlices: 1},
					{UUID: "MIG-small", Profile: "1g.18gb", GPUInstance: 9, ComputeInstance: 0, ComputeSlices: 1},
				},
			},
			{
				"no attributes: slices by the profile",
				func(g *nvmltest.GPU) {
					for i := range g.Instances {
						g.Instances[i].ComputeSlices = nvmltest.Fails(nvmltest.NotSupported)
					}
				},
				all,
			},
			{
				"a list that breaks off is not taken for instances destroyed",
				func(g *nvmltest.GPU) { g.Instances[1].GI = nvmltest.Fails(nvmltest.Unknown) },
				all,
			},
			{
				"a mode that can't be read is not taken for MIG switched off",
				func(g *nvmltest.GPU) { g.MIG = nvmltest.Fails(nvmltest.Unknown) },
				all,
			},
			{"an instance destroyed is gone", func(g *nvmltest.GPU) { g.Instances = g.Instances[:1] }, all[2:]},
		} {
			t.Run(step.name, func(t *testing.T) {
				node := migNode()
				step.change(&node.GPUs[0])
				w.play(t, node)
				g := one(t, s)
				if diff := cmp.Diff(step.want, g.MIG, cmpopts.IgnoreFields(device.MIGInstance{}, "Reading")); diff != "" {
					t.Errorf("instances (-want +got):\n%s", diff)
				}
				if !g.Reading.Up || g.Reading.Utilization != nil {
					t.Errorf("got up %v, utilization %v; want up, unknown", g.Reading.Up, g.Reading.Utilization)
				}
			})
		}
	})
}

func TestSlicesOfAGPUComeFromTheDriver(t *testing.T) {
	isolated(t, nvmltest.Build, func(t *testing.T, w world) {
		const profiles = "nvmlDeviceGetGpuInstanceProfileInfo"
		failing := map[string]nvmltest.Code{profiles: nvmltest.Unknown}
		s := w.source(t)
		for _, step := range []struct {
			name   string
			change func(*nvmltest.GPU)
			want   int
		}{
			{"unknown while MIG is off", func(g *nvmltest.GPU) { g.MIG = 0 }, 0},
			{"neither can be read", func(g *nvmltest.GPU) { g.Slices, g.Fails = nvmltest.Fails(nvmltest.Unknown), failing }, 0},
			{"two, whatever the model", func(g *nvmltest.GPU) { g.Slices = 2 }, 2},
			{"another GPU of another number", func(g *nvmltest.GPU) { g.UUID, g.Slices = "GPU-other", 4 }, 4},
			{"they are remembered", func(g *nvmltest.GPU) {
				g.UUID, g.Slices, g.Fails = "GPU-other", nvmltest.Fails(nvmltest.Unknown), failing
			}, 4},
			{"no profiles: as many as there can be instances", func(g *nvmltest.GPU) { g.UUID, g.Slices, g.Fails = "GPU-third", 6, failing }, 6},
			{"a number that can't be", func(g *nvmltest.GPU) { g.UUID, g.Slices, g.Fails = "GPU-fourth", 1000, failing }, 0},
		} {
			t.Run(step.name, func(t *testing.T) {
				node := migNode()
				step.change(&node.GPUs[0])
				w.play(t, node)
				if got := one(t, s).ComputeSlices; got != step.want {
					t.Errorf("%d slices, want %d", got, step.want)
				}
			})
		}
	})
}

func TestTheResultIsTheCallers(t *testing.T) {
	isolated(t, nvmltest.Build, func(t *testing.T, w world) {
		w.play(t, migNode())
		s := w.source(t)
		first := one(t, s)
		want := first.MIG[0].UUID
		first.MIG[0].UUID = "scribbled over"
		node := migNode()
		node.GPUs[0].Error = nvmltest.Lost // so that the list is the one remembered
		w.play(t, node)
		if got := one(t, s).MIG[0].UUID; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}
