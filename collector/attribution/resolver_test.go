package attribution_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/gputally/gputally/collector/attribution"
	"github.com/gputally/gputally/collector/device"
)

const gpuResource = "nvidia.com/gpu"

// inventory has a whole GPU, another, one cut by MIG, and an A30 cut by MIG.
func inventory() device.Inventory {
	return device.Inventory{GPUs: []device.GPU{
		{UUID: "GPU-a", Model: "NVIDIA H200", Minor: 0},
		{UUID: "GPU-b", Model: "NVIDIA H200", Minor: 1},
		{UUID: "GPU-m", Model: "NVIDIA H100 80GB HBM3", Minor: 2, ComputeSlices: 7, MIG: []device.MIGInstance{
			{UUID: "MIG-3", Profile: "3g.40gb", GPUInstance: 1, ComputeSlices: 3},
			{UUID: "MIG-1", Profile: "1g.10gb", GPUInstance: 9, ComputeSlices: 1},
		}},
		{UUID: "GPU-s", Model: "NVIDIA A30", Minor: 3, ComputeSlices: 4, MIG: []device.MIGInstance{
			{UUID: "MIG-2", Profile: "2g.12gb", GPUInstance: 2, ComputeSlices: 2},
		}},
	}}
}

func pod(name string) device.Holder {
	return device.Holder{Namespace: "team", Pod: name, PodUID: "uid-" + name, Container: "main"}
}

func holds(name string, ids ...string) device.Allocation {
	return device.Allocation{Holder: pod(name), Resource: gpuResource, Devices: ids}
}

func slots(device string, n int) []string {
	ids := make([]string, n)
	for i := range ids {
		ids[i] = fmt.Sprintf("%s::%d", device, i)
	}
	return ids
}

func offered(ids ...string) map[string][]string { return map[string][]string{gpuResource: ids} }

func holding(name, uuid string, share float64, sole bool) device.Holding {
	return device.Holding{Holder: pod(name), UUID: uuid, Share: share, Sole: sole}
}

func TestResolve(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		holders device.Holders
		want    attribution.Result
	}{
		"nobody holds anything": {
			device.Holders{Offered: offered("GPU-a", "GPU-b")},
			attribution.Result{},
		},
		"a whole GPU is its holder's": {
			device.Holders{Allocations: []device.Allocation{holds("p", "GPU-a")}},
			attribution.Result{Holdings: []device.Holding{holding("p", "GPU-a", 1, true)}},
		},
		"two GPUs of one container are two holdings": {
			device.Holders{Allocations: []device.Allocation{holds("p", "GPU-b", "GPU-a")}},
			attribution.Result{Holdings: []device.Holding{holding("p", "GPU-a", 1, true), holding("p", "GPU-b", 1, true)}},
		},
		"a slot is one of those offered": {
			device.Holders{Allocations: []device.Allocation{holds("p", "GPU-a::2"), holds("q", "GPU-a::0", "GPU-a::1")}, Offered: offered(slots("GPU-a", 4)...)},
			attribution.Result{Holdings: []device.Holding{holding("p", "GPU-a", 0.25, false), holding("q", "GPU-a", 0.5, false)}},
		},
		"one slot of many is sole as long as nobody has another": {
			device.Holders{Allocations: []device.Allocation{holds("p", "GPU-a::2")}, Offered: offered(slots("GPU-a", 4)...)},
			attribution.Result{Holdings: []device.Holding{holding("p", "GPU-a", 0.25, true)}},
		},
		"all slots are the whole": {
			device.Holders{Allocations: []device.Allocation{holds("p", slots("GPU-a", 48)...)}, Offered: offered(slots("GPU-a", 48)...)},
			attribution.Result{Holdings: []device.Holding{holding("p", "GPU-a", 1, true)}},
		},
		"an unhealthy slot in between still counts": {
			device.Holders{Allocations: []device.Allocation{holds("p", "GPU-a::3")}, Offered: offered("GPU-a::0", "GPU-a::3")},
			attribution.Result{Holdings: []device.Holding{holding("p", "GPU-a", 0.25, true)}},
		},
		"a held slot beyond those offered is one of them": {
			device.Holders{Allocations: []device.Allocation{holds("p", "GPU-a::3")}, Offered: offered("GPU-a::0", "GPU-a::1")},
			attribution.Result{Holdings: []device.Holding{holding("p", "GPU-a", 0.5, true)}},
		},
		"more slots are held than offered": {
			device.Holders{Allocations: []device.Allocation{holds("p", "GPU-a::2"), holds("q", "GPU-a::0", "GPU-a::1")}, Offered: offered("GPU-a::0", "GPU-a::1")},
			attribution.Result{Holdings: []device.Holding{holding("p", "GPU-a", 1.0/3, false), holding("q", "GPU-a", 2.0/3, false)}},
		},
		"a slot is held of a GPU that is offered as a whole by now": {
			device.Holders{Allocations: []device.Allocation{holds("p", "GPU-a::3")}, Offered: offered("GPU-a")},
			attribution.Result{Holdings: []device.Holding{holding("p", "GPU-a", 1, true)}},
		},
		"a slot is held of a resource that has another name by now": {
			device.Holders{
				Allocations: []device.Allocation{holds("p", "GPU-a::3"), {Holder: pod("q"), Resource: "nvidia.com/gpu.shared", Devices: []string{"GPU-a::0"}}},
				Offered:     map[string][]string{"nvidia.com/gpu.shared": slots("GPU-a", 2)},
			},
			attribution.Result{Holdings: []device.Holding{holding("p", "GPU-a", 0.5, false), holding("q", "GPU-a", 0.5, false)}},
		},
		"a MIG instance is its slices of seven": {
			device.Holders{Allocations: []device.Allocation{holds("p", "MIG-3"), holds("q", "MIG-1")}},
			attribution.Result{Holdings: []device.Holding{holding("p", "GPU-m", 3.0/7, false), holding("q", "GPU-m", 1.0/7, false)}},
		},
		"an A30 has four slices": {
			device.Holders{Allocations: []device.Allocation{holds("p", "MIG-2")}},
			attribution.Result{Holdings: []device.Holding{holding("p", "GPU-s", 0.5, true)}},
		},
		"a slot of a MIG instance is a part of a part": {
			device.Holders{Allocations: []device.Allocation{holds("p", "MIG-3::1")}, Offered: offered(slots("MIG-3", 3)...)},
			attribution.Result{Holdings: []device.Holding{holding("p", "GPU-m", 1.0/7, true)}},
		},
		"two MIG instances of one container are one holding": {
			device.Holders{Allocations: []device.Allocation{holds("p", "MIG-3", "MIG-1")}},
			attribution.Result{Holdings: []device.Holding{holding("p", "GPU-m", 4.0/7, true)}},
		},
		"GKE names GPUs by minor number": {
			device.Holders{Allocations: []device.Allocation{holds("p", "nvidia1")}},
			attribution.Result{Holdings: []device.Holding{holding("p", "GPU-b", 1, true)}},
		},
		"GKE names slots by minor number": {
			device.Holders{Allocations: []device.Allocation{holds("p", "nvidia1/vgpu1")}, Offered: offered("nvidia1/vgpu0", "nvidia1/vgpu1")},
			attribution.Result{Holdings: []device.Holding{holding("p", "GPU-b", 0.5, true)}},
		},
		"GKE names MIG instances by GPU instance": {
			device.Holders{Allocations: []device.Allocation{holds("p", "nvidia2/gi1")}},
			attribution.Result{Holdings: []device.Holding{holding("p", "GPU-m", 3.0/7, true)}},
		},
		"the same allocation listed twice counts once": {
			device.Holders{Allocations: []device.Allocation{holds("p", "GPU-a"), holds("p", "GPU-a", "GPU-a")}},
			attribution.Result{Holdings: []device.Holding{holding("p", "GPU-a", 1, true)}},
		},
		"ids that no GPU answers to are unresolved, once and sorted": {
			device.Holders{Allocations: []device.Allocation{holds("p", "GPU-a", "GPU-x", "0000:3b:00.0"), holds("q", "nvidia7", "GPU-x")}},
			attribution.Result{
				Holdings:   []device.Holding{holding("p", "GPU-a", 1, true)},
				Unresolved: []string{"0000:3b:00.0", "GPU-x", "nvidia7"},
			},
		},
		"a whole GPU under two pods is nobody's": {
			device.Holders{Allocations: []device.Allocation{holds("p", "GPU-a"), holds("q", "GPU-a"), holds("q", "GPU-b")}},
			attribution.Result{Holdings: []device.Holding{holding("q", "GPU-b", 1, true)}, Unattributed: map[string]float64{"GPU-a": 1}},
		},
		"a whole GPU and a slot of it are nobody's": {
			device.Holders{Allocations: []device.Allocation{holds("p", "GPU-a"), holds("q", "GPU-a::0")}, Offered: offered(slots("GPU-a", 2)...)},
			attribution.Result{Unattributed: map[string]float64{"GPU-a": 1}},
		},
		"a slot under two pods is nobody's, the other slots stay": {
			device.Holders{Allocations: []device.Allocation{holds("p", "GPU-a::0"), holds("q", "GPU-a::0"), holds("r", "GPU-a::1")}, Offered: offered(slots("GPU-a", 4)...)},
			attribution.Result{Holdings: []device.Holding{holding("r", "GPU-a", 0.25, false)}, Unattributed: map[string]float64{"GPU-a": 0.25}},
		},
		"a GPU whose holder is withheld is nobody's": {
			device.Holders{Withheld: []device.Allocation{holds("p", "GPU-a")}, Ambiguous: 1},
			attribution.Result{Unattributed: map[string]float64{"GPU-a": 1}},
		},
		"a withheld neighbour ends sole possession": {
			device.Holders{Allocations: []device.Allocation{holds("p", "GPU-a::0")}, Withheld: []device.Allocation{holds("q", "GPU-a::1")}, Ambiguous: 1, Offered: offered(slots("GPU-a", 2)...)},
			attribution.Result{Holdings: []device.Holding{holding("p", "GPU-a", 0.5, false)}, Unattributed: map[string]float64{"GPU-a": 0.5}},
		},
		"a slot in dispute leaves the free ones free": {
			device.Holders{Allocations: []device.Allocation{holds("p", "GPU-a::0"), holds("q", "GPU-a::0")}, Offered: offered(slots("GPU-a", 4)...)},
			attribution.Result{Unattributed: map[string]float64{"GPU-a": 0.25}},
		},
		"a MIG instance in dispute is its slices": {
			device.Holders{Allocations: []device.Allocation{holds("p", "MIG-1")}, Withheld: []device.Allocation{holds("q", "MIG-3")}},
			attribution.Result{Holdings: []device.Holding{holding("p", "GPU-m", 1.0/7, false)}, Unattributed: map[string]float64{"GPU-m": 3.0 / 7}},
		},
		"a whole GPU and a slot of it in dispute are nobody's": {
			device.Holders{Allocations: []device.Allocation{holds("p", "GPU-a")}, Withheld: []device.Allocation{holds("q", "GPU-a::0")}, Offered: offered(slots("GPU-a", 4)...)},
			attribution.Result{Unattributed: map[string]float64{"GPU-a": 1}},
		},
		"a MIG instance by its old name": {
			device.Holders{Allocations: []device.Allocation{holds("p", "MIG-GPU-m/1/0"), holds("q", "MIG-GPU-m/8/0")}},
			attribution.Result{Holdings: []device.Holding{holding("p", "GPU-m", 3.0/7, true)}, Unresolved: []string{"MIG-GPU-m/8/0"}},
		},
		"one MIG instance by two names is one": {
			device.Holders{Allocations: []device.Allocation{holds("p", "MIG-3", "nvidia2/gi1", "nvidia2/gi1/ci0", "MIG-GPU-m/1/0")}},
			attribution.Result{Holdings: []device.Holding{holding("p", "GPU-m", 3.0/7, true)}},
		},
		"a slot of a MIG instance on GKE": {
			device.Holders{Allocations: []device.Allocation{holds("p", "nvidia2/gi1/vgpu0")}, Offered: offered("nvidia2/gi1/vgpu0", "nvidia2/gi1/vgpu1")},
			attribution.Result{Holdings: []device.Holding{holding("p", "GPU-m", 1.5/7, true)}},
		},
		"a replica of a plugin that assigns GPUs elsewhere is unresolved": {
			device.Holders{Allocations: []device.Allocation{holds("p", "GPU-a-3")}, Offered: offered("GPU-a-0", "GPU-a-3")},
			attribution.Result{Unresolved: []string{"GPU-a-3"}},
		},
		"a slot of a GPU that never offered any has no known size": {
			device.Holders{Allocations: []device.Allocation{holds("p", "GPU-a::0")}},
			attribution.Result{Unattributed: map[string]float64{"GPU-a": 1}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := attribution.New(attribution.Config{}).Resolve(inventory(), tc.holders)
			if d := cmp.Diff(tc.want, got, cmpopts.EquateEmpty(), cmpopts.EquateApprox(0, 1e-12), withoutParts, withoutDisputes); d != "" {
				t.Errorf("-want +got\n%s", d)
			}
		})
	}
}

// withoutParts leaves the MIG instances of a holding to the test of their own.
var withoutParts = cmpopts.IgnoreFields(device.Holding{}, "Parts")

// withoutDisputes leaves the reasons to the test of their own.
var withoutDisputes = cmpopts.IgnoreFields(attribution.Result{}, "Disputes", "Offered")

func TestPartsAreTheInstancesHeld(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		holders device.Holders
		want    [][]device.Part
	}{
		"a whole GPU has no parts": {
			device.Holders{Allocations: []device.Allocation{holds("p", "GPU-a")}}, [][]device.Part{nil},
		},
		"two instances of one GPU for two containers": {
			device.Holders{Allocations: []device.Allocation{holds("p", "MIG-3"), holds("q", "MIG-1")}},
			[][]device.Part{{{Instance: "MIG-3", Share: 3.0 / 7, Sole: true}}, {{Instance: "MIG-1", Share: 1.0 / 7, Sole: true}}},
		},
		"two instances of one GPU for one container": {
			device.Holders{Allocations: []device.Allocation{holds("p", "MIG-3", "MIG-1")}},
			[][]device.Part{{{Instance: "MIG-1", Share: 1.0 / 7, Sole: true}, {Instance: "MIG-3", Share: 3.0 / 7, Sole: true}}},
		},
		"slots of an instance for two containers": {
			device.Holders{
				Allocations: []device.Allocation{holds("p", "MIG-3::0", "MIG-3::1"), holds("q", "MIG-3::2")},
				Offered:     offered(slots("MIG-3", 3)...),
			},
			[][]device.Part{{{Instance: "MIG-3", Share: 2.0 / 7}}, {{Instance: "MIG-3", Share: 1.0 / 7}}},
		},
		"slots of an instance that are two resources": {
			device.Holders{
				Allocations: []device.Allocation{
					holds("p", "MIG-3::0"),
					{Holder: pod("p"), Resource: "nvidia.com/gpu.shared", Devices: []string{"MIG-3::0"}},
				},
				Offered: map[string][]string{gpuResource: slots("MIG-3", 3), "nvidia.com/gpu.shared": slots("MIG-3", 6)},
			},
			[][]device.Part{{{Instance: "MIG-3", Share: 1.0/7 + 0.5/7, Sole: true}}},
		},
		"GPU instances of several compute instances": {
			device.Holders{Allocations: []device.Allocation{holds("p", "nvidia4/gi1", "nvidia4/gi2")}},
			[][]device.Part{{{Share: 2.0 / 7}, {Share: 2.0 / 7}}},
		},
		"a slot beside one in dispute": {
			device.Holders{
				Allocations: []device.Allocation{holds("p", "MIG-3::0")}, Withheld: []device.Allocation{holds("q", "MIG-3::2")},
				Offered: offered(slots("MIG-3", 3)...),
			},
			[][]device.Part{{{Instance: "MIG-3", Share: 1.0 / 7}}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inv := inventory()
			pairs := device.GPU{UUID: "GPU-p", Model: "NVIDIA H200", Minor: 4, ComputeSlices: 7} // two instances of two
			for i := range 4 {
				pairs.MIG = append(pairs.MIG, device.MIGInstance{UUID: fmt.Sprintf("MIG-p%d", i), GPUInstance: 1 + i/2, ComputeInstance: i % 2, ComputeSlices: 1})
			}
			inv.GPUs = append(inv.GPUs, pairs)
			var got [][]device.Part
			for _, h := range attribution.New(attribution.Config{}).Resolve(inv, tc.holders).Holdings {
				got = append(got, h.Parts)
			}
			if d := cmp.Diff(tc.want, got, cmpopts.EquateApprox(0, 1e-12)); d != "" {
				t.Errorf("-want +got\n%s", d)
			}
		})
	}
}

func TestSlotsOfFailingGPUAreRemembered(t *testing.T) {
	t.Parallel()
	r := attribution.New(attribution.Config{})
	h := device.Holders{Allocations: []device.Allocation{holds("p", "GPU-a::1")}, Offered: offered(slots("GPU-a", 10)...)}
	want := []device.Holding{holding("p", "GPU-a", 0.1, true)}
	for name, offers := range map[string][]string{"it works": slots("GPU-a", 10), "it fails": slots("GPU-b", 10), "all fail": nil} {
		h.Offered = offered(append(slots("GPU-a", 10), slots("GPU-b", 10)...)...)
		r.Resolve(inventory(), h)
		h.Offered = offered(offers...)
		if d := cmp.Diff(want, r.Resolve(inventory(), h).Holdings); d != "" {
			t.Errorf("%s: -want +got\n%s", name, d)
		}
	}
}

// The device plugin is set to other numbers of slots while two pods run on; new
// ones come and take slots of the new numbers.
func TestSharesFollowTheNumberOfSlotsOffered(t *testing.T) {
	t.Parallel()
	r := attribution.New(attribution.Config{})
	two := []device.Allocation{holds("p", "GPU-a::0"), holds("q", "GPU-a::3")}
	four := append(two, holds("r", "GPU-a::1"), holds("s", "GPU-a::2"))
	for _, step := range []struct {
		name    string
		slots   int
		holders []device.Allocation
		want    float64
	}{
		{"four slots", 4, two, 1.0 / 4},
		{"two slots", 2, two, 1.0 / 2},
		{"two slots, and two more pods in them", 2, four, 1.0 / 4},
		{"two slots, as the two have ended", 2, two, 1.0 / 2},
		{"ten slots", 10, two, 1.0 / 10},
		{"ten slots for four", 10, four, 1.0 / 10},
		{"none, as the GPU fails", 0, four, 1.0 / 10},
		{"three slots for four", 3, four, 1.0 / 4},
	} {
		h := device.Holders{Allocations: step.holders, Offered: offered(slots("GPU-a", step.slots)...)}
		for _, got := range r.Resolve(inventory(), h).Holdings {
			if got.Share != step.want {
				t.Errorf("%s: %s has %v, want %v", step.name, got.Holder.Pod, got.Share, step.want)
			}
		}
	}
}

func TestSlotsOfVanishedInstanceAreForgotten(t *testing.T) {
	t.Parallel()
	r := attribution.New(attribution.Config{})
	h := device.Holders{Allocations: []device.Allocation{holds("p", "MIG-3::0")}, Offered: offered(slots("MIG-3", 4)...)}
	r.Resolve(inventory(), h)
	bare := inventory()
	bare.GPUs[2].MIG = nil
	r.Resolve(bare, device.Holders{})
	h.Offered = offered(slots("MIG-3", 2)...)
	want := []device.Holding{holding("p", "GPU-m", 1.5/7, true)}
	if d := cmp.Diff(want, r.Resolve(inventory(), h).Holdings, cmpopts.EquateApprox(0, 1e-12), withoutParts, withoutDisputes); d != "" {
		t.Errorf("-want +got\n%s", d)
	}
}

func TestAnInstanceOfAllSlicesIsTheWholeGPU(t *testing.T) {
	t.Parallel()
	inv := device.Inventory{GPUs: []device.GPU{{UUID: "GPU-m", Model: "NVIDIA H200", Minor: 0, ComputeSlices: 7, MIG: []device.MIGInstance{{UUID: "MIG-7", GPUInstance: 0, ComputeSlices: 7}}}}}
	for name, id := range map[string]string{
		"by its UUID":                      "MIG-7",
		"by the number of the first GPU":   "nvidia0/gi0",
		"by the number of both, by a file": "nvidia0/gi0/ci0",
	} {
		want := []device.Holding{holding("p", "GPU-m", 1, true)}
		got := attribution.New(attribution.Config{}).Resolve(inv, device.Holders{Allocations: []device.Allocation{holds("p", id)}})
		if d := cmp.Diff(want, got.Holdings, withoutParts, withoutDisputes); d != "" {
			t.Errorf("%s: -want +got\n%s", name, d)
		}
	}
}

func TestInstanceWithImpossibleSlicesIsNobodys(t *testing.T) {
	t.Parallel()
	for _, slices := range []int{0, -1, 8} {
		inv := inventory()
		inv.GPUs[2].MIG[0].ComputeSlices = slices
		got := attribution.New(attribution.Config{}).Resolve(inv, device.Holders{Allocations: []device.Allocation{holds("p", "MIG-3")}})
		if d := cmp.Diff(map[string]float64{"GPU-m": 1}, got.Unattributed); d != "" {
			t.Errorf("with %d slices: unattributed -want +got\n%s", slices, d)
		}
	}
}

func TestInstanceOfAGPUWhoseSlicesAreNotKnownIsNobodys(t *testing.T) {
	t.Parallel()
	inv := inventory()
	inv.GPUs[2].ComputeSlices = 0
	got := attribution.New(attribution.Config{}).Resolve(inv, device.Holders{Allocations: []device.Allocation{holds("p", "MIG-3")}})
	want := []device.Dispute{{Namespace: "team", Pod: "p", UUID: "GPU-m", Reason: device.DisputeSize}}
	if d := cmp.Diff(want, got.Disputes); d != "" || got.Unattributed["GPU-m"] != 1 {
		t.Errorf("unattributed %v, disputes -want +got\n%s", got.Unattributed, d)
	}
}

func TestGPUInstanceIsAllItsComputeInstances(t *testing.T) {
	t.Parallel()
	inv := device.Inventory{GPUs: []device.GPU{{UUID: "GPU-m", Model: "NVIDIA H200", Minor: 2, ComputeSlices: 7, MIG: []device.MIGInstance{
		{UUID: "MIG-x", GPUInstance: 1, ComputeInstance: 0, ComputeSlices: 1},
		{UUID: "MIG-y", GPUInstance: 1, ComputeInstance: 1, ComputeSlices: 2},
	}}}}
	r := attribution.New(attribution.Config{})
	for name, tc := range map[string]struct {
		holders device.Holders
		want    float64
	}{
		"the GPU instance":     {device.Holders{Allocations: []device.Allocation{holds("p", "nvidia2/gi1")}}, 3.0 / 7},
		"a slot of it":         {device.Holders{Allocations: []device.Allocation{holds("p", "nvidia2/gi1/vgpu0")}, Offered: offered("nvidia2/gi1/vgpu0", "nvidia2/gi1/vgpu1")}, 1.5 / 7},
		"one compute instance": {device.Holders{Allocations: []device.Allocation{holds("p", "MIG-y")}}, 2.0 / 7},
	} {
		want := []device.Holding{holding("p", "GPU-m", tc.want, true)}
		if d := cmp.Diff(want, r.Resolve(inv, tc.holders).Holdings, cmpopts.EquateApprox(0, 1e-12), withoutParts, withoutDisputes); d != "" {
			t.Errorf("%s: -want +got\n%s", name, d)
		}
	}
}
