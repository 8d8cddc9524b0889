//go:build real

package collector_test

import (
	"maps"
	"slices"
	"syscall"
	"time"

	"github.com/gputally/gputally/collector/kubelet/kubelettest"
	"github.com/gputally/gputally/collector/meter"
	"github.com/gputally/gputally/collector/metric"
	"github.com/gputally/gputally/collector/nvml/nvmltest"
)

// lifeScenarios are about what a node goes through in its life.
func lifeScenarios() map[string]scenario {
	all := map[string]scenario{}
	maps.Insert(all, maps.All(releaseScenarios()))
	maps.Insert(all, maps.All(migScenarios()))
	return all
}

// releaseScenarios are about drivers that are to be unloaded.
func releaseScenarios() map[string]scenario {
	both, pods := nvmltest.Node(2), []kubelettest.Pod{podA, podB}
	unloaded, upgraded := nvmltest.Scenario{Init: nvmltest.DriverNotLoaded, CountError: nvmltest.DriverNotLoaded}, nvmltest.Node(2)
	upgraded.Driver = "590.44.01"
	stuck := nvmltest.Node(2)
	stuck.GPUs[1].Hang = time.Hour
	begun := bothHeld()
	begun.shows = append(begun.shows, is(0, &metric.CollectorReleased))
	begun.opens = open
	released := step{
		name: "it is asked to release the driver", signal: syscall.SIGUSR1,
		shows: []sight{
			is(1, &metric.CollectorReleased), is(0, &metric.CollectorSourceUp, meter.SourceNVML), is(1, &metric.CollectorSourceUp, meter.SourceKubelet),
			is(0, &metric.CollectorSourceFailures, meter.SourceNVML), hasNo(&metric.DeviceUp, gpu0), hasNo(&metric.DeviceUp, gpu1),
			above(0, &metric.CollectorUnobservedSeconds), is(1, &metric.ContainerShare, onA...),
		},
		grows:  []series{of(&metric.CollectorUnobservedSeconds)},
		stands: []series{of(seconds, onA...), of(seconds, onB...), of(&metric.DeviceSeconds, gpu0, metric.StateAllocated), of(&metric.DeviceSeconds, gpu0, metric.StateUnavailable)},
		says:   []string{"nothing is metered", "nvml: has been released for"},
		log:    []line{logged(1, "released, as requested", "peer=nvml"), logged(0, "does not answer")},
		opens:  closed,
	}
	still := then(released, "it stays so, whatever the driver does", driven(unloaded), released.log...)
	still.signal = 0
	resumed := then(begun, "it is asked to resume the driver", driven(both), logged(2, "Source answers", "peer=nvml"))
	resumed.signal, resumed.stands = syscall.SIGUSR2, append(slices.Clone(begun.stands), of(&metric.CollectorUnobservedSeconds))
	loaded := resumed
	loaded.do, loaded.shows = driven(upgraded), append(slices.Clone(begun.shows), is(1, &metric.NodeInfo, "node-1", "590.44.01", "13.0", "kubelet", "none"))
	unchanged := then(begun, "it has the driver already", nil, logged(1, "Source answers", "peer=nvml"))
	unchanged.signal = syscall.SIGUSR2
	again := then(released, "it is asked once more", nil, released.log...)
	long := then(still, "it may take any time", nil)
	long.shows = append(slices.Clone(still.shows), above(15, &metric.CollectorPolls))
	return map[string]scenario{
		"the driver is released and resumed": {driver: both, pods: pods, steps: []step{begun, released, resumed}},
		"the driver is released, upgraded and resumed": {
			driver: both, pods: pods, flags: []string{"--nvml.give-up=100ms", "--nvml.xid"},
			steps: []step{begun, released, still, long, loaded},
		},
		"the driver is released, and replaced by one that the library does not fit": {
			driver: both, pods: pods,
			steps: []step{begun, released, {
				name: "it is asked to resume it", do: driven(nvmltest.Scenario{Init: nvmltest.VersionMismatch}), signal: syscall.SIGUSR2,
				exit: 3, log: []line{logged(1, "gputally-collector: ", "restart this process")},
			}},
		},
		"the driver is released twice and resumed twice": {driver: both, pods: pods, steps: []step{begun, unchanged, released, again, resumed, {
			name: "it is asked once more", signal: syscall.SIGUSR2,
			shows: resumed.shows, grows: resumed.grows, stands: resumed.stands, opens: open,
			log: []line{logged(2, "Source answers", "peer=nvml")},
		}}},
		"the driver is released while a GPU hangs": {
			driver: both, pods: pods, flags: []string{"--nvml.timeout=500ms"},
			steps: []step{begun, {
				name: "a GPU hangs", do: driven(stuck),
				shows: []sight{is(0, &metric.DeviceUp, gpu1), is(1, &metric.DeviceUp, gpu0)},
				grows: []series{of(&metric.DeviceSeconds, gpu1, metric.StateUnavailable)},
			}, {
				name: "it can't be released", signal: syscall.SIGUSR1,
				shows: []sight{is(0, &metric.CollectorReleased), is(0, &metric.CollectorSourceUp, meter.SourceNVML), above(0, &metric.CollectorSourceFailures, meter.SourceNVML)},
				log:   []line{logged(1, "release NVML", "driver call hangs")}, opens: open,
			}, {
				name: "the call returns", do: driven(both),
				shows: []sight{is(1, &metric.CollectorReleased)}, grows: released.grows, stands: released.stands, opens: closed,
				log: []line{logged(1, "released, as requested", "peer=nvml")},
			}, {
				name: "it is resumed", signal: syscall.SIGUSR2, shows: begun.shows, grows: begun.grows, opens: open,
			}},
		},
		"a driver is released that is not there yet": {
			driver: unloaded, pods: pods,
			steps: []step{{
				name:  "there is none",
				shows: []sight{is(0, &metric.CollectorSourceUp, meter.SourceNVML), above(1, &metric.CollectorSourceFailures, meter.SourceNVML), is(0, &metric.CollectorReleased)},
			}, {
				name: "it is asked to release it", signal: syscall.SIGUSR1, do: driven(both),
				shows: []sight{is(1, &metric.CollectorReleased), hasNo(&metric.DeviceUp, gpu0)}, opens: closed,
				stands: []series{of(&metric.CollectorSourceFailures, meter.SourceNVML)},
				log:    []line{logged(1, "released, as requested", "peer=nvml")},
			}, {
				name: "it is asked to resume it", signal: syscall.SIGUSR2, shows: begun.shows, grows: begun.grows, stands: begun.stands, opens: open,
			}},
		},
		"the driver is resumed with fewer GPUs": {driver: both, pods: pods, steps: []step{begun, released, {
			name: "it is asked to resume it", do: driven(nvmltest.Node(1)), signal: syscall.SIGUSR2,
			shows: []sight{
				is(0, &metric.CollectorReleased), is(1, &metric.DeviceUp, gpu0), hasNo(&metric.DeviceUp, gpu1), is(1, &metric.CollectorUnresolved),
				is(1, &metric.ContainerShare, onA...), has(&metric.ContainerEndTime, onB...),
			},
			grows: []series{of(seconds, onA...)}, stands: []series{of(seconds, onB...)}, opens: open,
		}}},
		"the kubelet restarts while the driver is released": {driver: both, pods: pods, steps: []step{begun, released, {
			name: "it lists nothing", do: restarted(), shows: released.shows, stands: released.stands, opens: closed,
		}, {
			name: "the driver is resumed", signal: syscall.SIGUSR2,
			shows: []sight{is(2, &metric.CollectorEstimated), hasNo(&metric.ContainerEndTime, onA...)}, grows: begun.grows, opens: open,
		}, then(begun, "both are listed", listed(podA, podB))}},
		"holders come and go while the driver is released": {
			driver: both, pods: pods,
			steps: []step{begun, released, {
				name: "b ends, c comes", do: held(podA, pod("c", gpu1)),
				shows: released.shows, grows: released.grows, stands: released.stands, opens: closed,
			}, {
				name: "it is resumed", signal: syscall.SIGUSR2,
				shows: []sight{
					is(1, &metric.ContainerShare, onA...), hasNo(&metric.ContainerEndTime, onA...),
					has(&metric.ContainerEndTime, onB...), is(1, &metric.ContainerShare, container("c", gpu1)...), is(0, &metric.CollectorReleased),
				},
				grows:  []series{of(seconds, onA...), of(seconds, container("c", gpu1)...)},
				stands: []series{of(seconds, onB...), of(&metric.CollectorUnobservedSeconds)}, opens: open,
			}},
		},
	}
}
