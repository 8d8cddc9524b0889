//go:build real

package collector_test

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/gputally/gputally/collector/kubelet/kubelettest"
	"github.com/gputally/gputally/collector/meter"
	"github.com/gputally/gputally/collector/metric"
	"github.com/gputally/gputally/collector/nvml/nvmltest"
)

// failureScenarios are about failures in whatever words they come.
func failureScenarios() map[string]scenario {
	all := map[string]scenario{}
	maps.Insert(all, maps.All(muteScenarios()))
	maps.Insert(all, maps.All(namelessScenarios()))
	maps.Insert(all, maps.All(lastingScenarios()))
	maps.Insert(all, maps.All(offerScenarios()))
	return all
}

// mute makes everything fail that a GPU measures.
func mute(g *nvmltest.GPU, code nvmltest.Code) {
	fails := nvmltest.Fails(code)
	g.Utilization, g.MemoryTotal, g.Power, g.Temperature, g.Energy = fails, fails, fails, fails, fails
}

// muted is a node with two GPUs, of which the first one fails all readings.
func muted(code nvmltest.Code) nvmltest.Scenario {
	node := nvmltest.Node(2)
	mute(&node.GPUs[0], code)
	return node
}

// firstIsDown is a step in which the first GPU is down and the second one is not.
func firstIsDown(name string, do deed, reason string) step {
	return step{
		name: name, do: do,
		shows: []sight{
			is(0, &metric.DeviceUp, gpu0), is(1, &metric.DeviceUp, gpu1), is(1, &metric.ContainerShare, onA...),
			is(1, &metric.DeviceInfo, gpu0, "node-1", "NVIDIA H200", "0000:0a:00.0"), is(0, &metric.CollectorNameless),
			hasNo(&metric.DeviceUtilization, gpu0), hasNo(&metric.DevicePower, gpu0), hasNo(&metric.ContainerMemoryUsed, onA...),
			is(1, &metric.CollectorSourceUp, meter.SourceNVML), is(0, &metric.CollectorUnobservedSeconds),
		},
		grows:  []series{of(&metric.DeviceSeconds, gpu0, metric.StateUnavailable), of(seconds, onB...)},
		stands: []series{of(seconds, onA...), of(&metric.DeviceSeconds, gpu0, metric.StateAllocated), of(&metric.ContainerObservedSeconds, onA...)},
		log:    []line{logged(1, "GPU does not answer", gpu0, reason)},
	}
}

// muteScenarios are about a GPU that says who it is and measures nothing any more.
func muteScenarios() map[string]scenario {
	both, pods := nvmltest.Node(2), []kubelettest.Pod{podA, podB}
	healed := then(bothHeld(), "it measures again", driven(both), logged(1, "GPU answers again", gpu0))
	healed.stands = append(healed.stands, of(&metric.DeviceSeconds, gpu0, metric.StateUnavailable))
	all := map[string]scenario{}
	for code, reason := range map[nvmltest.Code]string{
		nvmltest.Unknown:       "driver error 999",
		nvmltest.Uninitialized: "driver error 1",
		nvmltest.Lost:          "lost",
		nvmltest.NotSupported:  "driver error 3",
		4711:                   "driver error 4711",
	} {
		all[fmt.Sprintf("all readings of a GPU fail with code %d", code)] = scenario{
			driver: both, pods: pods,
			steps: []step{bothHeld(), firstIsDown("it measures nothing", driven(muted(code)), reason), healed},
		}
	}
	partly := muted(nvmltest.Unknown)
	partly.GPUs[0].Power = 75000
	some := then(bothHeld(), "only its power can be read", driven(partly), logged(0, "GPU does not answer"))
	some.shows = append(some.shows, hasNo(&metric.DeviceUtilization, gpu0), is(75, &metric.DevicePower, gpu0))
	some.stands = append(some.stands, of(&metric.ContainerObservedSeconds, onA...), of(&metric.DeviceSeconds, gpu0, metric.StateUnavailable))
	all["some readings of a GPU fail, then all, then some"] = scenario{
		driver: both, pods: pods,
		steps: []step{bothHeld(), some, firstIsDown("none can be read", driven(muted(nvmltest.Unknown)), "driver error 999"), then(some, "one can be read", driven(partly))},
	}
	last := &all["some readings of a GPU fail, then all, then some"].steps[3]
	last.log = []line{logged(1, "GPU answers again", gpu0)}
	for _, function := range []string{"nvmlDeviceGetName", "nvmlDeviceGetPciInfo_v3", "nvmlDeviceGetTemperature", "nvmlDeviceGetComputeRunningProcesses_v3"} {
		all[fmt.Sprintf("only %s fails", function)] = scenario{
			driver: both, pods: pods,
			steps: []step{bothHeld(), then(bothHeld(), "it fails", driven(without(nvmltest.Node(2), function, nvmltest.Unknown)), logged(0, "GPU does not answer"))},
		}
	}
	all["all readings of a GPU fail from the beginning"] = scenario{
		driver: muted(nvmltest.Unknown), pods: pods,
		steps: []step{firstIsDown("it never measured anything", nil, "driver error 999"), healed},
	}
	lost := muted(nvmltest.Lost)
	again := firstIsDown("it is lost", driven(lost), "reason=\"lost")
	again.log = append(again.log, logged(1, "GPU does not answer", gpu0, "driver error 999"), logged(1, "GPU does not answer", gpu0, "look for Xid"))
	all["a GPU fails for one reason, then for another"] = scenario{
		driver: both, pods: pods,
		steps: []step{bothHeld(), firstIsDown("it fails", driven(muted(nvmltest.Unknown)), "see whether nvidia-smi"), again, healed},
	}
	return all
}

// namelessScenarios are about GPUs that the driver counts and nobody can name.
func namelessScenarios() map[string]scenario {
	nobody := nvmltest.Node(2)
	nobody.GPUs[0].UUID = ""
	twins := nvmltest.Node(2)
	twins.GPUs[0].UUID = gpu1
	fewer := nvmltest.Node(2)
	fewer.GPUs, fewer.Count = fewer.GPUs[1:], 2
	failing := func(code nvmltest.Code) nvmltest.Scenario {
		node := nvmltest.Node(2)
		node.GPUs[0].Error = code
		return node
	}
	all := map[string]scenario{}
	for name, driver := range map[string]nvmltest.Scenario{
		"a GPU never answers":             failing(nvmltest.Unknown),
		"a GPU may not be asked":          failing(nvmltest.NoPermission),
		"a GPU was lost from the outset":  failing(nvmltest.Lost),
		"a GPU has an empty UUID":         nobody,
		"two GPUs have the same UUID":     twins,
		"a GPU is counted, and not there": fewer,
	} {
		all[name] = scenario{
			driver: driver, pods: []kubelettest.Pod{podB},
			steps: []step{{
				name: "it is counted as nameless",
				shows: []sight{
					is(1, &metric.CollectorNameless), hasNo(&metric.DeviceUp, gpu0), is(1, &metric.DeviceUp, gpu1),
					is(1, &metric.ContainerShare, onB...), is(1, &metric.CollectorSourceUp, meter.SourceNVML),
				},
				grows: []series{of(seconds, onB...)},
				log:   []line{logged(1, "GPUs don't say their UUID")},
			}, {
				name: "it says who it is", do: together(driven(nvmltest.Node(2)), held(podA, podB)),
				shows: []sight{is(0, &metric.CollectorNameless), is(1, &metric.DeviceUp, gpu0), is(1, &metric.ContainerShare, onA...)},
				grows: []series{of(seconds, onA...), of(seconds, onB...)},
			}, {
				name: "the driver can't be asked", do: driven(nvmltest.Scenario{CountError: nvmltest.DriverNotLoaded, Init: nvmltest.DriverNotLoaded}),
				shows: []sight{hasNo(&metric.CollectorNameless), is(0, &metric.CollectorSourceUp, meter.SourceNVML)},
			}},
		}
	}
	return all
}

// lastingScenarios are about a driver that fails for long.
func lastingScenarios() map[string]scenario {
	both, pods := nvmltest.Node(2), []kubelettest.Pod{podA, podB}
	flags := []string{"--nvml.give-up=1s", "--nvml.timeout=500ms"}
	counting := func(code nvmltest.Code) nvmltest.Scenario { return nvmltest.Scenario{Init: code, CountError: code} }
	each := func(codes ...nvmltest.Code) nvmltest.Scenario {
		node := nvmltest.Node(2)
		for i, code := range codes {
			mute(&node.GPUs[i], code)
		}
		return node
	}
	stuck := nvmltest.Node(2)
	stuck.GPUs[0].Hang = time.Hour
	mute(&stuck.GPUs[1], nvmltest.Unknown)
	hangs, asked := nvmltest.Node(2), nvmltest.Node(2)
	hangs.CountHang = time.Hour
	asked.GPUs[0].Error, asked.GPUs[1].Error = nvmltest.Unknown, nvmltest.NoPermission
	ends := func(driver nvmltest.Scenario, words ...string) scenario {
		return scenario{driver: both, pods: pods, flags: flags, steps: []step{bothHeld(), {
			name: "it fails for good", do: driven(driver), exit: 4,
			log: []line{logged(1, append([]string{"gputally-collector: the driver worked and fails since"}, words...)...)},
		}}}
	}
	noGPU := []sight{is(0, &metric.DeviceUp, gpu0), is(0, &metric.DeviceUp, gpu1), is(1, &metric.CollectorSourceUp, meter.SourceNVML)}
	unavailable := []series{of(&metric.DeviceSeconds, gpu0, metric.StateUnavailable), of(&metric.DeviceSeconds, gpu1, metric.StateUnavailable)}
	neither := []series{of(seconds, onA...), of(seconds, onB...)}
	fails := func(name string, code nvmltest.Code, says string) step {
		return step{
			name: name, do: driven(counting(code)),
			shows:  []sight{is(0, &metric.CollectorSourceUp, meter.SourceNVML), above(0, &metric.CollectorUnobservedSeconds)},
			grows:  []series{of(&metric.CollectorUnobservedSeconds), of(&metric.CollectorSourceFailures, meter.SourceNVML)},
			stands: neither,
			says:   []string{"nothing is metered", "nvml: has not answered for", says, "the process ends with code 4 in"},
			log:    []line{logged(1, "peer=nvml", "does not answer", says)},
		}
	}
	never := func(driver nvmltest.Scenario) scenario {
		return scenario{driver: driver, pods: pods, flags: []string{"--nvml.give-up=100ms"}, steps: []step{{
			name:  "it fails from the beginning",
			shows: []sight{is(0, &metric.CollectorSourceUp, meter.SourceNVML), above(4, &metric.CollectorSourceFailures, meter.SourceNVML)},
			grows: []series{of(&metric.CollectorSourceFailures, meter.SourceNVML)},
			says:  []string{"nothing is metered yet", "nvml: has not answered for"},
		}, then(bothHeld(), "it is there", driven(both))}}
	}
	return map[string]scenario{
		"the driver fails for good with code 999":          ends(counting(nvmltest.Unknown), "driver error 999"),
		"the driver fails for good as it may not be asked": ends(counting(nvmltest.NoPermission), "/dev/nvidiactl"),
		"the driver is unloaded for good":                  ends(counting(nvmltest.DriverNotLoaded), "kernel module"),
		"the library loses its initialization for good":    ends(counting(nvmltest.Uninitialized), "driver error 1"),
		"the driver hangs for good":                        ends(hangs, "driver call hangs"),
		"no GPU can be measured for good":                  ends(each(nvmltest.Unknown, 4711), "no GPU answers"),
		"no GPU can be measured for good, and one is lost": ends(each(nvmltest.Lost, nvmltest.Unknown), "no GPU answers: driver error 999"),
		"no GPU can be measured for good, and one hangs":   ends(stuck, "no GPU answers: driver error 999"),
		"no GPU can be asked for good":                     ends(asked, "no GPU answers"),
		"the driver fails from the beginning":              never(counting(nvmltest.Unknown)),
		"no driver is loaded at the beginning":             never(counting(nvmltest.DriverNotLoaded)),
		"one GPU of two can't be measured for good":        stays(firstIsDown("it fails for good", driven(each(nvmltest.Unknown)), "driver error 999")),
		"all GPUs are lost for good, which no new process mends": stays(step{
			name: "both are lost", do: driven(each(nvmltest.Lost, nvmltest.Lost)), shows: noGPU, grows: unavailable, stands: neither,
			says: []string{"ok", gpu0 + ": does not answer: lost", gpu1 + ": does not answer: lost"},
		}),
		"the driver fails for one reason, then for another": {
			driver: both, pods: pods, flags: []string{"--meter.max-gap=1s"},
			steps: []step{
				bothHeld(), fails("it fails", nvmltest.Unknown, "driver error 999"),
				fails("it is unloaded", nvmltest.DriverNotLoaded, "kernel module"), then(bothHeld(), "it is back", driven(both), logged(2, "peer=nvml", "Source answers")),
			},
		},
	}
}

// stays plays a step for longer than the process would have patience.
func stays(st step) scenario {
	st.shows = append(slices.Clip(st.shows), above(15, &metric.CollectorPolls))
	return scenario{
		driver: nvmltest.Node(2), pods: []kubelettest.Pod{podA, podB}, flags: []string{"--nvml.give-up=100ms"},
		steps: []step{bothHeld(), st, then(bothHeld(), "it is well again", driven(nvmltest.Node(2)))},
	}
}
