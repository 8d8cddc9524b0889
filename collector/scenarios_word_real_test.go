//go:build real

package collector_test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"testing"

	"github.com/gputally/gputally/collector/kubelet/kubelettest"
	"github.com/gputally/gputally/collector/meter"
	"github.com/gputally/gputally/collector/metric"
	"github.com/gputally/gputally/collector/nvml/nvmltest"
	"github.com/gputally/gputally/internal/collectortest"
)

// wordScenarios are about what the kubelet says too late, too long or not at all.
func wordScenarios() map[string]scenario {
	all := restartScenarios()
	maps.Insert(all, maps.All(completedScenarios()))
	all["the device plugin is set to 2 slots, and then to 10"] = slotsOffered()
	return all
}

// restarted is a kubelet that restarts and then lists these pods. The checkpoint
// stays as it is.
func restarted(lists ...kubelettest.Pod) deed {
	return func(_ *testing.T, n *collectortest.Node) {
		n.Kubelet.Stop()
		n.Kubelet.SetPods(lists...)
		n.Kubelet.Run()
	}
}

// listed makes the kubelet list these pods, and leaves the checkpoint as it is.
func listed(pods ...kubelettest.Pod) deed {
	return func(_ *testing.T, n *collectortest.Node) { n.Kubelet.SetPods(pods...) }
}

// checkpointed makes the checkpoint have these pods.
func checkpointed(pods ...kubelettest.Pod) deed {
	return func(_ *testing.T, n *collectortest.Node) { n.Kubelet.WriteCheckpoint(pods...) }
}

// restartScenarios are about a kubelet that restarts and does not know yet who is
// there. Pod a goes on in all of them.
func restartScenarios() map[string]scenario {
	estimated := func(n float64) sight { return is(n, &metric.CollectorEstimated) }
	complete := hasNo(&metric.CollectorEstimated)
	// bothGo on, as estimated or not.
	bothGo := func(name string, do deed, shows ...sight) step {
		st := then(bothHeld(), name, do)
		st.shows = append(st.shows, hasNo(&metric.ContainerEndTime, onA...), hasNo(&metric.ContainerEndTime, onB...),
			is(0, &metric.CollectorAmbiguous), is(0, &metric.DeviceSeconds, gpu0, metric.StateUnattributed), is(0, &metric.DeviceSeconds, gpu1, metric.StateUnattributed))
		st.shows = append(st.shows, shows...)
		st.stands = append(st.stands, of(&metric.DeviceSeconds, gpu1, metric.StateUnallocated))
		return st
	}
	onC := container("c", gpu1)
	podC, next := pod("c", gpu1), kubelettest.GPUs("vision", "b", "uid-next", gpu1)
	bEnded := func(name string, do deed, shows ...sight) step {
		return step{
			name: name, do: do,
			shows: append(shows, is(1, &metric.ContainerShare, onA...), has(&metric.ContainerEndTime, onB...), is(0, &metric.ContainerShare, onB...),
				hasNo(&metric.ContainerEndTime, onA...), is(0, &metric.DeviceSeconds, gpu0, metric.StateUnallocated)),
			grows:  []series{of(seconds, onA...)},
			stands: []series{of(seconds, onB...), of(&metric.DeviceSeconds, gpu1, metric.StateUnattributed)},
		}
	}
	// comes is a step with which pod b goes on at once.
	comes := func(name string, do deed, shows ...sight) step {
		st := then(bothHeld(), name, do)
		st.shows = append(shows, append(st.shows, hasNo(&metric.ContainerEndTime, onB...), is(0, &metric.DeviceSeconds, gpu1, metric.StateUnattributed))...)
		return st
	}
	long := []string{"--meter.max-gap=1h"}
	run := func(flags []string, steps ...step) scenario {
		return scenario{
			driver: nvmltest.Node(2), pods: []kubelettest.Pod{podA, podB}, flags: flags,
			steps: append([]step{bothGo("both GPUs are held", nil, complete)}, steps...),
		}
	}
	return map[string]scenario{
		"the kubelet restarts, lists nothing, and then one pod after the other": run(nil,
			bothGo("it lists nothing", restarted(), estimated(2)),
			bothGo("it lists one pod", listed(podA), estimated(1)),
			bothGo("it lists both", listed(podB, podA), complete),
			bEnded("one ends", held(podA), complete)),
		"the kubelet restarts twice": run(nil,
			bothGo("it lists nothing", restarted(), estimated(2)),
			bothGo("it restarts again", restarted(), estimated(2)),
			bothGo("it lists both", listed(podA, podB), complete)),
		"the kubelet restarts, and one pod is not listed again": run([]string{"--meter.max-gap=2s"},
			bothGo("it lists nothing", restarted(), estimated(2)),
			bEnded("one is missing for too long", listed(podA), complete, endedEarly())),
		"the kubelet restarts, and lists a pod again too late": run([]string{"--meter.max-gap=2s"},
			bothGo("it lists nothing", restarted(), estimated(2)),
			bEnded("one is missing for too long", listed(podA), complete),
			comes("it lists that one, too", listed(podA, podB), complete)),
		"the kubelet restarts, and one pod has given back its GPU": run(long,
			bEnded("the checkpoint lacks it", together(checkpointed(podA), restarted()), estimated(1))),
		"the kubelet restarts, and the checkpoint has a pod with another GPU": run(long,
			bEnded("the checkpoint has another one", together(checkpointed(podA, pod("b", "GPU-other")), restarted()), estimated(1))),
		"the kubelet restarts without a checkpoint": run(long,
			bothGo("it lists nothing", together(func(_ *testing.T, n *collectortest.Node) { n.Kubelet.RemoveCheckpoint() }, restarted()), estimated(2)),
			bEnded("it lists one pod", listed(podA), complete)),
		"the kubelet restarts, and another pod has the name of one": run(long,
			bEnded("neither is listed", together(checkpointed(podA, next), restarted(podA))),
			bEnded("the other one is listed", listed(podA, next), complete, is(1, &metric.ContainerShare, "vision", "b", "uid-next", "main", gpu1))),
		"the kubelet is away for longer than what it said holds, and lists nothing": run([]string{"--meter.max-gap=3s"},
			step{
				name: "it is away", do: func(_ *testing.T, n *collectortest.Node) { n.Kubelet.Stop() },
				shows: []sight{above(0, &metric.CollectorUnobservedSeconds)}, stands: []series{of(seconds, onA...), of(seconds, onB...)},
			},
			bothGo("it lists nothing", restarted(), estimated(2)),
			bothGo("it lists both", listed(podA, podB), complete)),
		"the kubelet restarts, and the GPU is another pod's": run(long,
			bEnded("the other one is listed", together(checkpointed(podA, podC), restarted(podC)), estimated(1), is(1, &metric.ContainerShare, onC...)),
			bEnded("both are", listed(podC, podA), complete, is(1, &metric.ContainerShare, onC...))),
	}
}

// withCgroups builds the driver's library and puts the cgroups of pods next to it: of
// a, of b with one container, and of the collector.
func withCgroups(t testing.TB) string {
	t.Helper()
	library := nvmltest.Build(t)
	for _, dir := range []string{cgroup(aUID, ""), cgroup(bUID, "1"), cgroup("00000000-0000-4000-8000-000000000000", "")} {
		if err := os.MkdirAll(filepath.Join(library+".cgroup", dir), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	return library
}

// cgroup is the folder of a pod, or of a container of it.
func cgroup(uid, container string) string {
	return filepath.Join("kubepods", "burstable", "pod"+uid, container)
}

// withoutCgroup removes a cgroup and what is below, and makes another one.
func withoutCgroup(gone, made string) deed {
	return func(t *testing.T, n *collectortest.Node) {
		if err := os.RemoveAll(filepath.Join(n.Library+".cgroup", gone)); err != nil {
			t.Fatal(err)
		}
		if made != "" {
			if err := os.Mkdir(filepath.Join(n.Library+".cgroup", made), 0o700); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// completedScenarios are about kubelets before 1.34, which list pods after their end.
func completedScenarios() map[string]scenario {
	a, b := kubelettest.GPUs("vision", "a", aUID, gpu0), kubelettest.GPUs("vision", "b", bUID, gpu1)
	c := kubelettest.GPUs("vision", "c", cUID, gpu1)
	isA, isB, isC := []string{"vision", "a", aUID, "main", gpu0}, []string{"vision", "b", bUID, "main", gpu1}, []string{"vision", "c", cUID, "main", gpu1}
	initial := kubelettest.Pod{Namespace: "vision", Name: "b", UID: bUID, Containers: append([]kubelettest.Container{
		{Name: "init", Devices: b.Containers[0].Devices},
	}, b.Containers...)}
	both := func(name string, do deed) step {
		return step{
			name: name, do: do,
			shows:  []sight{is(1, &metric.ContainerShare, isA...), is(1, &metric.ContainerShare, isB...), hasNo(&metric.ContainerEndTime, isB...), is(0, &metric.CollectorAmbiguous)},
			grows:  []series{of(seconds, isA...), of(seconds, isB...)},
			stands: []series{of(&metric.DeviceSeconds, gpu1, metric.StateUnallocated), of(&metric.DeviceSeconds, gpu1, metric.StateUnattributed)},
		}
	}
	over := func(name string, do deed) step {
		return step{
			name: name, do: do,
			shows:  []sight{is(1, &metric.ContainerShare, isA...), is(0, &metric.ContainerShare, isB...), has(&metric.ContainerEndTime, isB...)},
			grows:  []series{of(seconds, isA...), of(&metric.DeviceSeconds, gpu1, metric.StateUnallocated)},
			stands: []series{of(seconds, isB...), of(&metric.DeviceSeconds, gpu1, metric.StateUnattributed)},
		}
	}
	next := func(name string, do deed) step {
		st := over(name, do)
		st.shows = append(st.shows, is(1, &metric.ContainerShare, isC...), is(0, &metric.CollectorAmbiguous))
		st.grows = []series{of(seconds, isA...), of(seconds, isC...)}
		st.stands = append(st.stands, of(&metric.DeviceSeconds, gpu1, metric.StateUnallocated))
		return st
	}
	run := func(steps ...step) scenario {
		return scenario{
			library: withCgroups, driver: nvmltest.Node(2), pods: []kubelettest.Pod{a, b}, flags: []string{"--host.cgroup=LIBRARY.cgroup"},
			steps: append([]step{both("both run", nil)}, steps...),
		}
	}
	blind := func(steps ...step) scenario {
		sc := run(steps...)
		sc.flags = []string{"--host.cgroup=LIBRARY.none"}
		sc.steps[0].shows = append(sc.steps[0].shows, is(0, &metric.CollectorSourceUp, meter.SourceCgroup))
		sc.steps[0].log = []line{logged(1, "peer=cgroup", "kubelets before 1.34 list completed pods")}
		return sc
	}
	restart := withoutCgroup(cgroup(bUID, "1"), cgroup(bUID, "2"))
	end := withoutCgroup(cgroup(bUID, ""), "")
	return map[string]scenario{
		"a pod completes while a kubelet that restarted lists nothing": run(
			both("it lists nothing", restarted()), over("one completes", end), over("it lists both", listed(a, b))),
		"a completed pod stays listed by a kubelet that restarts": run(
			over("it completes", end), over("the kubelet lists nothing", restarted()), over("it lists both", listed(b, a))),
		"a completed pod stays listed by a kubelet that restarts, and its GPU goes to another": run(
			over("it completes", end), over("the kubelet lists nothing", restarted()), next("it lists another one, too", together(checkpointed(a, c), listed(b, c, a)))),
		"a completed pod stays listed": run(both("its container restarts", restart), over("it completes", end)),
		"a completed pod stays listed, and its GPU goes to another": run(
			over("it completes", end),
			next("the other one begins", together(held(a, b, c), checkpointed(a, c))),
			next("the kubelet restarts", restarted(c)), next("it lists all", listed(b, c, a))),
		"a completed pod stays listed, its GPU goes to another, and no cgroups are seen": blind(
			next("the other one begins", held(a, b, c)),
			next("the kubelet restarts", restarted(c)), next("it lists all", listed(b, c, a)),
			over("the other one is gone", held(a, b))),
		"a completed pod stays listed, and was an init container's, too": blind(
			both("the checkpoint has its init container, too", checkpointed(a, initial)),
			next("the other one begins", together(listed(a, b, c), checkpointed(a, initial, c)))),
	}
}

// endedEarly says that pod b ended when it was listed last, which is more than two
// seconds before anybody knew.
func endedEarly() sight {
	return sight{"pod b ended when it was last listed", func(s collectortest.Scrape) bool {
		lived := s.Value(&metric.ContainerEndTime, onB...) - s.Value(&metric.ContainerStartTime, onB...)
		return lived > 0 && lived < s.Value(&metric.DeviceSeconds, gpu1, metric.StateAllocated)-1.5
	}}
}

// A collector that restarts together with the kubelet finds a checkpoint, and nobody
// listed: the GPUs are held, it does not know by whom.
func TestACollectorThatRestartsWithTheKubelet(t *testing.T) {
	t.Parallel()
	n := collectortest.NewNode(t, nvmltest.Node(2))
	n.Kubelet.WriteCheckpoint(podA)
	p := collectortest.Start(t, n.Command(t, built(t), "--meter.interval=100ms"))
	shows := func(what string, sights ...sight) {
		t.Helper()
		p.Until(t, what, func(s collectortest.Scrape) bool { return step{shows: sights}.fault(s) == "" })
	}
	free := is(0, &metric.DeviceSeconds, gpu0, metric.StateUnallocated)
	shows("one GPU is held, one is free", free, above(0.3, &metric.DeviceSeconds, gpu0, metric.StateUnattributed),
		above(0.3, &metric.DeviceSeconds, gpu1, metric.StateUnallocated), is(1, &metric.CollectorAmbiguous))
	n.Kubelet.SetPods(podA)
	shows("the pod is listed", free, above(0.3, seconds, onA...), is(0, &metric.CollectorAmbiguous), hasNo(&metric.CollectorEstimated))
}

// offers makes the device plugin cut the first GPU into this many slots.
func offers(slots int) deed {
	return func(_ *testing.T, n *collectortest.Node) {
		var ids []string
		for i := range slots {
			ids = append(ids, fmt.Sprintf("%s::%d", gpu0, i))
		}
		n.Kubelet.SetAllocatable(kubelettest.Devices{Resource: "nvidia.com/gpu", IDs: ids})
	}
}

// atMostOne says that the shares of the first GPU sum to at most 1.
func atMostOne(holders ...[]string) sight {
	return sight{"the shares sum to at most 1", func(s collectortest.Scrape) bool {
		sum := 0.0
		for _, h := range holders {
			sum += s.Value(&metric.ContainerShare, h...)
		}
		return sum <= 1+1e-9
	}}
}

// slotsOffered are those of a device plugin that is set to other numbers while two
// pods run on.
func slotsOffered() scenario {
	first, last := pod("first", gpu0+"::0"), pod("last", gpu0+"::3")
	third, fourth := pod("third", gpu0+"::1"), pod("fourth", gpu0+"::2")
	of0, of3, of1, of2 := container("first", gpu0), container("last", gpu0), container("third", gpu0), container("fourth", gpu0)
	share := func(name string, ratio float64, do deed) step {
		return step{
			name: name, do: do,
			shows: []sight{
				is(ratio, &metric.ContainerShare, of0...), is(ratio, &metric.ContainerShare, of3...), atMostOne(of0, of1, of2, of3),
				hasNo(&metric.ContainerEndTime, of0...), is(0, &metric.CollectorUnresolved),
			},
			grows:  []series{of(seconds, of0...), of(seconds, of3...)},
			stands: []series{of(&metric.DeviceSeconds, gpu0, metric.StateUnattributed)},
		}
	}
	crowded := share("the new slots are held, too", 0.25, held(first, last, third, fourth))
	crowded.shows = append(crowded.shows, is(0.25, &metric.ContainerShare, of1...), is(0.25, &metric.ContainerShare, of2...))
	away := share("the kubelet and the device plugin restart", 0.25, together(func(_ *testing.T, n *collectortest.Node) { n.Kubelet.SetAllocatable() }, restarted()))
	away.shows = append(away.shows, is(2, &metric.CollectorEstimated))
	full := share("ten slots", 0.1, offers(10))
	full.shows = append(full.shows, is(0.1, &metric.ContainerShare, of1...))
	return scenario{
		driver: nvmltest.Node(1), pods: []kubelettest.Pod{first, last},
		steps: []step{
			share("four slots", 0.25, offers(4)),
			away, share("the device plugin is away still", 0.25, listed(first, last)),
			share("two slots", 0.5, offers(2)),
			crowded, full,
		},
	}
}
