package attribution_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/gputally/gputally/collector/attribution"
	"github.com/gputally/gputally/collector/device"
)

// in puts claims into another namespace.
func in(namespace string, a device.Allocation) device.Allocation {
	a.Holder.Namespace = namespace
	for i := range a.Claims {
		a.Claims[i].Namespace = namespace
	}
	return a
}

func TestClaimsWithAdminAccessHoldNothing(t *testing.T) {
	t.Parallel()
	claim := func(namespace, name string) device.ClaimName {
		return device.ClaimName{Namespace: namespace, Name: name}
	}
	// looks is a pod that is on two GPUs and the first one's MIG instances' parent.
	looks := func(namespace string) device.Allocation {
		return in(namespace, through("w", "main", claimed("watch", "GPU-a", "GPU-b", "GPU-m")))
	}
	all := func(uuids ...string) map[string]float64 {
		m := map[string]float64{}
		for _, uuid := range uuids {
			m[uuid] = 1
		}
		return m
	}
	for name, tc := range map[string]struct {
		holders []device.Allocation
		want    attribution.Result
	}{
		"by a rule": {
			[]device.Allocation{looks("ops"), through("p", "main", claimed("c", "GPU-a"))},
			attribution.Result{Holdings: []device.Holding{holding("p", "GPU-a", 1, true)}, Admins: []device.ClaimName{claim("ops", "watch")}},
		},
		"by a rule, on free GPUs": {
			[]device.Allocation{looks("ops")},
			attribution.Result{Admins: []device.ClaimName{claim("ops", "watch")}},
		},
		"by a rule, of which no GPU is known": {
			[]device.Allocation{in("ops", through("w", "main", claimed("watch", "GPU-x")))},
			attribution.Result{Admins: []device.ClaimName{claim("ops", "watch")}},
		},
		"on what a device plugin gave to others": {
			[]device.Allocation{looks("any"), holds("p", "GPU-a"), holds("q", "MIG-1")},
			attribution.Result{
				Holdings: []device.Holding{holding("p", "GPU-a", 1, true), holding("q", "GPU-m", 1.0/7, true)},
				Admins:   []device.ClaimName{claim("any", "watch")},
			},
		},
		"in a namespace of programs that look on": {
			[]device.Allocation{looks("cluster-monitoring"), through("p", "main", claimed("c", "GPU-a")), through("q", "main", claimed("d", "MIG-3"))},
			attribution.Result{
				Holdings: []device.Holding{holding("p", "GPU-a", 1, true), holding("q", "GPU-m", 3.0/7, true)},
				Admins:   []device.ClaimName{claim("cluster-monitoring", "watch")},
			},
		},
		"two of them, besides a tenant": {
			[]device.Allocation{looks("monitoring"), looks("gpu-operator"), through("p", "main", claimed("c", "GPU-a"))},
			attribution.Result{
				Holdings: []device.Holding{holding("p", "GPU-a", 1, true)},
				Admins:   []device.ClaimName{claim("gpu-operator", "watch"), claim("monitoring", "watch")},
			},
		},
		"a claim alone is no reason, whatever its namespace": {
			[]device.Allocation{in("monitoring", through("p", "main", claimed("c", "GPU-a")))},
			attribution.Result{Holdings: []device.Holding{{Holder: device.Holder{Namespace: "monitoring", Pod: "p", PodUID: "uid-p", Container: "main"}, UUID: "GPU-a", Share: 1, Sole: true}}},
		},
		"nobody knows which one of two": {
			[]device.Allocation{looks("other"), through("p", "main", claimed("c", "GPU-a"))},
			attribution.Result{Unattributed: all("GPU-a", "GPU-b", "GPU-m"), Contested: []device.ClaimName{claim("other", "watch"), claim("team", "c")}},
		},
		"nobody knows, and a neighbour has a part of a GPU of its own": {
			[]device.Allocation{
				through("p", "main", claimed("c", "MIG-3")), through("q", "main", claimed("d", "MIG-3")), through("r", "main", claimed("e", "MIG-1")),
			},
			attribution.Result{
				Holdings: []device.Holding{holding("r", "GPU-m", 1.0/7, false)}, Unattributed: map[string]float64{"GPU-m": 6.0 / 7},
				Contested: []device.ClaimName{claim("team", "c"), claim("team", "d")},
			},
		},
		"shares of one device are not contested": {
			[]device.Allocation{through("p", "main", share("c", "half", "GPU-a")), through("q", "main", share("d", "quarter-1", "GPU-a"))},
			attribution.Result{Holdings: []device.Holding{holding("p", "GPU-a", 0.5, false), holding("q", "GPU-a", 0.25, false)}},
		},
		"one claim on two GPUs is not contested": {
			[]device.Allocation{through("p", "main", claimed("c", "GPU-a")), through("p", "main", claimed("c", "GPU-b"))},
			attribution.Result{Holdings: []device.Holding{holding("p", "GPU-a", 1, true), holding("p", "GPU-b", 1, true)}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := byCDI()
			cfg.Admin = func(n device.ClaimName) bool { return strings.HasPrefix(n.Namespace, "ops") }
			got := attribution.New(cfg).Resolve(inventory(), device.Holders{Allocations: tc.holders})
			if d := cmp.Diff(tc.want, got, cmpopts.EquateEmpty(), cmpopts.EquateApprox(0, 1e-12), withoutParts, withoutDisputes); d != "" {
				t.Errorf("-want +got\n%s", d)
			}
		})
	}
}

func TestAClaimThatLooksOnDoesSoWhileItIsListed(t *testing.T) {
	t.Parallel()
	r := attribution.New(byCDI())
	looks := through("w", "main", claimed("watch", "GPU-a", "GPU-b"))
	for _, step := range []struct {
		name    string
		holders []device.Allocation
		want    int // holdings
	}{
		{"nobody else is there", []device.Allocation{looks}, 2},
		{"a device plugin gave one GPU away", []device.Allocation{looks, holds("p", "GPU-a")}, 1},
		{"that is over", []device.Allocation{looks}, 0},
		{"it is gone", nil, 0},
		{"another one of its name", []device.Allocation{looks}, 2},
	} {
		if got := r.Resolve(inventory(), device.Holders{Allocations: step.holders}).Holdings; len(got) != step.want {
			t.Errorf("%s: %d holdings, want %d: %+v", step.name, len(got), step.want, got)
		}
	}
}
