//go:build real

package collector_test

import (
	"maps"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/gputally/gputally/collector/collectortest"
	"github.com/gputally/gputally/collector/kubelet/kubelettest"
	"github.com/gputally/gputally/collector/meter"
	"github.com/gputally/gputally/collector/metric"
	"github.com/gputally/gputally/collector/nvml/nvmltest"
)

// What the scenarios look at again and again: pod a on the first GPU, pod b on
// the second.
var (
	seconds = &metric.ContainerAllocatedSeconds
	podA    = pod("a", gpu0)
	podB    = pod("b", gpu1)
	onA     = container("a", gpu0)
	onB     = container("b", gpu1)
)

// The real binary lives through whatever may happen to the driver, the GPUs and
// the kubelet, and /metrics tells of it.
func TestWhatMayHappenToANode(t *testing.T) {
	t.Parallel()
	all := map[string]scenario{}
	maps.Insert(all, maps.All(driverScenarios()))
	maps.Insert(all, maps.All(gpuScenarios()))
	maps.Insert(all, maps.All(kubeletScenarios()))
	for name, sc := range all {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sc.play(t)
		})
	}
}

// bothHeld is where most scenarios begin.
func bothHeld() step {
	return step{
		name: "both GPUs are held",
		shows: []sight{
			is(1, &metric.DeviceUp, gpu0), is(1, &metric.DeviceUp, gpu1),
			is(1, &metric.ContainerShare, onA...), is(1, &metric.ContainerShare, onB...),
			is(1, &metric.CollectorSourceUp, meter.SourceNVML), is(1, &metric.CollectorSourceUp, meter.SourceKubelet),
			is(0, &metric.CollectorUnresolved),
		},
		grows:  []series{of(seconds, onA...), of(seconds, onB...), of(&metric.DeviceSeconds, gpu0, metric.StateAllocated)},
		stands: []series{of(&metric.DeviceSeconds, gpu0, metric.StateUnallocated)},
	}
}

// driverScenarios are about the driver as a whole.
func driverScenarios() map[string]scenario {
	busy := nvmltest.Node(1)
	busy.GPUs[0].Utilization, busy.GPUs[0].MemoryUsed, busy.GPUs[0].Compute = 50, 3<<30, []int{4711}
	mute := nvmltest.Node(1)
	unsupported := nvmltest.Fails(nvmltest.NotSupported)
	m := &mute.GPUs[0]
	m.Utilization, m.MemoryTotal, m.Power, m.Temperature, m.Energy = unsupported, unsupported, unsupported, unsupported, unsupported
	stuck, unloaded, upgraded := nvmltest.Node(2), nvmltest.Node(2), nvmltest.Node(2)
	stuck.CountHang = time.Hour
	unloaded.Init, unloaded.CountError = nvmltest.DriverNotLoaded, nvmltest.DriverNotLoaded
	upgraded.Driver, upgraded.CUDA = "590.44.01", 13010
	noDriver := step{
		shows: []sight{
			is(0, &metric.CollectorSourceUp, meter.SourceNVML), is(1, &metric.CollectorSourceUp, meter.SourceKubelet),
			above(4, &metric.CollectorSourceFailures, meter.SourceNVML), is(0, &metric.CollectorSourceFailures, meter.SourceKubelet),
			is(1, &metric.NodeInfo, "node-1", "", "", "kubelet", "none"),
			hasNo(&metric.DeviceUp, gpu0), hasNo(&metric.DeviceInfo, gpu0, "node-1", "NVIDIA H200", "0000:0a:00.0"),
		},
		grows: []series{of(&metric.CollectorSourceFailures, meter.SourceNVML)},
	}
	// What was seen last is charged for max-gap and no longer.
	goes := func(name string, do deed, log ...line) step {
		st := noDriver
		st.name, st.do, st.log = name, do, log
		st.shows = append([]sight{above(0, &metric.CollectorUnobservedSeconds)}, st.shows...)
		st.grows = append([]series{of(&metric.CollectorUnobservedSeconds)}, st.grows...)
		st.stands = []series{of(seconds, onA...), of(&metric.DeviceSeconds, gpu0, metric.StateAllocated)}
		return st
	}
	absent := noDriver
	absent.name = "there is no library"
	absent.log = []line{logged(1, "peer=nvml", "does not answer", ".later")}
	return map[string]scenario{
		"an old driver lacks functions": {
			library: nvmltest.BuildOld, driver: busy, pods: []kubelettest.Pod{podA},
			steps: []step{{
				name: "what it can tell is metered",
				shows: []sight{
					is(1, &metric.DeviceUp, gpu0), is(1, &metric.NodeInfo, "node-1", "580.95.05", "13.0", "kubelet", "none"),
					is(0.5, &metric.DeviceUtilization, gpu0), is(3<<30+600<<20, &metric.DeviceMemoryUsed, gpu0), // with what the driver reserves
					is(1, &metric.CollectorSourceUp, meter.SourceNVML), is(0, &metric.CollectorSourceFailures, meter.SourceNVML),
					is(1, &metric.ContainerShare, onA...),
					hasNo(&metric.DeviceEnergy, gpu0), hasNo(&metric.ContainerEnergy, onA...), hasNo(&metric.DeviceSMActive, gpu0),
				},
				grows: []series{
					of(seconds, onA...), of(&metric.ContainerObservedSeconds, onA...), of(&metric.ContainerActiveSeconds, onA...),
					of(&metric.ContainerMemoryByteSeconds, onA...), of(&metric.DeviceSeconds, gpu0, metric.StateAllocated),
				},
				log: []line{logged(1, "lacks functions", "nvmlDeviceGetSamples", "nvmlDeviceGetTotalEnergyConsumption")},
			}},
		},
		"a GPU supports no measurement": {
			driver: mute, pods: []kubelettest.Pod{podA},
			steps: []step{{
				name: "its time is metered, and nothing is made up",
				shows: []sight{
					is(1, &metric.DeviceUp, gpu0), is(1, &metric.ContainerShare, onA...),
					is(1, &metric.CollectorSourceUp, meter.SourceNVML), is(0, &metric.CollectorSourceFailures, meter.SourceNVML),
					hasNo(&metric.DeviceUtilization, gpu0), hasNo(&metric.DeviceMemoryUsed, gpu0), hasNo(&metric.DeviceMemoryTotal, gpu0),
					hasNo(&metric.DevicePower, gpu0), hasNo(&metric.DeviceTemperature, gpu0),
					hasNo(&metric.DeviceActiveSeconds, gpu0), hasNo(&metric.DeviceEnergy, gpu0),
					is(0, &metric.ContainerObservedSeconds, onA...), is(0, &metric.ContainerActiveSeconds, onA...), is(0, &metric.ContainerIdleSeconds, onA...),
					hasNo(&metric.ContainerMemoryUsed, onA...), hasNo(&metric.ContainerMemoryByteSeconds, onA...), hasNo(&metric.ContainerEnergy, onA...),
				},
				grows: []series{of(seconds, onA...), of(&metric.DeviceSeconds, gpu0, metric.StateAllocated)},
			}},
		},
		"there is no driver, and one comes later": {
			driver: nvmltest.Node(2), pods: []kubelettest.Pod{podA, podB}, flags: []string{"--nvml.library=LIBRARY.later"},
			steps: []step{absent, then(bothHeld(), "the library is there", func(t *testing.T, n *collectortest.Node) {
				if err := os.Symlink(n.Library, n.Library+".later"); err != nil {
					t.Fatal(err)
				}
			}, logged(1, "peer=nvml", "Source answers"), logged(1, "peer=nvml", "does not answer"))},
		},
		"the driver is unloaded, and another one loaded": {
			driver: nvmltest.Node(2), pods: []kubelettest.Pod{podA, podB}, flags: []string{"--meter.max-gap=1s"},
			steps: []step{
				bothHeld(),
				goes("the kernel module is gone", driven(unloaded), logged(1, "peer=nvml", "does not answer", "kernel module")),
				then(bothHeld(), "the new one works", driven(upgraded), logged(1, "NVIDIA driver found", "590.44.01"), logged(2, "peer=nvml", "Source answers")),
				{name: "its version is shown", shows: []sight{is(1, &metric.NodeInfo, "node-1", "590.44.01", "13.1", "kubelet", "none")}},
			},
		},
		"the driver as a whole hangs": {
			driver: nvmltest.Node(2), pods: []kubelettest.Pod{podA, podB}, flags: []string{"--meter.max-gap=1s", "--nvml.timeout=1s"},
			steps: []step{
				bothHeld(),
				goes("no call returns", driven(stuck), logged(1, "peer=nvml", "driver call hangs")),
				then(bothHeld(), "it goes on", driven(nvmltest.Node(2))),
			},
		},
		"the driver is replaced under the process": {
			driver: nvmltest.Node(2), pods: []kubelettest.Pod{podA, podB},
			steps: []step{bothHeld(), {
				name: "library and kernel module differ", do: driven(nvmltest.Scenario{CountError: nvmltest.VersionMismatch}),
				exit: 3, log: []line{logged(1, "gputally-collector: ", "start this process anew")},
			}},
		},
	}
}

// then is a step that comes to where another one was.
func then(there step, name string, do deed, log ...line) step {
	there.name, there.do, there.log = name, do, log
	return there
}

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

// kubeletScenarios are about the kubelet and its files.
func kubeletScenarios() map[string]scenario {
	// The kubelet does not answer, for longer than is bridged.
	away := func(do deed, words ...string) step {
		return step{
			name: "it does not answer", do: do,
			shows: []sight{
				is(0, &metric.CollectorSourceUp, meter.SourceKubelet), is(1, &metric.CollectorSourceUp, meter.SourceNVML),
				above(0, &metric.CollectorSourceFailures, meter.SourceKubelet), is(0, &metric.CollectorSourceFailures, meter.SourceNVML),
				above(0, &metric.CollectorUnobservedSeconds), is(1, &metric.DeviceUp, gpu0), is(1, &metric.ContainerShare, onA...),
			},
			grows:  []series{of(&metric.CollectorSourceFailures, meter.SourceKubelet), of(&metric.CollectorUnobservedSeconds)},
			stands: []series{of(seconds, onA...), of(&metric.DeviceSeconds, gpu0, metric.StateAllocated)},
			log:    []line{logged(1, append([]string{"peer=kubelet", "does not answer"}, words...)...)},
		}
	}
	back := func(do deed) step {
		st := then(bothHeld(), "it answers again", do, logged(1, "peer=kubelet", "does not answer"))
		st.shows = append(st.shows, hasNo(&metric.ContainerEndTime, onA...))
		st.stands = append(st.stands, of(&metric.CollectorSourceFailures, meter.SourceKubelet), of(&metric.CollectorUnobservedSeconds))
		return st
	}
	both := nvmltest.Node(2)
	pods := []kubelettest.Pod{podA, podB}
	refuse := func(err error) deed {
		return func(_ *testing.T, n *collectortest.Node) { n.Kubelet.FailList(err) }
	}
	list := func(pods ...kubelettest.Pod) deed { // as held, but for the checkpoint
		return func(_ *testing.T, n *collectortest.Node) { n.Kubelet.SetPods(pods...) }
	}
	var nics []string
	for range 1000 {
		nics = append(nics, strings.Repeat("n", 5<<10))
	}
	cluttered := kubelettest.Pod{Namespace: "net", Name: "nics", UID: "uid-nics", Containers: []kubelettest.Container{
		{Name: "main", Devices: []kubelettest.Devices{{Resource: "example.com/nic", IDs: nics}}},
	}}
	unnamed := []string{"vision", "c", "", "main", gpu1}
	return map[string]scenario{
		"the kubelet restarts and makes its socket anew": {
			driver: both, pods: pods, flags: []string{"--meter.max-gap=1s"},
			steps: []step{
				bothHeld(),
				away(func(_ *testing.T, n *collectortest.Node) { n.Kubelet.Stop() }, "directory of its pod-resources socket"),
				back(func(_ *testing.T, n *collectortest.Node) { n.Kubelet.Run() }),
			},
		},
		"the kubelet refuses calls for a moment, as other clients make too many": {
			driver: both, pods: pods, flags: []string{"--meter.max-gap=1h"},
			steps: []step{bothHeld(), {
				name: "it refuses", do: refuse(kubelettest.RateLimited()),
				shows: []sight{
					is(0, &metric.CollectorSourceUp, meter.SourceKubelet), above(0, &metric.CollectorSourceFailures, meter.SourceKubelet),
					is(0, &metric.CollectorUnobservedSeconds),
				},
				grows: []series{of(seconds, onA...), of(seconds, onB...), of(&metric.CollectorSourceFailures, meter.SourceKubelet)},
				log:   []line{logged(1, "peer=kubelet", "does not answer", "limit of 100 pod-resources calls")},
			}, back(refuse(nil))},
		},
		"the kubelet refuses calls for long": {
			driver: both, pods: pods, flags: []string{"--meter.max-gap=1s"},
			steps: []step{bothHeld(), away(refuse(kubelettest.RateLimited()), "limit of 100 pod-resources calls"), back(refuse(nil))},
		},
		"the kubelet's answer is too large": {
			driver: both, pods: pods, flags: []string{"--meter.max-gap=1s"},
			steps: []step{
				bothHeld(),
				away(list(podA, podB, kubelettest.GPUs("a", strings.Repeat("x", 17<<20), "")), "larger than 16 MiB"),
				back(list(podA, podB)),
			},
		},
		"the kubelet's answer is larger than the 4 MiB that gRPC takes by itself": {
			driver: both, pods: append([]kubelettest.Pod{cluttered}, pods...),
			steps: []step{func() step {
				st := bothHeld()
				st.shows = append(st.shows, is(0, &metric.CollectorSourceFailures, meter.SourceKubelet))
				return st
			}()},
		},
		"the checkpoint with the pods' UIDs is gone for a while": {
			driver: both, pods: pods,
			steps: []step{bothHeld(), {
				name: "who was known stays so, who comes has no UID", do: together(
					func(_ *testing.T, n *collectortest.Node) { n.Kubelet.RemoveCheckpoint() },
					list(podA, pod("c", gpu1)),
				),
				shows: []sight{
					is(0, &metric.CollectorSourceUp, meter.SourceCheckpoint), is(1, &metric.CollectorSourceUp, meter.SourceKubelet),
					is(1, &metric.ContainerShare, onA...), is(1, &metric.ContainerShare, unnamed...), has(&metric.ContainerEndTime, onB...),
				},
				grows:  []series{of(seconds, onA...), of(seconds, unnamed...), of(&metric.CollectorSourceFailures, meter.SourceCheckpoint)},
				stands: []series{of(seconds, onB...), of(&metric.CollectorUnobservedSeconds)},
				log:    []line{logged(1, "peer=checkpoint", "does not answer")},
			}, then(bothHeld(), "it is there again", held(podA, podB))},
		},
	}
}
