//go:build real

package collector_test

import (
	"strings"

	"github.com/gputally/gputally/collector/device"
	"github.com/gputally/gputally/collector/kubelet/kubelettest"
	"github.com/gputally/gputally/collector/metric"
	"github.com/gputally/gputally/collector/nvml/nvmltest"
)

// named is a pod that holds devices of a resource.
func named(name, resource string, ids ...string) kubelettest.Pod {
	return kubelettest.Pod{Namespace: "vision", Name: name, UID: "uid-" + name, Containers: []kubelettest.Container{
		{Name: "main", Devices: []kubelettest.Devices{{Resource: resource, IDs: ids}}},
	}}
}

// nameScenarios are about names and tables: which resources are GPUs, and into how many
// slices they are cut.
func nameScenarios() map[string]scenario {
	both := nvmltest.Node(2)
	state := func(uuid, name string) series { return of(&metric.DeviceSeconds, uuid, name) }
	notKnown := func(times int, name string) line { return logged(times, "not known as one of GPUs", name) }
	// under is a GPU that pod b holds under a name, besides pod a.
	under := func(resource string, st step, flags ...string) scenario {
		st.name = "they hold devices"
		st.shows = append(st.shows, is(1, &metric.ContainerShare, onA...))
		st.grows = append(st.grows, of(seconds, onA...), state(gpu0, metric.StateAllocated))
		return scenario{driver: both, pods: []kubelettest.Pod{podA, named("b", resource, gpu1)}, flags: flags, steps: []step{st}}
	}
	metered := step{
		shows: []sight{is(1, &metric.ContainerShare, onB...), is(0, &metric.CollectorUnresolved), is(0, &metric.CollectorDisputes)},
		grows: []series{of(seconds, onB...)}, log: []line{logged(0, "not known as one of GPUs")},
	}
	inDispute := func(name string) step {
		return step{
			shows:  []sight{is(0, &metric.CollectorUnresolved), disputed("vision", "b", gpu1, device.DisputeName), hasNo(&metric.ContainerShare, onB...)},
			grows:  []series{state(gpu1, metric.StateUnattributed)},
			stands: []series{state(gpu1, metric.StateUnallocated), state(gpu1, metric.StateAllocated)},
			log:    []line{logged(1, "not known as one of GPUs", "resource="+name, "flag=--kubelet.resource")},
		}
	}
	// cards is a node on which pod a holds network cards, too.
	cards := func(resource string, ids ...string) scenario {
		return scenario{
			driver: both, pods: []kubelettest.Pod{podA, named("b", resource, ids...)},
			steps: []step{{
				name:   "they are no GPUs",
				shows:  []sight{is(1, &metric.ContainerShare, onA...), is(0, &metric.CollectorUnresolved), is(0, &metric.CollectorDisputes)},
				grows:  []series{of(seconds, onA...), state(gpu1, metric.StateUnallocated)},
				stands: []series{state(gpu1, metric.StateUnattributed)},
				log:    []line{notKnown(1, resource), logged(0, "no known GPU")},
			}},
		}
	}
	all := map[string]scenario{
		"a GPU by its usual name":                     under("nvidia.com/gpu", metered),
		"a GPU by a name of its model":                under("nvidia.com/gpu-h200", metered),
		"a GPU by the name for virtual machines":      under("nvidia.com/GH100_H200_SXM_141GB", metered),
		"an old GPU by the name for virtual machines": under("nvidia.com/GM204GL_TESLA_M60", metered),
		"a GPU by a vendor's scheduler":               under("volcano.sh/vgpu-number", metered),
		"a GPU by a name that is set":                 under("example.com/accelerator", metered, "--kubelet.resource=example.com/acc*"),
		"a GPU by a name that is not known":           under("example.com/accelerator", inDispute("example.com/accelerator")),
		"a GPU by another name of the usual prefix":   under("nvidia.com/big", inDispute("nvidia.com/big")),
		"network cards of the usual prefix":           cards("nvidia.com/hostdev", "0000:3b:00.2", "0000:3b:00.3"),
		"many network cards of the usual prefix":      cards("nvidia.com/rdma_shared_device_a", "0", "1", "2", "3", "4", "5"),
		"devices of another kind":                     cards("example.com/nic", "nic-0", "nic-1"),
		"a GPU that nobody knows by the name for virtual machines": {
			driver: both, pods: []kubelettest.Pod{podA, named("b", "nvidia.com/pgpu", "17")},
			steps: []step{{
				name: "it is named", shows: []sight{is(1, &metric.ContainerShare, onA...), is(1, &metric.CollectorUnresolved), is(1, &metric.CollectorUnresolvedInfo, "17")},
				log: []line{logged(1, "no known GPU", "device=17")},
			}},
		},
		"a pod has a GPU by two names, of which one is not known": {
			driver: both, pods: []kubelettest.Pod{podA},
			steps: []step{{
				name: "the one that is known counts", do: held(func() kubelettest.Pod {
					p := kubelettest.GPUs("vision", "a", "uid-a", gpu0)
					p.Containers[0].Devices = append(p.Containers[0].Devices, kubelettest.Devices{Resource: "example.com/licence", IDs: []string{gpu0}})
					return p
				}()),
				shows: []sight{is(1, &metric.ContainerShare, onA...), is(0, &metric.CollectorDisputes)},
				grows: []series{of(seconds, onA...)}, log: []line{notKnown(1, "example.com/licence")},
			}},
		},
	}
	for name, sc := range sliceScenarios() {
		all[name] = sc
	}
	return all
}

// sliceScenarios are about the slices into which MIG cuts a GPU.
func sliceScenarios() map[string]scenario {
	cut := func(model string, slices int64, fails map[string]nvmltest.Code) nvmltest.Scenario {
		node := nvmltest.Node(1)
		g := &node.GPUs[0]
		g.Name, g.MIG, g.Slices, g.Fails, g.Utilization = model, 1, slices, fails, nvmltest.Fails(nvmltest.NotSupported)
		g.Instances = []nvmltest.Instance{{UUID: "MIG-1", Name: model + " MIG 1g.24gb", GI: 1, GPUSlices: 1, ComputeSlices: 1, MemoryMiB: 24 << 10}}
		return node
	}
	share := func(part float64, by nvmltest.Scenario) scenario {
		return scenario{driver: by, pods: []kubelettest.Pod{pod("a", "MIG-1")}, steps: []step{{
			name: "its part is known", shows: []sight{is(part, &metric.ContainerShare, onA...), is(0, &metric.CollectorDisputes)},
			grows: []series{of(seconds, onA...), of(&metric.DeviceSeconds, gpu0, metric.StateUnallocated)},
		}}}
	}
	profile := func(name string, slices int64) scenario {
		node := cut("NVIDIA H100 NVL", 7, nil)
		node.GPUs[0].Instances[0].Name, node.GPUs[0].Instances[0].ComputeSlices = "NVIDIA H100 NVL MIG "+name, slices
		sc := share(float64(slices)/7, node)
		sc.pods = []kubelettest.Pod{named("a", "nvidia.com/mig-"+strings.ReplaceAll(name, "+", "."), "MIG-1")}
		sc.steps[0].shows = append(sc.steps[0].shows, is(1, &metric.MIGInstanceInfo, "MIG-1", gpu0, name))
		return sc
	}
	noProfiles := map[string]nvmltest.Code{"nvmlDeviceGetGpuInstanceProfileInfo": nvmltest.NotSupported}
	tooMany := cut("NVIDIA A30", 4, nil)
	tooMany.GPUs[0].Instances[0].ComputeSlices = 7
	return map[string]scenario{
		"an instance has media extensions":                       profile("1g.12gb+me", 1),
		"an instance has a part of the slices only":              profile("1c.3g.47gb", 1),
		"an instance has a name that was never seen":             profile("2g.24gb+me.all-x", 2),
		"MIG cuts a GPU of a known model in seven":               share(1.0/7, cut("NVIDIA H200", 7, nil)),
		"MIG cuts a GPU of a new model in four":                  share(1.0/4, cut("NVIDIA X900", 4, nil)),
		"MIG cuts a GPU of a new model in two":                   share(1.0/2, cut("NVIDIA RTX PRO 7000", 2, nil)),
		"MIG cuts a GPU otherwise than others of its model":      share(1.0/7, cut("NVIDIA A30", 7, nil)),
		"MIG cuts a GPU, and the driver says only into how many": share(1.0/4, cut("NVIDIA A30", 4, noProfiles)),
		"MIG cuts a GPU, and an instance has more slices than all of it": {driver: tooMany, pods: []kubelettest.Pod{pod("a", "MIG-1")}, steps: []step{{
			name:  "it is nobody's",
			shows: []sight{disputed("vision", "a", gpu0, device.DisputeSize), hasNo(&metric.ContainerShare, onA...)},
			grows: []series{of(&metric.DeviceSeconds, gpu0, metric.StateUnattributed)},
			log:   []line{logged(1, "not clear who holds", "reason=unknown_size", gpu0)},
		}}},
	}
}
