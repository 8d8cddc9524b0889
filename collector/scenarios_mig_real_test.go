//go:build real

package collector_test

import (
	"syscall"

	"github.com/gputally/gputally/collector/kubelet/kubelettest"
	"github.com/gputally/gputally/collector/meter"
	"github.com/gputally/gputally/collector/metric"
	"github.com/gputally/gputally/collector/nvml/nvmltest"
)

// half is a MIG instance of 3 slices, the first or the second one.
func half(index int, uuid string) nvmltest.Instance {
	return nvmltest.Instance{
		Index: index, UUID: uuid, Name: "NVIDIA H200 MIG 3g.71gb", GI: int64(index) + 1,
		GPUSlices: 3, ComputeSlices: 3, MemoryMiB: 49152,
	}
}

// inParts is a node with one GPU, cut into these instances.
func inParts(instances ...nvmltest.Instance) nvmltest.Scenario {
	node := nvmltest.Node(1)
	node.GPUs[0].MIG, node.GPUs[0].Utilization, node.GPUs[0].Instances = 1, nvmltest.Fails(nvmltest.NotSupported), instances
	return node
}

// without makes a function fail on the first GPU, or on its MIG instances only.
func without(node nvmltest.Scenario, function string, code nvmltest.Code) nvmltest.Scenario {
	node.GPUs[0].Fails = map[string]nvmltest.Code{function: code}
	return node
}

// migScenarios are about MIG that is cut differently while the collector runs.
func migScenarios() map[string]scenario {
	state := func(name string) series { return of(&metric.DeviceSeconds, gpu0, name) }
	first, second := inParts(half(0, "MIG-a"), half(1, "MIG-b")), inParts(half(0, "MIG-c"), half(1, "MIG-d"))
	a, b, c := container("a", gpu0), container("b", gpu0), container("c", gpu0)
	onPartA, onPartB, onPartC := pod("a", "MIG-a"), pod("b", "MIG-b"), pod("c", "MIG-c")
	cut := step{
		name: "it is cut in two, and both parts are held",
		shows: []sight{
			is(3.0/7, &metric.ContainerShare, a...), is(3.0/7, &metric.ContainerShare, b...), is(0, &metric.CollectorUnresolved),
			is(1, &metric.MIGInstanceInfo, "MIG-a", gpu0, "3g.71gb"), is(0, &metric.MIGInstanceMemoryUsed, "MIG-a"),
		},
		grows:  []series{of(seconds, a...), of(seconds, b...), state(metric.StateAllocated), state(metric.StateUnallocated)},
		stands: []series{state(metric.StateUnattributed), state(metric.StateUnavailable)},
	}
	recut := step{
		name: "both are made again, and one is held", do: together(driven(second), held(onPartC)),
		shows: []sight{
			is(3.0/7, &metric.ContainerShare, c...), has(&metric.ContainerEndTime, a...), has(&metric.ContainerEndTime, b...), is(0, &metric.CollectorUnresolved),
			is(1, &metric.MIGInstanceInfo, "MIG-c", gpu0, "3g.71gb"), hasNo(&metric.MIGInstanceInfo, "MIG-a", gpu0, "3g.71gb"),
		},
		grows:  []series{of(seconds, c...), state(metric.StateAllocated), state(metric.StateUnallocated)},
		stands: []series{of(seconds, a...), of(seconds, b...), state(metric.StateUnattributed)},
	}
	resumed := then(recut, "both are made again, and it is resumed", recut.do)
	resumed.signal = syscall.SIGUSR2
	blind := without(inParts(half(0, "MIG-c"), half(1, "MIG-d")), "nvmlDeviceGetMigDeviceHandleByIndex", nvmltest.NoPermission)
	unlisted := step{
		name: "both are made again, one is held, and the process may not see them", do: together(driven(blind), held(onPartC)),
		shows: []sight{
			is(1, &metric.DeviceUp, gpu0), is(1, &metric.CollectorUnresolved), hasNo(seconds, c...),
			has(&metric.ContainerEndTime, a...), is(1, &metric.CollectorSourceUp, meter.SourceNVML),
		},
		grows:  []series{state(metric.StateUnattributed)},
		stands: []series{of(seconds, a...), of(seconds, b...), state(metric.StateAllocated), state(metric.StateUnallocated)},
		says:   []string{"ok", "nvml: answers, but for", "MIG instances can't be listed", "the process ends with code 4 in"},
		log:    []line{logged(1, "not all that it used to", gpu0, "MIG instances can't be listed")},
	}
	forbidden := inParts(half(0, "MIG-a"), half(1, "MIG-d"))
	forbidden.GPUs[0].Instances[1].MemoryUsed = nvmltest.Fails(nvmltest.NoPermission)
	ends := func(why string, do deed) step {
		return step{name: "it is cut differently, and the process may not see that", do: do, exit: 4, log: []line{logged(1, "gputally-collector: ", gpu0, why)}}
	}
	quick := []string{"--nvml.give-up=1s"}
	pods := []kubelettest.Pod{onPartA, onPartB}
	whole := step{
		name: "it is a whole GPU", shows: []sight{is(1, &metric.ContainerShare, onA...), hasNo(&metric.MIGInstanceInfo, "MIG-a", gpu0, "3g.71gb")},
		grows: []series{of(seconds, onA...), state(metric.StateAllocated)}, stands: []series{state(metric.StateUnallocated)},
	}
	parted := then(cut, "MIG is turned on, and it is cut in two", together(held(), driven(inParts()), driven(first), held(pods...)))
	return map[string]scenario{
		"MIG instances are made again with other UUIDs": {driver: first, pods: pods, steps: []step{cut, recut}},
		"MIG instances are made again under their holders": {driver: first, pods: pods, steps: []step{cut, {
			name: "the holders have what is gone", do: driven(second),
			shows:  []sight{is(2, &metric.CollectorUnresolved), has(&metric.ContainerEndTime, a...), has(&metric.ContainerEndTime, b...)},
			stands: []series{of(seconds, a...), of(seconds, b...), state(metric.StateAllocated)},
		}, recut}},
		"MIG instances are made again while the driver is released": {driver: first, pods: pods, steps: []step{
			cut, {name: "it is released", signal: syscall.SIGUSR1, shows: []sight{is(1, &metric.CollectorReleased)}, opens: closed}, resumed,
		}},
		"MIG is turned on and off": {driver: nvmltest.Node(1), pods: []kubelettest.Pod{podA}, steps: []step{
			whole, parted, then(whole, "MIG is turned off", together(held(), driven(nvmltest.Node(1)), held(podA))),
		}},
		"MIG instances that are made later can't be listed for a while": {driver: first, pods: pods, steps: []step{cut, unlisted, recut}},
		"MIG instances that are made later can't be listed for good":    {driver: first, pods: pods, flags: quick, steps: []step{cut, ends("MIG instances can't be listed", unlisted.do)}},
		"MIG is turned on, and its instances can't be listed": {
			driver: nvmltest.Node(1), pods: []kubelettest.Pod{podA}, flags: quick,
			steps: []step{whole, ends("MIG instances can't be listed", unlisted.do)},
		},
		"a MIG instance that is made later may not be read": {driver: first, pods: pods, flags: quick, steps: []step{cut, ends("MIG instance MIG-d may not be read", driven(forbidden))}},
		"MIG instances could never be listed": {
			driver: blind, pods: []kubelettest.Pod{onPartC}, flags: quick,
			steps: []step{{
				name:  "it goes on",
				shows: []sight{is(1, &metric.DeviceUp, gpu0), is(1, &metric.CollectorUnresolved), above(15, &metric.CollectorPolls)},
			}, {
				name: "they can be listed", do: driven(second),
				shows: []sight{is(3.0/7, &metric.ContainerShare, c...), is(0, &metric.CollectorUnresolved)}, grows: []series{of(seconds, c...)},
			}},
		},
		"a MIG instance could never be read": {
			driver: forbidden, pods: []kubelettest.Pod{onPartA, pod("d", "MIG-d")}, flags: quick,
			steps: []step{{
				name: "it goes on",
				shows: []sight{
					is(3.0/7, &metric.ContainerShare, a...), is(3.0/7, &metric.ContainerShare, container("d", gpu0)...),
					hasNo(&metric.ContainerMemoryUsed, container("d", gpu0)...), above(15, &metric.CollectorPolls),
				},
				grows: []series{of(seconds, a...), of(seconds, container("d", gpu0)...)},
			}},
		},
	}
}
