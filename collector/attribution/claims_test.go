package attribution_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/gputally/gputally/collector/attribution"
	"github.com/gputally/gputally/collector/device"
)

// byCDI takes CDI names for device ids, and quarters for shares named so.
func byCDI() attribution.Config {
	return attribution.Config{
		Claims: func(c device.Claim) []string { return c.CDI },
		Portion: func(c device.Claim) float64 {
			return map[string]float64{"quarter-1": 0.25, "quarter-2": 0.25, "half": 0.5, "impossible": 1.5, "whole": 1, "rounding": 1e-9, "more": 1.1e-9}[c.ShareID]
		},
	}
}

func claimed(name string, ids ...string) device.Claim {
	return device.Claim{Namespace: "team", Name: name, Driver: "gpu.nvidia.com", Pool: "node-1", Device: "gpu-0", CDI: ids}
}

func share(name, id string, ids ...string) device.Claim {
	c := claimed(name, ids...)
	c.ShareID = id
	return c
}

func through(pod, container string, claims ...device.Claim) device.Allocation {
	return device.Allocation{Holder: device.Holder{Namespace: "team", Pod: pod, PodUID: "uid-" + pod, Container: container}, Claims: claims}
}

func TestResolveClaims(t *testing.T) {
	t.Parallel()
	sidecar := device.Holder{Namespace: "team", Pod: "p", PodUID: "uid-p", Container: "sidecar"}
	all := map[string]float64{"GPU-a": 1}
	for name, tc := range map[string]struct {
		holders device.Holders
		want    attribution.Result
	}{
		"a claim on a GPU": {
			device.Holders{Allocations: []device.Allocation{through("p", "main", claimed("c", "nvidia0"))}},
			attribution.Result{Holdings: []device.Holding{holding("p", "GPU-a", 1, true)}},
		},
		"a GPU that goes by two names is one": {
			device.Holders{Allocations: []device.Allocation{through("p", "main", claimed("c", "nvidia0", "GPU-a"))}},
			attribution.Result{Holdings: []device.Holding{holding("p", "GPU-a", 1, true)}},
		},
		"a device that is two GPUs": {
			device.Holders{Allocations: []device.Allocation{through("p", "main", claimed("c", "GPU-b", "GPU-a"))}},
			attribution.Result{Holdings: []device.Holding{holding("p", "GPU-a", 1, true), holding("p", "GPU-b", 1, true)}},
		},
		"a claim on a MIG instance": {
			device.Holders{Allocations: []device.Allocation{through("p", "main", claimed("c", "nvidia2/gi1/ci0"))}},
			attribution.Result{Holdings: []device.Holding{holding("p", "GPU-m", 3.0/7, true)}},
		},
		"containers of one pod divide their claim": {
			device.Holders{Allocations: []device.Allocation{through("p", "main", claimed("c", "GPU-a")), through("p", "sidecar", claimed("c", "GPU-a"))}},
			attribution.Result{Holdings: []device.Holding{
				holding("p", "GPU-a", 0.5, false),
				{Holder: sidecar, UUID: "GPU-a", Share: 0.5},
			}},
		},
		"two pods with one claim are in dispute": {
			device.Holders{Allocations: []device.Allocation{through("p", "main", claimed("c", "GPU-a")), through("q", "main", claimed("c", "GPU-a"))}},
			attribution.Result{Unattributed: all},
		},
		"two pods with a claim on a MIG instance leave its neighbour alone": {
			device.Holders{Allocations: []device.Allocation{
				through("p", "main", claimed("c", "MIG-1")), through("q", "main", claimed("c", "MIG-1")), through("r", "main", claimed("d", "MIG-3")),
			}},
			attribution.Result{Holdings: []device.Holding{holding("r", "GPU-m", 3.0/7, false)}, Unattributed: map[string]float64{"GPU-m": 1.0 / 7}},
		},
		"a pod with a claim is not clear, and neither is its neighbour's part": {
			device.Holders{Allocations: []device.Allocation{through("p", "main", claimed("c", "GPU-a"))}, Withheld: []device.Allocation{through("q", "main", claimed("c", "GPU-a"))}},
			attribution.Result{Unattributed: all},
		},
		"a claim whose holder is withheld": {
			device.Holders{Withheld: []device.Allocation{through("p", "main", claimed("c", "GPU-a"))}, Ambiguous: 1},
			attribution.Result{Unattributed: all},
		},
		"shares whose size is not known are nobody's": {
			device.Holders{Allocations: []device.Allocation{through("p", "main", share("c", "s-1", "GPU-a")), through("q", "main", share("d", "s-2", "GPU-a"))}},
			attribution.Result{Unattributed: all},
		},
		"one share whose size is not known is nobody's too": {
			device.Holders{Allocations: []device.Allocation{through("p", "main", share("c", "s-1", "GPU-a"))}},
			attribution.Result{Unattributed: all},
		},
		"a share of an impossible size is of no known size": {
			device.Holders{Allocations: []device.Allocation{through("p", "main", share("c", "impossible", "GPU-a"))}},
			attribution.Result{Unattributed: all},
		},
		"shares of a known size": {
			device.Holders{Allocations: []device.Allocation{
				through("p", "main", share("c", "quarter-1", "GPU-a")), through("q", "main", share("d", "half", "GPU-a")), through("p", "main", share("e", "quarter-2", "GPU-a")),
			}},
			attribution.Result{Holdings: []device.Holding{holding("p", "GPU-a", 0.5, false), holding("q", "GPU-a", 0.5, false)}},
		},
		"shares above the whole are nobody's": {
			device.Holders{Allocations: []device.Allocation{through("p", "main", share("c", "half", "GPU-a"), claimed("d", "GPU-a"))}},
			attribution.Result{Unattributed: all},
		},
		"shares above the whole by rounding are the whole": {
			device.Holders{Allocations: []device.Allocation{through("p", "main", share("c", "whole", "GPU-a"), share("d", "rounding", "GPU-a"))}},
			attribution.Result{Holdings: []device.Holding{holding("p", "GPU-a", 1, true)}},
		},
		"shares above the whole by more are nobody's": {
			device.Holders{Allocations: []device.Allocation{through("p", "main", share("c", "whole", "GPU-a"), share("d", "more", "GPU-a"))}},
			attribution.Result{Unattributed: all},
		},
		"a device that is not found is named": {
			device.Holders{Allocations: []device.Allocation{through("p", "main", claimed("c")), through("q", "main", claimed("d", "nvidia9"))}},
			attribution.Result{Unresolved: []string{"gpu.nvidia.com/node-1/gpu-0"}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := attribution.New(byCDI()).Resolve(inventory(), tc.holders)
			if d := cmp.Diff(tc.want, got, cmpopts.EquateEmpty(), cmpopts.EquateApprox(0, 1e-12), withoutParts, withoutDisputes); d != "" {
				t.Errorf("-want +got\n%s", d)
			}
		})
	}
}

func TestClaimsNeedAFinder(t *testing.T) {
	t.Parallel()
	got := attribution.New(attribution.Config{}).Resolve(inventory(), device.Holders{Allocations: []device.Allocation{through("p", "main", claimed("c", "GPU-a"))}})
	if d := cmp.Diff([]string{"gpu.nvidia.com/node-1/gpu-0"}, got.Unresolved); d != "" || len(got.Holdings) > 0 {
		t.Errorf("%+v, want one device unresolved", got)
	}
}
