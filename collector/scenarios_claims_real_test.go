//go:build real

package collector_test

import (
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
	for name, sc := range commonDevices() {
		all[name] = sc
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
	return map[string]scenario{
		"two containers of one pod have one GPU": {driver: nvmltest.Node(2), pods: []kubelettest.Pod{with(gpu0)}, steps: []step{divided(0.5), {
			name: "one of them ends", do: held(podA), shows: []sight{is(1, &metric.ContainerShare, onA...), has(&metric.ContainerEndTime, proxy...)},
			grows: []series{of(seconds, onA...)}, stands: []series{of(seconds, proxy...)},
		}}},
		"two containers of one pod have one MIG instance": {driver: mig, pods: []kubelettest.Pod{with("MIG-1")}, steps: []step{divided(2.0 / 7)}},
		"two containers of one pod have one GPU, and another pod, too": {driver: nvmltest.Node(2), pods: []kubelettest.Pod{with(gpu0)}, steps: []step{divided(0.5), {
			name: "whose it is is not clear", do: func(t *testing.T, n *collectortest.Node) { n.Kubelet.SetPods(with(gpu0), stranger) },
			shows: []sight{above(1, &metric.CollectorDisputes), is(0, &metric.ContainerShare, onA...), is(0, &metric.ContainerShare, proxy...)},
			grows: []series{of(&metric.DeviceSeconds, gpu0, metric.StateUnattributed)}, stands: []series{of(seconds, onA...)},
		}}},
	}
}
