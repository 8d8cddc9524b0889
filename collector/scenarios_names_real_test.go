//go:build real

package collector_test

import (
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

// nameScenarios are about names: which resources are GPUs.
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
	return map[string]scenario{
		"a GPU by its usual name":                   under("nvidia.com/gpu", metered),
		"a GPU by a name of its model":              under("nvidia.com/gpu-h200", metered),
		"a GPU by the name for virtual machines":    under("nvidia.com/GH100_H200_SXM_141GB", metered),
		"a GPU by a vendor's scheduler":             under("volcano.sh/vgpu-number", metered),
		"a GPU by a name that is set":               under("example.com/accelerator", metered, "--kubelet.resource=example.com/acc*"),
		"a GPU by a name that is not known":         under("example.com/accelerator", inDispute("example.com/accelerator")),
		"a GPU by another name of the usual prefix": under("nvidia.com/big", inDispute("nvidia.com/big")),
		"network cards of the usual prefix":         cards("nvidia.com/hostdev", "0000:3b:00.2", "0000:3b:00.3"),
		"many network cards of the usual prefix":    cards("nvidia.com/rdma_shared_device_a", "0", "1", "2", "3", "4", "5"),
		"devices of another kind":                   cards("example.com/nic", "nic-0", "nic-1"),
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
}
