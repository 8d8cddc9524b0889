//go:build real

package collector_test

import (
	"maps"
	"os"
	"testing"
	"time"

	"github.com/gputally/gputally/collector/kubelet/kubelettest"
	"github.com/gputally/gputally/collector/meter"
	"github.com/gputally/gputally/collector/metric"
	"github.com/gputally/gputally/collector/nvml/nvmltest"
	"github.com/gputally/gputally/internal/collectortest"
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
// the kubelet, and /metrics shows it.
func TestWhatMayHappenToANode(t *testing.T) {
	t.Parallel()
	all := map[string]scenario{}
	maps.Insert(all, maps.All(driverScenarios()))
	maps.Insert(all, maps.All(gpuScenarios()))
	maps.Insert(all, maps.All(kubeletScenarios()))
	maps.Insert(all, maps.All(sharingScenarios()))
	maps.Insert(all, maps.All(boundsScenarios()))
	maps.Insert(all, maps.All(ownerScenarios()))
	maps.Insert(all, maps.All(wordScenarios()))
	maps.Insert(all, maps.All(failureScenarios()))
	maps.Insert(all, maps.All(lifeScenarios()))
	maps.Insert(all, maps.All(claimScenarios()))
	maps.Insert(all, maps.All(nameScenarios()))
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
	// Nothing was seen yet that could be charged.
	from := func(name string, log ...line) step {
		st := goes(name, nil, log...)
		st.stands = nil
		return st
	}
	absent := from("there is no library", logged(1, "peer=nvml", "does not answer", ".later"))
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
		"the driver is not loaded yet when the collector starts": {
			driver: unloaded, pods: []kubelettest.Pod{podA, podB},
			steps: []step{
				from("there is no kernel module", logged(1, "peer=nvml", "does not answer", "kernel module")),
				then(bothHeld(), "it is loaded", driven(nvmltest.Node(2)), logged(1, "peer=nvml", "does not answer")),
			},
		},
		"the driver hangs from the start": {
			driver: stuck, pods: []kubelettest.Pod{podA, podB}, flags: []string{"--nvml.timeout=1s"},
			steps: []step{
				from("no call returns", logged(1, "peer=nvml", "driver call hangs")),
				then(bothHeld(), "it goes on", driven(nvmltest.Node(2))),
			},
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
				exit: 3, log: []line{logged(1, "gputally-collector: ", "restart this process")},
			}},
		},
	}
}

// then is a step that comes to where another one was.
func then(there step, name string, do deed, log ...line) step {
	there.name, there.do, there.log = name, do, log
	return there
}
