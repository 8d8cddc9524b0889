//go:build real

package collector_test

import (
	"fmt"
	"math"
	"time"

	"github.com/gputally/gputally/collector/device"
	"github.com/gputally/gputally/collector/kubelet/kubelettest"
	"github.com/gputally/gputally/collector/meter"
	"github.com/gputally/gputally/collector/metric"
	"github.com/gputally/gputally/collector/nvml/nvmltest"
	"github.com/gputally/gputally/internal/collectortest"
)

// impossible is the counter of readings of a kind that were left out.
func impossible(kind string) series { return of(&metric.CollectorImpossible, kind) }

// leftOut says that such readings were left out.
func leftOut(kind string) sight { return above(0, &metric.CollectorImpossible, kind) }

// activeAtMost says that a GPU was active no longer than it was observed.
func activeAtMost(uuid string) sight {
	return sight{"the GPU was active no longer than it was there", func(s collectortest.Scrape) bool {
		var there float64
		for _, state := range metric.States() {
			there += s.Value(&metric.DeviceSeconds, uuid, state)
		}
		return s.Value(&metric.DeviceActiveSeconds, uuid) <= there+1e-9
	}}
}

// working is a GPU that is held, busy by half, and has drawn 126 MJ in its life.
func working(change ...func(*nvmltest.GPU)) nvmltest.Scenario {
	node := nvmltest.Node(1)
	g := &node.GPUs[0]
	g.Utilization, g.MemoryUsed, g.Power, g.Energy, g.Compute = 50, 70<<30, 350_000, megajoules, []int{4711}
	for _, do := range change {
		do(g)
	}
	return node
}

const (
	megajoules = 126_000_000_000 // mJ
	allBits    = math.MaxUint32
)

// boundsScenarios are about readings that no card can give.
func boundsScenarios() map[string]scenario {
	all := map[string]scenario{
		"the energy grows as fast as the card's peaks":     peaks(),
		"the energy begins at 0 with another driver":       reloaded(),
		"the power limit is none either":                   energy(func(g *nvmltest.GPU) { g.MaxPower, g.Energy = allBits, 2*megajoules }),
		"the energy falls by 1 mJ once":                    energy(func(g *nvmltest.GPU) { g.Energy = megajoules + 100_000 - 1 }),
		"the energy is 0 once":                             energy(func(g *nvmltest.GPU) { g.Energy = 0 }),
		"the energy doubles once":                          energy(func(g *nvmltest.GPU) { g.Energy = 2 * megajoules }),
		"the energy has all bits set":                      energy(func(g *nvmltest.GPU) { g.Energy = math.MaxInt64 }),
		"the energy grows by more than the card can draw":  energy(func(g *nvmltest.GPU) { g.Energy += 60_000_000 }),
		"the driver counts four thousand million GPUs":     countless(),
		"the utilization has all bits set":                 utilization(func(g *nvmltest.GPU) { g.Utilization = allBits }),
		"the utilization is 101 %":                         utilization(func(g *nvmltest.GPU) { g.Utilization = 101 }),
		"the utilization is counted in thousandths of a %": utilization(func(g *nvmltest.GPU) { g.Utilization = 50_000 }),
	}
	none := func(kind string, change func(*nvmltest.GPU), shows ...sight) scenario {
		return gauge(kind, change, shows...)
	}
	all["the memory in use is more than there is"] = memory(func(g *nvmltest.GPU) { g.MemoryUsed = 2 * g.MemoryTotal }, has(&metric.DeviceMemoryTotal, gpu0))
	all["the memory in use has all bits set"] = memory(func(g *nvmltest.GPU) { g.MemoryUsed = math.MaxInt64 }, has(&metric.DeviceMemoryTotal, gpu0))
	all["the memory in use and installed doubles"] = memory(func(g *nvmltest.GPU) { g.MemoryTotal, g.MemoryUsed = 2*g.MemoryTotal, 2*g.MemoryTotal }, hasNo(&metric.DeviceMemoryTotal, gpu0))
	all["the memory installed is nothing"] = none(device.ReadingMemory, func(g *nvmltest.GPU) { g.MemoryTotal = 0 },
		hasNo(&metric.DeviceMemoryTotal, gpu0), is(70<<30, &metric.DeviceMemoryUsed, gpu0), is(70<<30, &metric.ContainerMemoryUsed, onA...))
	all["the power is more than the card can draw"] = none(device.ReadingPower, func(g *nvmltest.GPU) { g.Power = 1_100_000 }, hasNo(&metric.DevicePower, gpu0))
	all["the power has all bits set"] = none(device.ReadingPower, func(g *nvmltest.GPU) { g.Power = allBits }, hasNo(&metric.DevicePower, gpu0))
	all["the temperature is below zero, as a number without a sign"] = none(device.ReadingTemperature, func(g *nvmltest.GPU) { g.Temperature = allBits - 9 }, hasNo(&metric.DeviceTemperature, gpu0))
	all["the temperature is that of a fire"] = none(device.ReadingTemperature, func(g *nvmltest.GPU) { g.Temperature = 851 }, hasNo(&metric.DeviceTemperature, gpu0))
	all["the energy fails with a code once"] = failing(nvmltest.Unknown)
	all["the energy is not supported once"] = failing(nvmltest.NotSupported)
	all["the counters of a GPU and a MIG instance can't be"] = counters()
	all["a sample of the utilization can't be"] = samples(func(s *nvmltest.Sample) { s.Percent = allBits })
	all["two GPUs are taken for one another"] = exchanged()
	all["a sample of the utilization is of an hour later"] = late(time.Hour)
	all["a sample of the utilization is of another year"] = late(10_000 * time.Hour)
	all["a sample of the utilization is of half an hour ago"] = late(-time.Hour / 2)
	all["a sample of the utilization is a little too large"] = samples(func(s *nvmltest.Sample) { s.Percent = 103 })
	return all
}

// gauge is a reading that can't be for a while: all else goes on.
func gauge(kind string, change func(*nvmltest.GPU), shows ...sight) scenario {
	well := step{
		name: "all is well",
		shows: []sight{
			is(1, &metric.ContainerShare, onA...), is(0.5, &metric.DeviceUtilization, gpu0), is(70<<30, &metric.DeviceMemoryUsed, gpu0),
			has(&metric.DeviceMemoryTotal, gpu0), is(350, &metric.DevicePower, gpu0), is(30, &metric.DeviceTemperature, gpu0),
		},
		grows: []series{of(seconds, onA...), of(&metric.ContainerActiveSeconds, onA...), of(&metric.ContainerMemoryByteSeconds, onA...), of(&metric.DeviceActiveSeconds, gpu0)},
	}
	healed := then(well, "it is well again", driven(working()), logged(1, "reading that cannot be", gpu0, "reading="+kind))
	healed.stands = []series{impossible(kind)}
	again := then(well, "and again", driven(working(change)), logged(1, "reading that cannot be", gpu0, "reading="+kind))
	again.shows, again.grows = append(shows, is(1, &metric.DeviceUp, gpu0), leftOut(kind)), []series{of(seconds, onA...), impossible(kind)}
	odd := then(again, "it can't be", again.do, again.log...)
	return scenario{driver: working(), pods: []kubelettest.Pod{podA}, steps: []step{well, odd, healed, again, healed}}
}

// memory is what is in use, which is integrated.
func memory(change func(*nvmltest.GPU), shows ...sight) scenario {
	sc := gauge(device.ReadingMemory, change, append(shows, hasNo(&metric.DeviceMemoryUsed, gpu0), hasNo(&metric.ContainerMemoryUsed, onA...))...)
	for _, i := range []int{1, 3} {
		sc.steps[i].stands = []series{of(&metric.ContainerMemoryByteSeconds, onA...)}
	}
	return sc
}

// utilization is what activity is made of, where the driver keeps no samples.
func utilization(change func(*nvmltest.GPU)) scenario {
	sc := gauge(device.ReadingUtilization, change, hasNo(&metric.DeviceUtilization, gpu0), activeAtMost(gpu0))
	for _, i := range []int{1, 3} {
		sc.steps[i].stands = []series{
			of(&metric.DeviceActiveSeconds, gpu0), of(&metric.ContainerActiveSeconds, onA...),
			of(&metric.ContainerObservedSeconds, onA...), of(&metric.ContainerIdleSeconds, onA...),
		}
	}
	sc.steps[4].shows = append(sc.steps[4].shows, activeAtMost(gpu0))
	return sc
}

// energy draws 100 J before and 100 J over a reading that can't be.
func energy(odd func(*nvmltest.GPU)) scenario {
	drawn := func(joules int64) func(*nvmltest.GPU) {
		return func(g *nvmltest.GPU) { g.Energy = megajoules + 1000*joules }
	}
	shows := func(joules float64) []sight {
		return []sight{is(joules, &metric.DeviceEnergy, gpu0), is(joules, &metric.ContainerEnergy, onA...)}
	}
	left := logged(1, "reading that cannot be", gpu0, "reading=energy")
	return scenario{
		driver: working(), pods: []kubelettest.Pod{podA},
		steps: []step{
			{name: "it is followed", shows: shows(0)},
			{name: "it grows", do: driven(working(drawn(100))), shows: shows(100)},
			{name: "it can't be", do: driven(working(drawn(100), odd)), shows: append(shows(100), leftOut(device.ReadingEnergy)), log: []line{left}},
			{name: "it goes on", do: driven(working(drawn(200))), shows: shows(200), stands: []series{impossible(device.ReadingEnergy)}, log: []line{left}},
		},
	}
}

// failing is an energy that can't be read for a while: what is drawn meanwhile is
// the container's that holds the GPU all the while.
func failing(code nvmltest.Code) scenario {
	sc := energy(func(g *nvmltest.GPU) { g.Energy = nvmltest.Fails(code) })
	odd := &sc.steps[2]
	odd.shows, odd.log = odd.shows[:2], nil
	sc.steps[3].stands, sc.steps[3].log = nil, nil
	sc.steps[3].shows = append(sc.steps[3].shows, hasNo(&metric.CollectorImpossible, device.ReadingEnergy))
	return sc
}

// counters are those of a GPU with a MIG instance (GPM), which run far too fast
// for a while.
func counters() scenario {
	at := func(speed int64) func(i int) nvmltest.Scenario {
		return func(i int) nvmltest.Scenario {
			node := nvmltest.Node(1)
			g := &node.GPUs[0]
			clock := int64(i) * 50
			c := &nvmltest.Counters{Clock: clock, Graphics: speed * clock / 2, SM: speed * clock / 2, Tensor: speed * clock / 2, DRAM: speed * clock / 2}
			g.MIG, g.Utilization, g.Counters = 1, nvmltest.Fails(nvmltest.NotSupported), c
			g.Instances = []nvmltest.Instance{{UUID: "MIG-1", Name: "NVIDIA H200 MIG 7g.141gb", GI: 1, GPUSlices: 7, ComputeSlices: 7, MemoryMiB: 100 << 10, Counters: c}}
			return node
		}
	}
	run := func(speed int64) deed { return playing(at(speed)) }
	observed := of(&metric.ContainerObservedSeconds, onA...)
	well := step{
		name: "they run", do: run(1), grows: []series{observed, of(&metric.ContainerActiveSeconds, onA...)},
		shows: []sight{part(0.5, onA)},
	}
	return scenario{
		driver: at(1)(0), pods: []kubelettest.Pod{pod("a", "MIG-1")},
		steps: []step{well, {
			name: "they run away", do: run(100), stands: []series{observed, of(&metric.ContainerActiveSeconds, onA...)},
			shows: []sight{
				leftOut(device.ReadingActivity), leftOut(device.ReadingUtilization), hasNo(&metric.DeviceSMActive, gpu0),
				hasNo(&metric.MIGInstanceUtilization, "MIG-1"), hasNo(&metric.MIGInstanceTensorActive, "MIG-1"),
			},
		}, then(well, "they run again", well.do)},
	}
}

// peaks is a card that draws more than its limit for a moment.
func peaks() scenario {
	drawn := func(joules int64) deed {
		return driven(working(func(g *nvmltest.GPU) { g.Energy, g.Power = megajoules+1000*joules, 1_000_000 }))
	}
	sc := scenario{driver: working(), pods: []kubelettest.Pod{podA}, steps: []step{{name: "it is followed", shows: []sight{is(0, &metric.ContainerEnergy, onA...)}}}}
	for i := range int64(3) {
		joules := 1000 * (i + 1) // within 100 ms, with a limit of 700 W
		sc.steps = append(sc.steps, step{
			name: fmt.Sprintf("it draws %d J", joules), do: drawn(joules),
			shows: []sight{
				is(float64(joules), &metric.ContainerEnergy, onA...), is(1000, &metric.DevicePower, gpu0),
				hasNo(&metric.CollectorImpossible, device.ReadingEnergy), hasNo(&metric.CollectorImpossible, device.ReadingPower),
			},
		})
	}
	return sc
}

// reloaded is a driver that is loaded again, so that its counter begins at 0.
func reloaded() scenario {
	shows := func(joules float64) []sight {
		return []sight{is(joules, &metric.DeviceEnergy, gpu0), is(joules, &metric.ContainerEnergy, onA...), hasNo(&metric.CollectorImpossible, device.ReadingEnergy)}
	}
	unloaded := nvmltest.Scenario{Init: nvmltest.DriverNotLoaded, CountError: nvmltest.DriverNotLoaded}
	since := func(joules int64) deed {
		return driven(working(func(g *nvmltest.GPU) { g.Energy = 1000 * joules }))
	}
	return scenario{
		driver: working(), pods: []kubelettest.Pod{podA}, flags: []string{"--meter.max-gap=1h"},
		steps: []step{
			{name: "it is followed", shows: shows(0)},
			{name: "it is away", do: driven(unloaded), shows: []sight{is(0, &metric.CollectorSourceUp, meter.SourceNVML)}},
			{name: "it counts from 0", do: since(40), shows: shows(40)},
			{name: "and goes on", do: since(100), shows: shows(100)},
		},
	}
}

// countless is a driver that says that there are far too many GPUs.
func countless() scenario {
	odd := working()
	odd.Count = allBits
	held := step{name: "all is well", shows: []sight{is(1, &metric.ContainerShare, onA...), is(1, &metric.CollectorSourceUp, meter.SourceNVML)}, grows: []series{of(seconds, onA...)}}
	return scenario{
		driver: working(), pods: []kubelettest.Pod{podA}, flags: []string{"--meter.max-gap=1h"},
		steps: []step{held, {
			name: "the number can't be", do: driven(odd), shows: []sight{is(0, &metric.CollectorSourceUp, meter.SourceNVML)},
			log: []line{logged(1, "peer=nvml", "more than a node can have")},
		}, then(held, "it can", driven(working()))},
	}
}

// samples is a GPU whose driver keeps samples, one of them odd.
func samples(change func(*nvmltest.Sample)) scenario {
	sampled := func(from, to int) func(*nvmltest.GPU) {
		return func(g *nvmltest.GPU) {
			for i := from; i < to; i++ {
				g.Samples = append(g.Samples, nvmltest.Sample{At: time.Hour + time.Duration(i)*100*time.Millisecond, Percent: 100})
			}
		}
	}
	odd := working(sampled(0, 30), func(g *nvmltest.GPU) { change(&g.Samples[25]); g.Utilization = allBits })
	return scenario{
		driver: working(sampled(0, 10)), pods: []kubelettest.Pod{podA},
		steps: []step{{
			name: "they are read", shows: []sight{has(&metric.DeviceActiveSeconds, gpu0)}, grows: []series{of(seconds, onA...)},
		}, {
			name: "some are added", do: driven(working(sampled(0, 20))), shows: []sight{above(0.1, &metric.DeviceActiveSeconds, gpu0), hasNo(&metric.CollectorImpossible, device.ReadingSamples)},
		}, {
			name: "one can't be, and the utilization neither", do: driven(odd),
			shows:  []sight{leftOut(device.ReadingSamples), leftOut(device.ReadingUtilization), activeAtMost(gpu0)},
			stands: []series{impossible(device.ReadingSamples)}, // it is read once
			log:    []line{logged(1, "reading that cannot be", gpu0, "reading=samples")},
		}, {
			name: "they go on", do: driven(working(sampled(0, 30), func(g *nvmltest.GPU) { change(&g.Samples[25]) }, sampled(30, 40))),
			shows:  []sight{activeAtMost(gpu0), is(0.5, &metric.DeviceUtilization, gpu0)},
			stands: []series{impossible(device.ReadingSamples)},
		}},
	}
}

// late is a GPU that is busy all the time, and a sample of it that has another time
// than it should. Those that follow count.
func late(by time.Duration) scenario {
	sample := func(i int, by time.Duration) nvmltest.Sample {
		return nvmltest.Sample{At: 10*time.Hour + time.Duration(i)*50*time.Millisecond + by, Percent: 100}
	}
	run := func(odd bool) deed {
		return playing(func(i int) nvmltest.Scenario {
			return working(func(g *nvmltest.GPU) {
				for k := max(0, i-40); k < i; k++ {
					g.Samples = append(g.Samples, sample(k, 0))
				}
				if odd {
					g.Samples = append(g.Samples, sample(i, by))
				}
			})
		})
	}
	well := step{
		name: "it is busy", shows: []sight{above(0.5, &metric.DeviceActiveSeconds, gpu0), activeAtMost(gpu0)},
		grows: []series{of(&metric.DeviceActiveSeconds, gpu0), of(&metric.ContainerActiveSeconds, onA...)},
	}
	odd := then(well, "a sample has another time", run(true))
	if by > 0 {
		odd.shows = append(odd.shows, leftOut(device.ReadingSamples))
	}
	return scenario{driver: working(), pods: []kubelettest.Pod{podA}, before: run(false), steps: []step{well, odd, then(well, "none has", run(false))}}
}

// exchanged are two GPUs of which each has the other one's energy for a while.
func exchanged() scenario {
	drawn := func(first, second int64) nvmltest.Scenario {
		node := nvmltest.Node(2)
		node.GPUs[0].Energy, node.GPUs[1].Energy = first, second
		return node
	}
	shows := func(first, second float64) []sight {
		return []sight{is(first, &metric.ContainerEnergy, onA...), is(second, &metric.ContainerEnergy, onB...), is(first, &metric.DeviceEnergy, gpu0), is(second, &metric.DeviceEnergy, gpu1)}
	}
	return scenario{driver: drawn(megajoules, 2*megajoules), pods: []kubelettest.Pod{podA, podB}, steps: []step{
		{name: "they are followed", shows: shows(0, 0)},
		{name: "one draws", do: driven(drawn(megajoules+50_000, 2*megajoules)), shows: shows(50, 0)},
		{name: "they are exchanged", do: driven(drawn(2*megajoules, megajoules)), shows: append(shows(50, 0), leftOut(device.ReadingEnergy))},
		{name: "and back", do: driven(drawn(megajoules+100_000, 2*megajoules+7000)), shows: shows(100, 7)},
	}}
}
