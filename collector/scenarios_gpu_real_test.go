//go:build real

package collector_test

import (
	"time"

	"github.com/gputally/gputally/collector/kubelet/kubelettest"
	"github.com/gputally/gputally/collector/meter"
	"github.com/gputally/gputally/collector/metric"
	"github.com/gputally/gputally/collector/nvml/nvmltest"
)

// gpuScenarios are about single GPUs.
func gpuScenarios() map[string]scenario {
	both := nvmltest.Node(2)
	// The first GPU goes down in some way while the second one works on.
	down := func(reason string, change func(*nvmltest.GPU)) step {
		broken := nvmltest.Node(2)
		change(&broken.GPUs[0])
		return step{
			name: "it is down", do: driven(broken),
			shows: []sight{
				is(0, &metric.DeviceUp, gpu0), is(1, &metric.DeviceUp, gpu1), is(1, &metric.ContainerShare, onA...),
				hasNo(&metric.DeviceUtilization, gpu0), hasNo(&metric.ContainerMemoryUsed, onA...),
				is(1, &metric.CollectorSourceUp, meter.SourceNVML), is(0, &metric.CollectorSourceFailures, meter.SourceNVML),
				is(0, &metric.CollectorUnobservedSeconds),
			},
			grows:  []series{of(&metric.DeviceSeconds, gpu0, metric.StateUnavailable), of(seconds, onB...)},
			stands: []series{of(seconds, onA...), of(&metric.DeviceSeconds, gpu0, metric.StateAllocated), of(&metric.ContainerObservedSeconds, onA...)},
			log:    []line{logged(1, "GPU does not answer", gpu0, reason)},
		}
	}
	healed := then(bothHeld(), "it is back", driven(both), logged(1, "GPU answers again", gpu0))
	healed.stands = append(healed.stands, of(&metric.DeviceSeconds, gpu0, metric.StateUnavailable))
	failing := func(reason string, change func(*nvmltest.GPU)) scenario {
		return scenario{
			driver: both, pods: []kubelettest.Pod{podA, podB}, flags: []string{"--nvml.timeout=1s"},
			steps: []step{bothHeld(), down(reason, change), healed},
		}
	}
	hang := func(g *nvmltest.GPU) { g.Hang = time.Hour }
	one := nvmltest.Node(1)
	other := nvmltest.Node(2)
	other.GPUs = other.GPUs[1:]
	added := then(bothHeld(), "the second GPU is put in", together(driven(both), held(podA, podB)))
	added.shows = append(added.shows, is(1, &metric.DeviceInfo, gpu1, "node-1", "NVIDIA H200", "0000:0b:00.0"))
	return map[string]scenario{
		"a GPU is lost":                     failing("lost", func(g *nvmltest.GPU) { g.Error = nvmltest.Lost }),
		"a GPU is found lost by a reading":  failing("lost", func(g *nvmltest.GPU) { g.Power = nvmltest.Fails(nvmltest.Lost) }),
		"a GPU must be reset":               failing("reset required", func(g *nvmltest.GPU) { g.Error = nvmltest.ResetRequired }),
		"a call to a GPU returns after all": failing("driver call hangs", hang),
		"a call to a GPU hangs until the end": {
			driver: both, pods: []kubelettest.Pod{podA, podB}, flags: []string{"--nvml.timeout=1s"},
			steps: []step{bothHeld(), down("driver call hangs", hang)},
		},
		"a GPU is added": {
			driver: one, pods: []kubelettest.Pod{podA},
			steps: []step{{
				name:  "there is one",
				shows: []sight{is(1, &metric.DeviceUp, gpu0), is(1, &metric.ContainerShare, onA...), hasNo(&metric.DeviceSeconds, gpu1, metric.StateAllocated)},
				grows: []series{of(seconds, onA...)},
			}, added},
		},
		"a GPU is removed under its holder, and put back": {
			driver: both, pods: []kubelettest.Pod{podA, podB},
			steps: []step{bothHeld(), {
				name: "it is gone", do: driven(other),
				shows: []sight{
					hasNo(&metric.DeviceUp, gpu0), hasNo(&metric.DeviceInfo, gpu0, "node-1", "NVIDIA H200", "0000:0a:00.0"), is(1, &metric.DeviceUp, gpu1),
					is(0, &metric.ContainerShare, onA...), has(&metric.ContainerEndTime, onA...), is(1, &metric.CollectorUnresolved),
				},
				grows:  []series{of(seconds, onB...)},
				stands: []series{of(seconds, onA...), of(&metric.DeviceSeconds, gpu0, metric.StateAllocated), of(&metric.DeviceSeconds, gpu0, metric.StateUnavailable)},
				log:    []line{logged(1, "no known GPU", gpu0)},
			}, then(bothHeld(), "it is back", driven(both)), {
				name: "its holder goes on as the same", shows: []sight{hasNo(&metric.ContainerEndTime, onA...)},
			}},
		},
		"MIG is cut anew":                 recut(),
		"device ids have an unknown form": strangers(),
	}
}

// recut is a GPU whose MIG instances change, between its holders and under them.
func recut() scenario {
	mig := func(index int, uuid, profile string, slices int64) nvmltest.Instance {
		return nvmltest.Instance{
			Index: index, UUID: uuid, Name: "NVIDIA H200 MIG " + profile, GI: int64(index) + 1,
			GPUSlices: slices, ComputeSlices: slices, MemoryMiB: 16384 * slices,
		}
	}
	cut := func(instances ...nvmltest.Instance) nvmltest.Scenario {
		node := nvmltest.Node(1)
		node.GPUs[0].MIG, node.GPUs[0].Utilization, node.GPUs[0].Instances = 1, nvmltest.Fails(nvmltest.NotSupported), instances
		return node
	}
	first := cut(mig(0, "MIG-three", "3g.71gb", 3), mig(1, "MIG-four", "4g.71gb", 4))
	second := cut(mig(1, "MIG-four", "4g.71gb", 4), mig(2, "MIG-one", "1g.18gb", 1), mig(3, "MIG-two", "2g.35gb", 2))
	third := cut(mig(1, "MIG-four", "4g.71gb", 4))
	three, four, tiny := container("three", gpu0), container("four", gpu0), container("one", gpu0)
	onFour, onOne := pod("four", "MIG-four"), pod("one", "MIG-one")
	state := func(name string) series { return of(&metric.DeviceSeconds, gpu0, name) }
	return scenario{
		driver: first, pods: []kubelettest.Pod{pod("three", "MIG-three"), onFour},
		steps: []step{{
			name: "it is cut in two",
			shows: []sight{
				is(1, &metric.MIGInstanceInfo, "MIG-three", gpu0, "3g.71gb"), is(1, &metric.MIGInstanceInfo, "MIG-four", gpu0, "4g.71gb"),
				is(3.0/7, &metric.ContainerShare, three...), is(4.0/7, &metric.ContainerShare, four...),
			},
			grows:  []series{of(seconds, three...), of(seconds, four...), state(metric.StateAllocated)},
			stands: []series{state(metric.StateUnallocated), state(metric.StateUnattributed)},
		}, {
			name: "one part ended and is cut in two", do: together(held(onFour), driven(second), held(onFour, onOne)),
			shows: []sight{
				hasNo(&metric.MIGInstanceInfo, "MIG-three", gpu0, "3g.71gb"), is(1, &metric.MIGInstanceInfo, "MIG-one", gpu0, "1g.18gb"),
				is(0, &metric.ContainerShare, three...), has(&metric.ContainerEndTime, three...),
				is(4.0/7, &metric.ContainerShare, four...), is(1.0/7, &metric.ContainerShare, tiny...), is(0, &metric.CollectorUnresolved),
			},
			grows:  []series{of(seconds, four...), of(seconds, tiny...), state(metric.StateAllocated), state(metric.StateUnallocated)},
			stands: []series{of(seconds, three...), state(metric.StateUnattributed)},
		}, {
			name: "an instance is destroyed under its holder", do: driven(third),
			shows: []sight{
				hasNo(&metric.MIGInstanceInfo, "MIG-one", gpu0, "1g.18gb"), is(1, &metric.CollectorUnresolved),
				is(0, &metric.ContainerShare, tiny...), is(4.0/7, &metric.ContainerShare, four...),
			},
			grows:  []series{of(seconds, four...), state(metric.StateUnallocated)},
			stands: []series{of(seconds, three...), of(seconds, tiny...)},
			log:    []line{logged(1, "no known GPU", "MIG-one")},
		}, {
			name: "MIG is off, and the GPU is one again", do: together(held(podA), driven(nvmltest.Node(1))),
			shows: []sight{
				hasNo(&metric.MIGInstanceInfo, "MIG-four", gpu0, "4g.71gb"), is(0, &metric.CollectorUnresolved),
				is(1, &metric.ContainerShare, onA...), is(0, &metric.ContainerShare, four...),
			},
			grows:  []series{of(seconds, onA...), state(metric.StateAllocated)},
			stands: []series{of(seconds, four...), state(metric.StateUnallocated)},
		}},
	}
}

// strangers hold devices by ids that tell no GPU.
func strangers() scenario {
	used := nvmltest.Node(2)
	used.GPUs[0].Compute = []int{4711}
	return scenario{
		driver: used, pods: []kubelettest.Pod{pod("hami", "shared-0-of-4"), podB},
		steps: []step{{
			name: "the GPU that they use is nobody's",
			shows: []sight{
				is(1, &metric.CollectorUnresolved), is(1, &metric.CollectorUnresolvedInfo, "shared-0-of-4"),
				is(1, &metric.DeviceUp, gpu0), hasNo(seconds, container("hami", gpu0)...),
				is(1, &metric.ContainerShare, onB...),
			},
			grows:  []series{of(&metric.DeviceSeconds, gpu0, metric.StateUnattributed), of(seconds, onB...)},
			stands: []series{of(&metric.DeviceSeconds, gpu0, metric.StateUnallocated), of(&metric.DeviceSeconds, gpu0, metric.StateAllocated)},
			log:    []line{logged(1, "no known GPU", "shared-0-of-4")},
		}},
	}
}
