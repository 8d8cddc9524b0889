//go:build real

package collector_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/gputally/gputally/collector/kubelet/kubelettest"
	"github.com/gputally/gputally/collector/meter"
	"github.com/gputally/gputally/collector/metric"
	"github.com/gputally/gputally/collector/nvml/nvmltest"
	"github.com/gputally/gputally/internal/collectortest"
)

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
	for range 850 {
		nics = append(nics, strings.Repeat("n", 5<<10))
	}
	cluttered := kubelettest.Pod{Namespace: "net", Name: "nics", UID: "uid-nics", Containers: []kubelettest.Container{
		{Name: "main", Devices: []kubelettest.Devices{{Resource: "example.com/nic", IDs: nics}}},
	}}
	// The kubelet does not answer from the start, and then it does.
	late := func(before, do deed, words ...string) scenario {
		absent := away(nil, words...)
		absent.name = "nobody is known to hold a GPU"
		absent.shows = append(slices.Clone(absent.shows[:len(absent.shows)-1]), hasNo(&metric.ContainerShare, onA...))
		absent.stands = nil
		for _, state := range metric.States() {
			absent.stands = append(absent.stands, of(&metric.DeviceSeconds, gpu0, state))
		}
		return scenario{driver: both, pods: pods, before: before, steps: []step{absent, back(do)}}
	}
	stop := func(_ *testing.T, n *collectortest.Node) { n.Kubelet.Stop() }
	run := func(_ *testing.T, n *collectortest.Node) { n.Kubelet.Run() }
	unnamed := []string{"vision", "c", "", "main", gpu1}
	return map[string]scenario{
		"the kubelet is not there yet when the collector starts": late(stop, run, "directory of its pod-resources socket"),
		"the kubelet permits nothing from the start":             late(refuse(kubelettest.Forbidden()), refuse(nil), "PermissionDenied"),
		"the kubelet hangs from the start":                       late(func(_ *testing.T, n *collectortest.Node) { n.Kubelet.Hang() }, run),
		"the kubelet restarts and makes another socket": {
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
			steps: []step{{ // one that is late, on a busy machine, is bridged
				name:  "it is read",
				shows: []sight{is(1, &metric.ContainerShare, onA...), is(1, &metric.ContainerShare, onB...)},
				grows: []series{of(seconds, onA...), of(seconds, onB...)},
				log:   []line{logged(0, "larger than")},
			}},
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
