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
	for _, more := range []map[string]scenario{commonDevices(), namelessClaims()} {
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
