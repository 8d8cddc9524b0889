//go:build real

package collector_test

import (
	"testing"

	"github.com/gputally/gputally/collector/kubelet/kubelettest"
	"github.com/gputally/gputally/collector/metric"
	"github.com/gputally/gputally/collector/nvml/nvmltest"
	"github.com/gputally/gputally/internal/collectortest"
)

// offering makes the device plugin offer these devices, and no others.
func offering(ids ...string) deed {
	return func(_ *testing.T, n *collectortest.Node) {
		n.Kubelet.SetAllocatable(kubelettest.Devices{Resource: "nvidia.com/gpu", IDs: ids})
	}
}

// reoffering is offering by a kubelet that restarts, which is asked again at once.
func reoffering(ids ...string) deed {
	return together(offering(ids...), func(_ *testing.T, n *collectortest.Node) {
		n.Kubelet.Stop()
		n.Kubelet.Run()
	})
}

// offerScenarios are about GPUs that the device plugin does not offer: nobody can
// have what is free of them.
func offerScenarios() map[string]scenario {
	both := nvmltest.Node(2)
	idle := func(gpu string) series { return of(&metric.DeviceSeconds, gpu, metric.StateUnallocated) }
	away := func(gpu string) series { return of(&metric.DeviceSeconds, gpu, metric.StateUnavailable) }
	held0, held1 := of(&metric.DeviceSeconds, gpu0, metric.StateAllocated), of(&metric.DeviceSeconds, gpu1, metric.StateAllocated)
	offers := func(first, second float64) []sight {
		return []sight{
			is(first, &metric.DeviceOffered, gpu0), is(second, &metric.DeviceOffered, gpu1),
			is(1, &metric.DeviceUp, gpu0), is(1, &metric.DeviceUp, gpu1),
		}
	}
	bothOffered := step{
		name: "both are offered, one is held", do: together(reoffering(gpu0, gpu1), held(podB)), shows: append(offers(1, 1), is(1, &metric.ContainerShare, onB...)),
		grows: []series{idle(gpu0), held1, of(seconds, onB...)}, stands: []series{away(gpu0), away(gpu1), idle(gpu1)},
	}
	slots := []string{gpu0 + "::0", gpu0 + "::1", gpu0 + "::2", gpu0 + "::3"}
	quarter := pod("a", slots[2])
	return map[string]scenario{
		"the device plugin no longer offers a free GPU, and then a held one": {
			driver: both, pods: []kubelettest.Pod{podB},
			steps: []step{bothOffered, {
				name: "the free one is not offered", do: offering(gpu1), shows: offers(0, 1),
				grows: []series{away(gpu0), held1}, stands: []series{idle(gpu0), away(gpu1)},
			}, {
				name: "neither is", do: reoffering(), shows: append(offers(0, 0), is(1, &metric.ContainerShare, onB...)),
				grows: []series{away(gpu0), held1, of(seconds, onB...)}, stands: []series{idle(gpu0), away(gpu1)},
			}, {
				name: "nobody holds one", do: held(), shows: append(offers(0, 0), has(&metric.ContainerEndTime, onB...)),
				grows: []series{away(gpu0), away(gpu1)}, stands: []series{idle(gpu0), idle(gpu1), held1},
			}, bothOffered},
		},
		"the device plugin never offers one of two GPUs": {
			driver: both, pods: []kubelettest.Pod{podA},
			steps: []step{{
				name: "the other one is offered", do: reoffering(gpu0), shows: offers(1, 0),
				grows: []series{held0, away(gpu1)}, stands: []series{idle(gpu0), idle(gpu1), away(gpu0)},
			}},
		},
		"the device plugin no longer offers the slots of a GPU": {
			driver: both,
			steps: []step{{
				name: "a quarter of it is held", do: together(reoffering(append(slots, gpu1)...), held(quarter)),
				shows: append(offers(1, 1), is(0.25, &metric.ContainerShare, onA...)), grows: []series{held0, idle(gpu0), idle(gpu1)}, stands: []series{away(gpu0)},
			}, {
				name: "it is not offered", do: reoffering(gpu1), shows: append(offers(0, 1), is(0.25, &metric.ContainerShare, onA...)),
				grows: []series{held0, away(gpu0), idle(gpu1), of(seconds, onA...)}, stands: []series{idle(gpu0), away(gpu1)},
			}},
		},
		"the device plugin offers devices by names that tell no GPU": {
			driver: both, pods: []kubelettest.Pod{podB},
			steps: []step{{
				name: "nobody knows which are offered", do: reoffering("0", "1"),
				shows: []sight{hasNo(&metric.DeviceOffered, gpu0), hasNo(&metric.DeviceOffered, gpu1), is(1, &metric.ContainerShare, onB...)},
				grows: []series{idle(gpu0), held1}, stands: []series{away(gpu0), away(gpu1)},
			}},
		},
	}
}
