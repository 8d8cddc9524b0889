//go:build real

package collector_test

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/gputally/gputally/collector/device"
	"github.com/gputally/gputally/collector/kubelet/kubelettest"
	"github.com/gputally/gputally/collector/metric"
	"github.com/gputally/gputally/collector/nvml/nvmltest"
	"github.com/gputally/gputally/internal/collectortest"
)

// Processes of the node, in the host's /proc. The first two are of pods.
const (
	ofA, ofB, ofC, onHost, mpsServer, display, unseen, unreadable = 10, 20, 30, 666, 777, 888, 999, 1000
	aUID, bUID, cUID                                              = "aaaaaaaa-0000-4000-8000-000000000000", "bbbbbbbb-0000-4000-8000-000000000000", "cccccccc-0000-4000-8000-000000000000"
)

// withProcesses builds the driver's library and puts a /proc next to it. In it
// there is no process of the number unseen.
func withProcesses(t testing.TB) string {
	t.Helper()
	library := nvmltest.Build(t)
	proc := library + ".proc"
	if err := os.MkdirAll(filepath.Join(proc, "self", "ns"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("pid:[4026531836]", filepath.Join(proc, "self", "ns", "pid")); err != nil {
		t.Fatal(err)
	}
	pods := func(uid string) string { return "/kubepods/burstable/pod" + uid + "/" + fmt.Sprintf("%064d", 1) }
	for pid, p := range map[int]struct{ name, cgroup string }{
		ofA: {"python", pods(aUID)}, ofB: {"python", pods(bUID)}, ofC: {"python", pods(cUID)}, onHost: {"miner", "/user.slice/session-1.scope"},
		unreadable: {}, mpsServer: {"nvidia-cuda-mps", pods(cUID)}, display: {"Xorg", "/system.slice/display-manager.service"},
	} {
		dir := filepath.Join(proc, fmt.Sprint(pid))
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		stat := fmt.Sprintf("%d (%s) S 1 1 1 0 -1 4194560 1 0 0 0 3 4 0 0 20 0 9 0 %d 12345 100 18446744073709551615\n", pid, p.name, 500+pid)
		if pid == unreadable {
			stat = "nothing that the kernel writes"
		}
		for name, content := range map[string]string{"stat": stat, "cgroup": "0::" + p.cgroup + "\n"} {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	return library
}

// process is what one does on a GPU: percent below 0 is not measured.
type process struct {
	pid     int
	gib     int64
	percent int64
}

// busyWith is a GPU that works, on which these processes are. It draws 100 W. Its
// driver has new samples of what they do all the time.
func busyWith(percent int64, processes ...process) deed {
	return playing(func(i int) nvmltest.Scenario {
		node := nvmltest.Node(1)
		g := &node.GPUs[0]
		g.Utilization, g.Energy, g.MemoryUsed = percent, int64(1000+i*5000), 1<<30
		for _, p := range processes {
			g.Compute = append(g.Compute, p.pid)
			g.Details = append(g.Details, nvmltest.Process{PID: p.pid, Memory: p.gib << 30, GI: -1, CI: -1})
			g.MemoryUsed += p.gib << 30
			if p.percent >= 0 {
				g.Work = append(g.Work, nvmltest.Work{PID: p.pid, At: time.Hour + time.Duration(i)*50*time.Millisecond, Percent: p.percent})
			}
		}
		return node
	})
}

// part says that a container was active for a part of the time observed.
func part(ratio float64, labels []string) sight {
	return sight{fmt.Sprintf("it was active for %g of the time observed", ratio), func(s collectortest.Scrape) bool {
		observed := s.Value(&metric.ContainerObservedSeconds, labels...)
		return observed > 0 && math.Abs(s.Value(&metric.ContainerActiveSeconds, labels...)-ratio*observed) < 1e-6
	}}
}

// charged says that a container has a part of the GPU's energy at most, and some.
func charged(most float64, labels []string) sight {
	return sight{fmt.Sprintf("it has up to %g of the energy", most), func(s collectortest.Scrape) bool {
		got := s.Value(&metric.ContainerEnergy, labels...)
		return got > 0 && got <= most*s.Value(&metric.DeviceEnergy, gpu0)+1e-6
	}}
}

// ownerScenarios are about whose work it is that a GPU does.
func ownerScenarios() map[string]scenario {
	a := kubelettest.GPUs("vision", "a", aUID, gpu0)
	isA := []string{"vision", "a", aUID, "main", gpu0}
	observed := of(&metric.ContainerObservedSeconds, isA...)
	strangers := func(n float64) sight { return is(n, &metric.DeviceStrangers, gpu0) }
	memory := func(gib float64) sight { return is(gib*(1<<30), &metric.ContainerMemoryUsed, isA...) }
	// held is a GPU that pod a has to itself.
	held := func(do deed, st step) scenario {
		st.name, st.do = "they work", do
		st.shows = append(st.shows, is(1, &metric.ContainerShare, isA...))
		st.grows = append(st.grows, of(seconds, isA...), of(&metric.DeviceSeconds, gpu0, metric.StateAllocated))
		return scenario{
			library: withProcesses, driver: nvmltest.Node(1), pods: []kubelettest.Pod{a},
			flags: []string{"--activity.processes", "--host.proc=LIBRARY.proc", "--host.container-logs="}, steps: []step{st},
		}
	}
	all := map[string]scenario{
		"the holder works, and a process of the host more": held(busyWith(50, process{ofA, 5, 10}, process{onHost, 70, 40}), step{
			shows: []sight{strangers(1), memory(5), part(0.1, isA), charged(0.2, isA)}, grows: []series{observed},
			log: []line{logged(1, "who holds nothing", gpu0, "pid=666", "miner")},
		}),
		"the holder works, and a pod without a GPU more": held(busyWith(50, process{ofA, 5, 20}, process{ofC, 70, 30}), step{
			shows: []sight{strangers(1), memory(5), part(0.2, isA), charged(0.4, isA)}, grows: []series{observed},
			log: []line{logged(1, "who holds nothing", gpu0, "pod_uid="+cUID)},
		}),
		"a stranger works alone on a GPU that is held": held(busyWith(50, process{onHost, 70, 50}), step{
			shows: []sight{strangers(1), memory(0), part(0, isA)}, grows: []series{observed, of(&metric.ContainerIdleSeconds, isA...)},
			stands: []series{of(&metric.ContainerActiveSeconds, isA...)},
		}),
		"how much of the work is a stranger's is not known": held(busyWith(50, process{ofA, 5, -1}, process{onHost, 70, -1}), step{
			shows: []sight{strangers(1), memory(5)}, stands: []series{observed, of(&metric.ContainerActiveSeconds, isA...), of(&metric.ContainerIdleSeconds, isA...)},
		}),
		"a stranger only keeps memory": held(busyWith(50, process{ofA, 5, 50}, process{onHost, 70, 0}), step{
			shows: []sight{strangers(1), memory(5), part(0.5, isA), charged(1, isA)}, grows: []series{observed},
		}),
		"nobody is on the GPU but the holder": held(busyWith(50, process{ofA, 5, -1}), step{
			shows: []sight{strangers(0), memory(6), part(0.5, isA), charged(1, isA)}, grows: []series{observed}, // the GPU's own readings
		}),
		"the server of MPS works for the holder": held(busyWith(50, process{mpsServer, 0, 50}, process{ofA, 5, -1}), step{
			shows: []sight{strangers(0), memory(5), part(0.5, isA), charged(1, isA)}, grows: []series{observed},
		}),
		"the GPU works, and no process is listed": held(busyWith(50), step{
			shows:  []sight{strangers(0), hasNo(&metric.ContainerMemoryUsed, isA...)},
			stands: []series{observed, of(&metric.ContainerActiveSeconds, isA...), of(&metric.ContainerIdleSeconds, isA...)},
		}),
		"the GPU works, and only a display is listed, which does not": held(busyWith(50, process{display, 0, 0}), step{
			shows:  []sight{strangers(0)},
			stands: []series{observed, of(&metric.ContainerActiveSeconds, isA...), of(&metric.ContainerIdleSeconds, isA...)},
		}),
		"a process that is listed is not there": held(busyWith(50, process{ofA, 5, 10}, process{unseen, 70, 40}), step{
			shows: []sight{strangers(1), memory(5), part(0.1, isA), charged(0.2, isA)}, grows: []series{observed},
		}),
		"a process can't be looked up": held(busyWith(50, process{ofA, 5, 10}, process{unreadable, 70, 40}), step{
			shows:  []sight{hasNo(&metric.DeviceStrangers, gpu0), hasNo(&metric.ContainerMemoryUsed, isA...)},
			stands: []series{observed, of(&metric.ContainerActiveSeconds, isA...)},
		}),
	}
	lists := held(busyWith(50, process{ofA, 5, 10}, process{onHost, 70, 40}), step{shows: []sight{strangers(1)}, grows: []series{observed}})
	lists.steps = append(lists.steps, step{
		name: "the list of processes fails", do: playing(func(int) nvmltest.Scenario {
			node := nvmltest.Node(1)
			node.GPUs[0].Utilization, node.GPUs[0].MemoryUsed = 50, 75<<30
			node.GPUs[0].Fails = map[string]nvmltest.Code{"nvmlDeviceGetComputeRunningProcesses_v3": nvmltest.Unknown}
			return node
		}),
		shows:  []sight{hasNo(&metric.DeviceStrangers, gpu0), hasNo(&metric.ContainerMemoryUsed, isA...)},
		grows:  []series{of(seconds, isA...)},
		stands: []series{observed, of(&metric.ContainerActiveSeconds, isA...), of(&metric.ContainerMemoryByteSeconds, isA...)},
	})
	all["a stranger works, and the list of processes fails"] = lists
	for name, sc := range sharedByOwners(observed, strangers, isA) {
		all[name] = sc
	}
	for name, sc := range freeScenarios() {
		all[name] = sc
	}
	all["a stranger works on a MIG instance that is held"] = strangerOnMIG(isA)
	return all
}

// sharedByOwners are about a GPU that pods a and b share.
func sharedByOwners(observedA series, strangers func(float64) sight, isA []string) map[string]scenario {
	isB := []string{"vision", "b", bUID, "main", gpu0}
	observedB := of(&metric.ContainerObservedSeconds, isB...)
	slots := []string{gpu0 + "::0", gpu0 + "::1"}
	shared := func(do deed, st step) scenario {
		st.name, st.do = "they work", together(func(_ *testing.T, n *collectortest.Node) {
			n.Kubelet.SetAllocatable(kubelettest.Devices{Resource: "nvidia.com/gpu", IDs: slots})
		}, do)
		st.shows = append(st.shows, is(0.5, &metric.ContainerShare, isA...), is(0.5, &metric.ContainerShare, isB...))
		st.grows = append(st.grows, of(seconds, isA...), of(seconds, isB...))
		return scenario{
			library: withProcesses, driver: nvmltest.Node(1),
			pods:  []kubelettest.Pod{kubelettest.GPUs("vision", "a", aUID, slots[0]), kubelettest.GPUs("vision", "b", bUID, slots[1])},
			flags: []string{"--activity.processes", "--host.proc=LIBRARY.proc", "--host.container-logs="}, steps: []step{st},
		}
	}
	return map[string]scenario{
		"one of two that share works, and a stranger": shared(busyWith(50, process{ofA, 5, 20}, process{onHost, 70, 30}), step{
			shows: []sight{strangers(1), part(0.4, isA), part(0, isB), charged(0.4, isA)}, grows: []series{observedA, observedB}, // active ÷ the share held
		}),
		"the server of MPS works for one of two that share": shared(busyWith(50, process{mpsServer, 0, 50}, process{ofA, 5, 0}, process{ofB, 5, 0}), step{
			shows: []sight{strangers(0)}, stands: []series{observedA, observedB},
		}),
		"a shared GPU works, and none of the processes does": shared(busyWith(50, process{ofA, 5, 0}, process{ofB, 5, 0}), step{
			shows: []sight{strangers(0), is(5<<30, &metric.ContainerMemoryUsed, isA...)}, stands: []series{observedA, observedB},
		}),
		"what a process of two that share does can't be": shared(busyWith(50, process{ofA, 5, allBits}, process{ofB, 5, 30}), step{
			shows: []sight{leftOut(device.ReadingProcessUtilization), is(5<<30, &metric.ContainerMemoryUsed, isA...), part(0.6, isB)},
			grows: []series{observedB}, stands: []series{observedA},
		}),
		"the memory of a process of two that share can't be": shared(busyWith(50, process{ofA, 500, 20}, process{ofB, 5, 30}), step{
			shows: []sight{leftOut(device.ReadingProcessMemory), hasNo(&metric.ContainerMemoryUsed, isA...), is(5<<30, &metric.ContainerMemoryUsed, isB...), part(0.4, isA)},
			grows: []series{observedA, observedB},
		}),
	}
}

// freeScenarios are about a GPU that nobody holds.
func freeScenarios() map[string]scenario {
	state := func(name string) series { return of(&metric.DeviceSeconds, gpu0, name) }
	used := func(change ...func(*nvmltest.GPU)) deed {
		return driven(working(append([]func(*nvmltest.GPU){func(g *nvmltest.GPU) {
			g.Utilization, g.Compute, g.MemoryUsed = 0, nil, 1<<30
		}}, change...)...))
	}
	on := func(pid int, mib int64) func(*nvmltest.GPU) {
		return func(g *nvmltest.GPU) {
			g.Compute = append(g.Compute, pid)
			g.Details = append(g.Details, nvmltest.Process{PID: pid, Memory: mib << 20, GI: -1, CI: -1})
		}
	}
	busy := func(g *nvmltest.GPU) { g.Utilization = 5 }
	client := func(g *nvmltest.GPU) {
		g.MPS = []int{ofC}
		g.Details = append(g.Details, nvmltest.Process{PID: ofC, Memory: 40 << 20, GI: -1, CI: -1})
	}
	waits := func(name string, do deed) step {
		return step{
			name: name, do: do, shows: []sight{is(1, &metric.DeviceUp, gpu0), is(0, &metric.DeviceStrangers, gpu0)},
			grows: []series{state(metric.StateUnallocated)}, stands: []series{state(metric.StateUnattributed)},
		}
	}
	works := func(name string, do deed, n float64) step {
		return step{
			name: name, do: do, shows: []sight{is(1, &metric.DeviceUp, gpu0), is(n, &metric.DeviceStrangers, gpu0)},
			grows: []series{state(metric.StateUnattributed)}, stands: []series{state(metric.StateUnallocated)},
		}
	}
	free := func(steps ...step) scenario {
		return scenario{library: withProcesses, driver: nvmltest.Node(1), flags: []string{"--host.proc=LIBRARY.proc"}, steps: steps}
	}
	return map[string]scenario{
		"a server of MPS waits on a free GPU": free(
			waits("it waits", used(on(mpsServer, 300))),
			works("somebody works through it", used(on(mpsServer, 300), client, busy), 2),
			works("and rests", used(on(mpsServer, 300), client), 1),
			waits("it waits again", used(on(mpsServer, 300))),
		),
		"a display is on a free GPU": free(
			waits("it rests", used(func(g *nvmltest.GPU) { on(display, 400)(g); g.Compute, g.Graphics = nil, []int{display} })),
			works("somebody else is there", used(on(display, 400), on(ofC, 500)), 1),
		),
		"a daemon whose name is not known keeps little on a free GPU": free(
			waits("it rests", used(on(unseen, 20))),
			works("it works", used(on(unseen, 20), busy), 1),
			waits("it rests again", used(on(unseen, 20))),
			works("it keeps much", used(on(unseen, 70<<10)), 1),
		),
		"nobody knows how much a process on a free GPU keeps": free(
			waits("nothing is in use", used(on(unseen, 0), func(g *nvmltest.GPU) { g.Details, g.MemoryUsed = nil, 0 })),
			works("much is", used(on(unseen, 0), func(g *nvmltest.GPU) { g.Details, g.MemoryUsed = nil, 70<<30 }), 1),
		),
	}
}

// strangerOnMIG is a MIG instance that pod a has to itself, and a stranger on it.
func strangerOnMIG(isA []string) scenario {
	node := nvmltest.Node(1)
	g := &node.GPUs[0]
	g.MIG, g.Utilization, g.Compute = 1, nvmltest.Fails(nvmltest.NotSupported), []int{ofA, onHost}
	g.Instances = []nvmltest.Instance{{UUID: "MIG-1", Name: "NVIDIA H200 MIG 3g.71gb", GI: 1, GPUSlices: 3, ComputeSlices: 3, MemoryMiB: 71 << 10, MemoryUsed: 50 << 30}}
	g.Details = []nvmltest.Process{{PID: ofA, Memory: 5 << 30, GI: 1}, {PID: onHost, Memory: 45 << 30, GI: 1}}
	return scenario{
		library: withProcesses, driver: node, pods: []kubelettest.Pod{kubelettest.GPUs("vision", "a", aUID, "MIG-1")},
		flags: []string{"--activity.processes", "--host.proc=LIBRARY.proc", "--host.container-logs="},
		steps: []step{{
			name:   "each has its memory",
			shows:  []sight{is(3.0/7, &metric.ContainerShare, isA...), is(5<<30, &metric.ContainerMemoryUsed, isA...), is(1, &metric.DeviceStrangers, gpu0)},
			grows:  []series{of(seconds, isA...)},
			stands: []series{of(&metric.ContainerObservedSeconds, isA...)},
		}},
	}
}
