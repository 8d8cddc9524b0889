//go:build real

package cmd_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/gputally/gputally/collector/kubelet/kubelettest"
	"github.com/gputally/gputally/collector/metric"
	"github.com/gputally/gputally/collector/nvml/nvmltest"
	"github.com/gputally/gputally/internal/collectortest"
)

// The GPUs of the live node.
const (
	whole  = "GPU-00000000-0000-4000-8000-000000000000"
	sliced = "GPU-00000001-0000-4000-8000-000000000000"
	spare  = "GPU-00000002-0000-4000-8000-000000000000"
)

// liveNode is a node with a stand-in for the driver's library, a kubelet and
// the collector.
type liveNode struct {
	*collectortest.Node
	collector *collectortest.Process
	started   time.Time
}

func newLiveNode(t *testing.T, binary string) *liveNode {
	t.Helper()
	n := &liveNode{started: time.Now()}
	n.Node = collectortest.NewNode(t, n.gpus())
	n.Kubelet.SetAllocatable(kubelettest.Devices{
		Resource: "nvidia.com/gpu", IDs: append([]string{whole, spare}, slots(0, 1, 2, 3)...),
	})
	n.Kubelet.Hold(resident()...)
	n.collector = collectortest.Start(t, n.Command(t, binary, "--node=live", "--meter.interval=200ms"))
	return n
}

// gpus are three; one of them is used by a process.
func (n *liveNode) gpus() nvmltest.Scenario {
	s := nvmltest.Node(3)
	s.GPUs[0].MemoryUsed, s.GPUs[0].Compute = 64<<30, []int{4711}
	return s
}

func slots(numbers ...int) (ids []string) {
	for _, n := range numbers {
		ids = append(ids, fmt.Sprintf("%s::%d", sliced, n))
	}
	return ids
}

// resident are the pods that stay.
func resident() []kubelettest.Pod {
	return []kubelettest.Pod{
		kubelettest.GPUs("vision-train", "train", "uid-train", whole),
		kubelettest.GPUs("search", "small", "uid-small", slots(0)...),
		kubelettest.GPUs("search", "large", "uid-large", slots(1, 3)...),
	}
}

// probe is a pod that comes and goes.
func probe() kubelettest.Pod { return kubelettest.GPUs("vision-ci", "probe", "uid-probe", spare) }

// play lets a pod come and go, and a GPU begin to work, until all of it stands
// in the Prometheus.
func (n *liveNode) play(t *testing.T, server string) {
	t.Helper()
	in := func(what, expr string) {
		t.Helper()
		collectortest.Eventually(t, what, func() bool { return found(t, server, expr) > 0 })
	}
	in("a GPU that idles is scraped", metric.ContainerIdleSeconds.Name+`{pod="train"} > 1`)
	n.Kubelet.Hold(append(resident(), probe())...)
	working := n.gpus()
	working.GPUs[0].Utilization = 50
	working.GPUs[0].Energy += 720_000 // mJ, 0.0002 kWh: what the card can draw in a second
	n.Play(t, working)
	in("the short pod is scraped", metric.ContainerAllocatedSeconds.Name+`{pod="probe"} > 2`)
	n.Kubelet.Hold(resident()...)
	in("the work is scraped", metric.ContainerActiveSeconds.Name+`{pod="train"} > 1`)
	// A preview ends at a whole second, which has to lie behind the pod's end.
	in("its end is past", metric.ContainerEndTime.Name+`{pod="probe"} < time() - 1`)
}

// allocated is what the collector says that its containers held, in GPU-seconds by pod.
func (n *liveNode) allocated(t *testing.T) map[string]float64 {
	t.Helper()
	s, err := n.collector.Scrape()
	if err != nil {
		t.Fatal(err)
	}
	byPod := map[string]float64{}
	for _, p := range append(resident(), probe()) {
		for _, uuid := range []string{whole, sliced, spare} {
			byPod[p.Name] += s.Value(&metric.ContainerAllocatedSeconds, p.Namespace, p.Name, p.UID, "main", uuid)
		}
	}
	return byPod
}
