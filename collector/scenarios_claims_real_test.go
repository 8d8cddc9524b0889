//go:build real

package collector_test

import (
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/gputally/gputally/collector/device"
	"github.com/gputally/gputally/collector/kubelet/kubelettest"
	"github.com/gputally/gputally/collector/metric"
	"github.com/gputally/gputally/collector/nvml/nvmltest"
	"github.com/gputally/gputally/internal/collectortest"
)

// claim is a ResourceClaim on whole GPUs by their numbers. The flags of claiming
// say which GPUs these are.
func claim(namespace, name string, gpus ...string) kubelettest.Claim {
	c := kubelettest.Claim{Namespace: namespace, Name: name, Driver: "gpu.nvidia.com", Pool: "node-1"}
	for _, g := range gpus {
		c.Devices = append(c.Devices, kubelettest.ClaimDevice{Name: g})
	}
	return c
}

// claiming is a pod with a container for each of the names, which all have the claim.
func claiming(namespace, name string, c kubelettest.Claim, containers ...string) kubelettest.Pod {
	p := kubelettest.Pod{Namespace: namespace, Name: name, UID: "uid-" + name}
	for _, of := range containers {
		p.Containers = append(p.Containers, kubelettest.Container{Name: of, Claims: []kubelettest.Claim{c}})
	}
	return p
}

// known are the GPUs of claims.
var known = []string{"--dra.device=gpu.nvidia.com/node-1/gpu-0=" + gpu0, "--dra.device=gpu.nvidia.com/node-1/gpu-1=" + gpu1}

// nameless is a container of a pod without UID.
func nameless(namespace, pod, container, uuid string) []string {
	return []string{namespace, pod, "", container, uuid}
}

// disputed says that a pod's hold on a GPU is in dispute.
func disputed(namespace, pod, uuid, reason string) sight {
	return is(1, &metric.CollectorDisputeInfo, namespace, pod, uuid, reason)
}

// claimScenarios are about ResourceClaims, and devices that several containers have.
func claimScenarios() map[string]scenario {
	both := nvmltest.Node(2)
	shared := claim("team", "one-for-all", "gpu-0")
	p, q := claiming("team", "p", shared, "main"), claiming("team", "q", shared, "main")
	third, watching := claiming("team", "third", shared, "main"), claiming("kube-system", "watch", claim("kube-system", "watch", "gpu-0", "gpu-1"), "main")
	onP, onQ := nameless("team", "p", "main", gpu0), nameless("team", "q", "main", gpu0)
	state := func(uuid, name string) series { return of(&metric.DeviceSeconds, uuid, name) }
	first := step{
		name:  "one pod has the claim",
		shows: []sight{is(1, &metric.ContainerShare, onP...), is(0, &metric.CollectorDisputes)},
		grows: []series{of(seconds, onP...), state(gpu0, metric.StateAllocated)},
	}
	again := then(first, "the other is gone", held(p))
	inDispute := step{
		name: "another names it", do: held(p, q),
		shows: []sight{
			is(2, &metric.CollectorDisputes), disputed("team", "p", gpu0, device.DisputeClaim), disputed("team", "q", gpu0, device.DisputeClaim),
			is(0, &metric.ContainerShare, onP...), hasNo(&metric.ContainerShare, onQ...),
		},
		grows:  []series{state(gpu0, metric.StateUnattributed)},
		stands: []series{of(seconds, onP...), state(gpu0, metric.StateAllocated)},
		log:    []line{logged(1, "not clear who holds", "pod=p", gpu0, "reason=shared_claim", "--dra.split-shared-claims"), logged(1, "not clear who holds", "pod=q", gpu0)},
	}
	all := map[string]scenario{
		"two pods name one claim": {driver: both, pods: []kubelettest.Pod{p}, flags: known, steps: []step{first, inDispute, again}},
		"two pods name one claim, and a third has another": {
			driver: both, pods: []kubelettest.Pod{p, q, claiming("team", "r", claim("team", "own", "gpu-1"), "main")}, flags: known,
			steps: []step{{
				name: "the third is charged",
				shows: []sight{
					is(2, &metric.CollectorDisputes), disputed("team", "p", gpu0, device.DisputeClaim),
					is(1, &metric.ContainerShare, nameless("team", "r", "main", gpu1)...),
				},
				grows: []series{state(gpu0, metric.StateUnattributed), state(gpu1, metric.StateAllocated)},
			}},
		},
		"three pods name one claim, and one after the other ends": {
			driver: both, pods: []kubelettest.Pod{p, q, third}, flags: known,
			steps: []step{
				{name: "three name it", shows: []sight{is(3, &metric.CollectorDisputes), disputed("team", "third", gpu0, device.DisputeClaim)}, grows: []series{state(gpu0, metric.StateUnattributed)}},
				{name: "two do", do: held(p, third), shows: []sight{is(2, &metric.CollectorDisputes), disputed("team", "third", gpu0, device.DisputeClaim)}, grows: []series{state(gpu0, metric.StateUnattributed)}},
				then(first, "one does", held(p)),
			},
		},
		"three pods name one claim, which is divided on request, and one ends": {
			driver: both, pods: []kubelettest.Pod{watching, p, q, third}, flags: append([]string{"--dra.split-shared-claims"}, known...),
			steps: []step{{
				name: "a third for each, and nothing for who looks on", shows: []sight{is(1.0/3, &metric.ContainerShare, onP...), is(1.0/3, &metric.ContainerShare, onQ...), is(1, &metric.CollectorAdminClaims)},
				grows: []series{state(gpu0, metric.StateAllocated), state(gpu1, metric.StateUnallocated)}, stands: []series{state(gpu0, metric.StateUnattributed)},
			}, {
				name: "a half for each", do: held(watching, p, third), shows: []sight{is(0.5, &metric.ContainerShare, onP...), has(&metric.ContainerEndTime, onQ...), is(0, &metric.CollectorDisputes)},
				grows: []series{of(seconds, onP...)}, stands: []series{of(seconds, onQ...), state(gpu0, metric.StateUnallocated)},
			}},
		},
		"two pods name one claim, which is divided on request": {
			driver: both, pods: []kubelettest.Pod{p}, flags: append([]string{"--dra.split-shared-claims"}, known...),
			steps: []step{first, {
				name: "another names it", do: held(p, q),
				shows:  []sight{is(0.5, &metric.ContainerShare, onP...), is(0.5, &metric.ContainerShare, onQ...), is(0, &metric.CollectorDisputes)},
				grows:  []series{of(seconds, onP...), of(seconds, onQ...), state(gpu0, metric.StateAllocated)},
				stands: []series{state(gpu0, metric.StateUnattributed), of(&metric.ContainerObservedSeconds, onP...)},
			}, then(first, "the other is gone", held(p))},
		},
		"pods with several containers name one claim, which is divided on request": {
			driver: both, pods: []kubelettest.Pod{claiming("team", "p", shared, "main", "sidecar"), q}, flags: append([]string{"--dra.split-shared-claims"}, known...),
			steps: []step{{
				name: "between pods first",
				shows: []sight{
					is(0.25, &metric.ContainerShare, onP...), is(0.25, &metric.ContainerShare, nameless("team", "p", "sidecar", gpu0)...), is(0.5, &metric.ContainerShare, onQ...),
				},
				grows: []series{of(seconds, onP...), of(seconds, onQ...), state(gpu0, metric.StateAllocated)},
			}},
		},
	}
	for _, more := range []map[string]scenario{commonDevices(), namelessClaims(), adminClaims()} {
		maps.Copy(all, more)
	}
	return all
}

// commonDevices are about a device that two containers of one pod have.
func commonDevices() map[string]scenario {
	gpus := func(ids ...string) []kubelettest.Devices {
		return []kubelettest.Devices{{Resource: "nvidia.com/gpu", IDs: ids}}
	}
	with := func(id string) kubelettest.Pod {
		return kubelettest.Pod{Namespace: "vision", Name: "a", UID: "uid-a", Containers: []kubelettest.Container{
			{Name: "main", Devices: gpus(id)}, {Name: "proxy", Devices: gpus(id)},
		}}
	}
	proxy := []string{"vision", "a", "uid-a", "proxy", gpu0}
	divided := func(share float64) step {
		return step{
			name:   "they divide it",
			shows:  []sight{is(share, &metric.ContainerShare, onA...), is(share, &metric.ContainerShare, proxy...), is(0, &metric.CollectorDisputes), is(0, &metric.CollectorAmbiguous)},
			grows:  []series{of(seconds, onA...), of(seconds, proxy...), of(&metric.DeviceSeconds, gpu0, metric.StateAllocated)},
			stands: []series{of(&metric.DeviceSeconds, gpu0, metric.StateUnattributed)},
		}
	}
	mig := nvmltest.Node(1)
	mig.GPUs[0].MIG, mig.GPUs[0].Utilization = 1, nvmltest.Fails(nvmltest.NotSupported)
	mig.GPUs[0].Instances = []nvmltest.Instance{{UUID: "MIG-1", Name: "NVIDIA H200 MIG 4g.71gb", GI: 1, GPUSlices: 4, ComputeSlices: 4, MemoryMiB: 71 << 10}}
	stranger := kubelettest.GPUs("vision", "b", "uid-b", gpu0)
	again := divided(0.5)
	again.do = held(with(gpu0))
	return map[string]scenario{
		"two containers of one pod have one GPU": {driver: nvmltest.Node(2), pods: []kubelettest.Pod{with(gpu0)}, steps: []step{divided(0.5), {
			name: "one of them ends", do: held(podA), shows: []sight{is(1, &metric.ContainerShare, onA...), has(&metric.ContainerEndTime, proxy...)},
			grows: []series{of(seconds, onA...)}, stands: []series{of(seconds, proxy...)},
		}}},
		"two containers of one pod have one MIG instance": {driver: mig, pods: []kubelettest.Pod{with("MIG-1")}, steps: []step{divided(2.0 / 7)}},
		"two containers of one pod have one GPU, and another pod, too": {driver: nvmltest.Node(2), pods: []kubelettest.Pod{with(gpu0), stranger}, steps: []step{{
			name:  "whose it is is not clear",
			shows: []sight{is(2, &metric.CollectorDisputes), hasNo(&metric.ContainerShare, onA...), hasNo(&metric.ContainerShare, proxy...)},
			grows: []series{of(&metric.DeviceSeconds, gpu0, metric.StateUnattributed)},
		}, again}},
	}
}

// allOf says that the container has all the time for which the GPU was held so far.
func allOf(uuid string, labels []string) sight {
	return sight{fmt.Sprintf("it has all the time that %s was held", uuid), func(s collectortest.Scrape) bool {
		held := s.Value(&metric.DeviceSeconds, uuid, metric.StateAllocated)
		return held > 0 && math.Abs(s.Value(seconds, labels...)-held) < 1e-6 && s.Value(&metric.DeviceSeconds, uuid, metric.StateUnattributed) == 0
	}}
}

// folder makes the log folder of a pod in namespace team.
func folder(pod, uid string) deed {
	return func(t *testing.T, n *collectortest.Node) {
		if err := os.MkdirAll(filepath.Join(n.Library+".pods", "team_"+pod+"_"+uid), 0o700); err != nil {
			t.Fatal(err)
		}
	}
}

// namelessClaims are about pods that hold claims only, of which the checkpoint knows
// nothing.
func namelessClaims() map[string]scenario {
	both := nvmltest.Node(2)
	state := func(uuid, name string) series { return of(&metric.DeviceSeconds, uuid, name) }
	p := claiming("team", "p", claim("team", "c", "gpu-0"), "main")
	next := claiming("team", "p", claim("team", "d", "gpu-1"), "main")
	two := claiming("team", "p", claim("team", "c", "gpu-0", "gpu-1"), "main", "sidecar")
	on := func(uid, container, uuid string) []string { return []string{"team", "p", uid, container, uuid} }
	without := on("", "main", gpu0)
	withFolders := append([]string{"--kubelet.pod-logs=LIBRARY.pods"}, known...)
	// waits is a pod whose UID may come to be known.
	waits := func(name string, do deed, uuid string) step {
		return step{
			name: name, do: do, shows: []sight{is(1, &metric.CollectorAmbiguous), is(0, &metric.CollectorDisputes), hasNo(seconds, on("", "main", uuid)...)},
			grows: []series{state(uuid, metric.StateAllocated)}, stands: []series{state(uuid, metric.StateUnattributed)},
		}
	}
	isKnown := func(name string, do deed, uid, uuid string) step {
		return step{
			name: name, do: do,
			shows: []sight{is(1, &metric.ContainerShare, on(uid, "main", uuid)...), allOf(uuid, on(uid, "main", uuid)), is(0, &metric.CollectorAmbiguous), hasNo(seconds, on("", "main", uuid)...)},
			grows: []series{of(seconds, on(uid, "main", uuid)...)},
		}
	}
	begins := together(folder("other", "uid-other"), held(p))
	return map[string]scenario{
		"a pod with a claim comes, and no source knows its UID": {driver: both, flags: known, steps: []step{{
			name: "it is booked at once", do: held(p), shows: []sight{is(1, &metric.ContainerShare, without...), allOf(gpu0, without), is(0, &metric.CollectorAmbiguous)}, grows: []series{of(seconds, without...)},
		}, {
			name: "it is gone", do: held(), shows: []sight{has(&metric.ContainerEndTime, without...), allOf(gpu0, without)}, stands: []series{of(seconds, without...)},
		}}},
		"a pod with a claim comes, and its UID later": {driver: both, flags: withFolders, steps: []step{
			waits("it is metered", begins, gpu0), isKnown("it has a folder", folder("p", "uid-p"), "uid-p", gpu0),
		}},
		"a pod with a claim goes on while a kubelet that restarted lists nothing": {driver: both, flags: withFolders, steps: []step{
			isKnown("it is metered", together(folder("p", "uid-p"), held(p)), "uid-p", gpu0),
			isKnown("it is not listed", restarted(), "uid-p", gpu0), isKnown("it is listed", listed(p), "uid-p", gpu0),
		}},
		"a pod with a claim is gone before its UID is known": {driver: both, flags: withFolders, steps: []step{
			waits("it is metered", begins, gpu0), {
				name: "it is gone", do: held(), shows: []sight{has(&metric.ContainerEndTime, without...), allOf(gpu0, without), is(0, &metric.CollectorAmbiguous)},
				grows: []series{state(gpu0, metric.StateUnallocated)}, stands: []series{of(seconds, without...)},
			},
		}},
		"a pod with a claim comes, and the folder of the former pod of its name is there": {driver: both, flags: withFolders, steps: []step{
			waits("the first is metered", begins, gpu0), isKnown("it has a folder", folder("p", "uid-1"), "uid-1", gpu0),
			waits("the second is metered", held(next), gpu1), isKnown("it has a folder, too", folder("p", "uid-2"), "uid-2", gpu1),
		}},
		"a pod with a claim on two GPUs in two containers comes, and its UID later": {driver: both, flags: withFolders, steps: []step{{
			name: "it is metered", do: together(folder("other", "uid-other"), held(two)), shows: []sight{is(2, &metric.CollectorAmbiguous), hasNo(seconds, without...)},
			grows: []series{state(gpu0, metric.StateAllocated), state(gpu1, metric.StateAllocated)},
		}, {
			name: "it has a folder", do: folder("p", "uid-p"),
			shows: []sight{
				is(0.5, &metric.ContainerShare, on("uid-p", "main", gpu0)...), is(0.5, &metric.ContainerShare, on("uid-p", "sidecar", gpu1)...), is(0, &metric.CollectorAmbiguous),
				{"both containers have all the time", func(s collectortest.Scrape) bool {
					return math.Abs(s.Value(seconds, on("uid-p", "main", gpu0)...)+s.Value(seconds, on("uid-p", "sidecar", gpu0)...)-s.Value(&metric.DeviceSeconds, gpu0, metric.StateAllocated)) < 1e-6
				}},
			},
		}}},
	}
}

// adminClaims are about claims with admin access, which the kubelet does not mark.
func adminClaims() map[string]scenario {
	both := nvmltest.Node(2)
	state := func(uuid, name string) series { return of(&metric.DeviceSeconds, uuid, name) }
	tenant := claiming("team", "p", claim("team", "c", "gpu-0"), "main")
	onTenant := nameless("team", "p", "main", gpu0)
	looking := func(namespace string) kubelettest.Pod {
		return claiming(namespace, "watch", claim(namespace, "watch-all", "gpu-0", "gpu-1"), "main")
	}
	// besides is a tenant with the first GPU, besides one who looks on in a namespace.
	besides := func(name string, do deed, namespace string, onTenant []string, log ...line) step {
		return step{
			name: name, do: do,
			shows: []sight{
				is(1, &metric.ContainerShare, onTenant...), hasNo(&metric.ContainerEndTime, onTenant...), is(1, &metric.CollectorAdminClaims), is(0, &metric.CollectorDisputes),
				hasNo(&metric.ContainerShare, nameless(namespace, "watch", "main", gpu0)...), hasNo(&metric.ContainerShare, nameless(namespace, "watch", "main", gpu1)...),
			},
			grows:  []series{of(seconds, onTenant...), state(gpu0, metric.StateAllocated), state(gpu1, metric.StateUnallocated)},
			stands: []series{state(gpu0, metric.StateUnattributed), state(gpu1, metric.StateUnattributed), state(gpu1, metric.StateAllocated)},
			log:    log,
		}
	}
	alone := func(name string, do deed, onTenant []string) step {
		return step{name: name, do: do, shows: []sight{is(1, &metric.ContainerShare, onTenant...), is(0, &metric.CollectorAdminClaims)}, grows: []series{of(seconds, onTenant...)}}
	}
	free := func(name string, do deed, more ...sight) step {
		return step{
			name: name, do: do, shows: append(more, is(1, &metric.CollectorAdminClaims), is(0, &metric.CollectorDisputes)),
			grows:  []series{state(gpu0, metric.StateUnallocated), state(gpu1, metric.StateUnallocated)},
			stands: []series{state(gpu0, metric.StateAllocated), state(gpu0, metric.StateUnattributed), state(gpu1, metric.StateAllocated)},
		}
	}
	flags := func(rules ...string) []string {
		all := known
		for _, r := range rules {
			all = append([]string{"--dra.admin-access=" + r}, all...)
		}
		return all
	}
	byRule := logged(1, "has admin access, by a rule", "watch-all")
	helps := func(rule string) line { return logged(1, "until a rule says which", "--dra.admin-access="+rule) }
	contested := step{
		name: "nobody knows which one looks on", do: held(tenant, looking("ops")),
		shows: []sight{
			disputed("team", "p", gpu0, device.DisputeAdmin), disputed("ops", "watch", gpu0, device.DisputeAdmin), disputed("ops", "watch", gpu1, device.DisputeAdmin),
			is(0, &metric.CollectorAdminClaims), hasNo(&metric.ContainerShare, nameless("ops", "watch", "main", gpu1)...),
		},
		grows:  []series{state(gpu0, metric.StateUnattributed), state(gpu1, metric.StateUnattributed)},
		stands: []series{of(seconds, onTenant...), state(gpu0, metric.StateAllocated)},
		log:    []line{helps("team/*"), helps("ops/*")},
	}
	same := claiming("team", "watch", claim("team", "watch-all", "gpu-0", "gpu-1"), "main")
	mig := nvmltest.Node(1)
	mig.GPUs[0].MIG, mig.GPUs[0].Utilization = 1, nvmltest.Fails(nvmltest.NotSupported)
	mig.GPUs[0].Instances = []nvmltest.Instance{{UUID: "MIG-1", Name: "NVIDIA H200 MIG 1g.18gb", GI: 1, GPUSlices: 1, ComputeSlices: 1, MemoryMiB: 18 << 10}}
	return map[string]scenario{
		"a claim looks on by a rule for its namespace": {driver: both, pods: []kubelettest.Pod{tenant}, flags: flags("ops"), steps: []step{
			alone("the tenant is there", nil, onTenant), besides("one looks on", held(tenant, looking("ops")), "ops", onTenant, byRule),
			alone("it is gone", held(tenant), onTenant),
		}},
		"a claim looks on by a rule for its name, before the tenant comes": {driver: both, pods: []kubelettest.Pod{looking("ops")}, flags: flags("none/*", "ops/watch-*"), steps: []step{
			free("the GPUs are free", nil), besides("a tenant comes", held(looking("ops"), tenant), "ops", onTenant, byRule), free("the tenant is gone", held(looking("ops")), has(&metric.ContainerEndTime, onTenant...)),
		}},
		"a claim in a namespace with another rule is held": {driver: both, pods: []kubelettest.Pod{tenant}, flags: flags("team/watch-*"), steps: []step{alone("it is the tenant's", nil, onTenant)}},
		"a claim looks on at what a device plugin gave away": {driver: both, pods: []kubelettest.Pod{podA}, flags: flags(), steps: []step{
			alone("the tenant is there", nil, onA),
			besides("one looks on", held(podA, looking("ops")), "ops", onA, logged(1, "Make that a rule", "claim=ops/watch-all", "--dra.admin-access=ops/*")),
			free("the tenant is gone", held(looking("ops")), has(&metric.ContainerEndTime, onA...)),
		}},
		"a claim looks on from a namespace of programs that do": {driver: both, pods: []kubelettest.Pod{tenant, looking("gpu-monitoring")}, flags: flags(), steps: []step{
			besides("both are there", nil, "gpu-monitoring", onTenant, logged(1, "Make that a rule", "--dra.admin-access=gpu-monitoring/*")),
			free("the tenant is gone", held(looking("gpu-monitoring")), has(&metric.ContainerEndTime, onTenant...)),
		}},
		"nobody knows which claim looks on": {driver: both, pods: []kubelettest.Pod{tenant}, flags: flags(), steps: []step{
			alone("the tenant is there", nil, onTenant), contested, alone("the other is gone", held(tenant), onTenant),
		}},
		"nobody knows which claim of one namespace looks on": {driver: both, pods: []kubelettest.Pod{tenant, same}, flags: flags(), steps: []step{{
			name:  "both are named",
			shows: []sight{disputed("team", "p", gpu0, device.DisputeAdmin), disputed("team", "watch", gpu1, device.DisputeAdmin)},
			log:   []line{helps("team/c"), helps("team/watch-all")},
		}}},
		"a claim looks on at a GPU that MIG has cut": {driver: mig, pods: []kubelettest.Pod{pod("a", "MIG-1")}, flags: flags(), steps: []step{{
			name: "the instance's holder goes on", do: held(pod("a", "MIG-1"), claiming("ops", "watch", claim("ops", "watch-all", "gpu-0"), "main")),
			shows: []sight{is(1.0/7, &metric.ContainerShare, onA...), is(1, &metric.CollectorAdminClaims), is(0, &metric.CollectorDisputes)},
			grows: []series{of(seconds, onA...), state(gpu0, metric.StateUnallocated)},
		}}},
	}
}
