package attribution_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/gputally/gputally/collector/attribution"
	"github.com/gputally/gputally/collector/device"
)

func TestAClaimOfSeveralPodsIsDividedOnRequest(t *testing.T) {
	t.Parallel()
	sidecar := device.Holder{Namespace: "team", Pod: "p", PodUID: "uid-p", Container: "sidecar"}
	part := func(h device.Holder, share float64) device.Holding {
		return device.Holding{Holder: h, UUID: "GPU-a", Share: share}
	}
	for name, tc := range map[string]struct {
		holders device.Holders
		want    attribution.Result
	}{
		"between two pods": {
			device.Holders{Allocations: []device.Allocation{through("p", "main", claimed("c", "GPU-a")), through("q", "main", claimed("c", "GPU-a"))}},
			attribution.Result{Holdings: []device.Holding{part(pod("p"), 0.5), part(pod("q"), 0.5)}},
		},
		"between pods first, and then between containers": {
			device.Holders{Allocations: []device.Allocation{
				through("p", "main", claimed("c", "GPU-a")), through("p", "sidecar", claimed("c", "GPU-a")), through("q", "main", claimed("c", "GPU-a")),
			}},
			attribution.Result{Holdings: []device.Holding{part(pod("p"), 0.25), part(sidecar, 0.25), part(pod("q"), 0.5)}},
		},
		"the part of a pod that is not clear is nobody's": {
			device.Holders{
				Allocations: []device.Allocation{through("p", "main", claimed("c", "GPU-a"))},
				Withheld:    []device.Allocation{through("q", "main", claimed("c", "GPU-a"))},
			},
			attribution.Result{Holdings: []device.Holding{part(pod("p"), 0.5)}, Unattributed: map[string]float64{"GPU-a": 0.5}},
		},
		"a share among pods": {
			device.Holders{Allocations: []device.Allocation{
				through("p", "main", share("c", "half", "GPU-a")), through("q", "main", share("c", "half", "GPU-a")), through("r", "main", share("d", "quarter-1", "GPU-a")),
			}},
			attribution.Result{Holdings: []device.Holding{part(pod("p"), 0.25), part(pod("q"), 0.25), part(pod("r"), 0.25)}},
		},
		"a device id of two pods stays in dispute": {
			device.Holders{Allocations: []device.Allocation{holds("p", "GPU-a"), holds("q", "GPU-a")}},
			attribution.Result{Unattributed: map[string]float64{"GPU-a": 1}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := byCDI()
			cfg.SplitClaims = true
			got := attribution.New(cfg).Resolve(inventory(), tc.holders)
			if d := cmp.Diff(tc.want, got, cmpopts.EquateEmpty(), cmpopts.EquateApprox(0, 1e-12), withoutParts, withoutDisputes); d != "" {
				t.Errorf("-want +got\n%s", d)
			}
		})
	}
}

func TestContainersOfAPodDivideADeviceThatBothHave(t *testing.T) {
	t.Parallel()
	on := func(container string, ids ...string) device.Allocation {
		a := holds("p", ids...)
		a.Holder.Container = container
		return a
	}
	part := func(container, uuid string, share float64, sole bool) device.Holding {
		h := holding("p", uuid, share, sole)
		h.Holder.Container = container
		return h
	}
	for name, tc := range map[string]struct {
		holders device.Holders
		want    attribution.Result
	}{
		"two containers": {
			device.Holders{Allocations: []device.Allocation{on("main", "GPU-a"), on("proxy", "GPU-a")}},
			attribution.Result{Holdings: []device.Holding{part("main", "GPU-a", 0.5, false), part("proxy", "GPU-a", 0.5, false)}},
		},
		"three containers, of which one has another GPU, too": {
			device.Holders{Allocations: []device.Allocation{on("a", "GPU-a"), on("b", "GPU-a", "GPU-b"), on("c", "GPU-a")}},
			attribution.Result{Holdings: []device.Holding{
				part("a", "GPU-a", 1.0/3, false), part("b", "GPU-a", 1.0/3, false), part("c", "GPU-a", 1.0/3, false), part("b", "GPU-b", 1, true),
			}},
		},
		"a slot beside another pod's": {
			device.Holders{Allocations: []device.Allocation{on("main", "GPU-a::0"), on("proxy", "GPU-a::0"), holds("q", "GPU-a::1")}, Offered: offered(slots("GPU-a", 2)...)},
			attribution.Result{Holdings: []device.Holding{part("main", "GPU-a", 0.25, false), part("proxy", "GPU-a", 0.25, false), holding("q", "GPU-a", 0.5, false)}},
		},
		"a MIG instance": {
			device.Holders{Allocations: []device.Allocation{on("main", "MIG-3"), on("proxy", "MIG-3")}},
			attribution.Result{Holdings: []device.Holding{part("main", "GPU-m", 1.5/7, false), part("proxy", "GPU-m", 1.5/7, false)}},
		},
		"another pod has it, too": {
			device.Holders{Allocations: []device.Allocation{on("main", "GPU-a"), on("proxy", "GPU-a"), holds("q", "GPU-a")}},
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

func TestDisputesNamePodAndReason(t *testing.T) {
	t.Parallel()
	in := func(pod, uuid, reason string) device.Dispute {
		return device.Dispute{Namespace: "team", Pod: pod, UUID: uuid, Reason: reason}
	}
	for name, tc := range map[string]struct {
		holders device.Holders
		want    []device.Dispute
	}{
		"all is clear": {device.Holders{Allocations: []device.Allocation{holds("p", "GPU-a"), through("q", "main", claimed("c", "GPU-b"))}}, nil},
		"two pods name one claim": {
			device.Holders{Allocations: []device.Allocation{through("p", "main", claimed("c", "GPU-a")), through("q", "main", claimed("c", "GPU-a"))}},
			[]device.Dispute{in("p", "GPU-a", device.DisputeClaim), in("q", "GPU-a", device.DisputeClaim)},
		},
		"two pods have one device id": {
			device.Holders{Allocations: []device.Allocation{holds("p", "GPU-a"), holds("q", "GPU-a", "GPU-b")}},
			[]device.Dispute{in("p", "GPU-a", device.DisputePods), in("q", "GPU-a", device.DisputePods)},
		},
		"a pod is not clear": {
			device.Holders{Withheld: []device.Allocation{holds("p", "GPU-a")}},
			[]device.Dispute{in("p", "GPU-a", device.DisputeUID)},
		},
		"a share of unknown size takes its neighbour along": {
			device.Holders{Allocations: []device.Allocation{through("p", "main", share("c", "s-1", "GPU-a")), through("q", "main", share("d", "half", "GPU-a"))}},
			[]device.Dispute{in("p", "GPU-a", device.DisputeSize), in("q", "GPU-a", device.DisputeSize)},
		},
		"two claims are on one GPU, and one of them on another, too": {
			device.Holders{Allocations: []device.Allocation{through("p", "main", claimed("c", "GPU-a")), through("q", "main", claimed("d", "GPU-a", "GPU-b"))}},
			[]device.Dispute{in("p", "GPU-a", device.DisputeAdmin), in("q", "GPU-a", device.DisputeAdmin), in("q", "GPU-b", device.DisputeAdmin)},
		},
		"a GPU under a name that is not known": {
			device.Holders{Unknown: []device.Allocation{holds("p", "GPU-a", "nic-1")}},
			[]device.Dispute{in("p", "GPU-a", device.DisputeName)},
		},
		"a slot under a name that is not known is the GPU": {
			device.Holders{Unknown: []device.Allocation{holds("p", "GPU-a::0")}, Allocations: []device.Allocation{holds("q", "GPU-b")}},
			[]device.Dispute{in("p", "GPU-a", device.DisputeName)},
		},
		"a claim of a driver that is not known": {
			device.Holders{Unknown: []device.Allocation{through("p", "main", claimed("c", "GPU-a"))}},
			[]device.Dispute{in("p", "GPU-a", device.DisputeName)},
		},
		"a name that is not known, of a GPU that somebody has": {
			device.Holders{Unknown: []device.Allocation{holds("p", "GPU-a", "MIG-1", "GPU-m")}, Allocations: []device.Allocation{holds("q", "GPU-a", "MIG-3")}},
			[]device.Dispute{in("p", "GPU-m", device.DisputeName)}, // the instance that is free
		},
		"the whole and a slot of it": {
			device.Holders{Allocations: []device.Allocation{holds("p", "GPU-a"), holds("q", "GPU-a::0")}, Offered: offered(slots("GPU-a", 2)...)},
			[]device.Dispute{in("p", "GPU-a", device.DisputeOverlap), in("q", "GPU-a", device.DisputeOverlap)},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := attribution.New(byCDI()).Resolve(inventory(), tc.holders)
			if d := cmp.Diff(tc.want, got.Disputes, cmpopts.EquateEmpty()); d != "" {
				t.Errorf("-want +got\n%s", d)
			}
		})
	}
}
