//go:build real

package cmd_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/gputally/gputally/collector/kubelet/kubelettest"
	"github.com/gputally/gputally/collector/metric"
	"github.com/gputally/gputally/collector/nvml/nvmltest"
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
	kubelet  *kubelettest.Server
	scenario string // the file that the library reads
	address  string // of the collector
	started  time.Time
}

func newLiveNode(t *testing.T, binary string) *liveNode {
	t.Helper()
	n := &liveNode{kubelet: kubelettest.Start(t), scenario: filepath.Join(t.TempDir(), "scenario"), started: time.Now()}
	library := nvmltest.Build(t)
	n.kubelet.SetAllocatable(kubelettest.Devices{
		Resource: "nvidia.com/gpu", IDs: append([]string{whole, spare}, slots(0, 1, 2, 3)...),
	})
	n.kubelet.Hold(resident()...)
	n.write(t, n.gpus())
	cmd := exec.Command(binary,
		"--web.listen-address=127.0.0.1:0", "--meter.interval=200ms",
		"--kubelet.socket="+n.kubelet.Socket(), "--kubelet.checkpoint="+n.kubelet.Checkpoint())
	cmd.Env = append(os.Environ(),
		"NODE_NAME=live", "LD_LIBRARY_PATH="+filepath.Dir(library), nvmltest.ScenarioEnv+"="+n.scenario)
	n.address = startCollector(t, cmd)
	return n
}

// gpus are three, of which one is used by a process.
func (n *liveNode) gpus() nvmltest.Scenario {
	s := nvmltest.Node(3)
	s.GPUs[0].MemoryUsed, s.GPUs[0].Compute = 64<<30, []int{4711}
	return s
}

func (n *liveNode) write(t *testing.T, s nvmltest.Scenario) {
	t.Helper()
	if err := s.WriteFile(n.scenario); err != nil {
		t.Fatal(err)
	}
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

// play lets a pod come and go, and a GPU begin to work, until all of it stands
// in the Prometheus.
func (n *liveNode) play(t *testing.T, server string) {
	t.Helper()
	in := func(what, expr string) {
		t.Helper()
		eventually(t, what, func() bool { return found(t, server, expr) > 0 })
	}
	in("a GPU that idles is scraped", metric.ContainerIdleSeconds.Name+`{pod="train"} > 1`)
	n.kubelet.Hold(append(resident(), kubelettest.GPUs("vision-ci", "probe", "uid-probe", spare))...)
	working := n.gpus()
	working.GPUs[0].Utilization = 50
	working.GPUs[0].Energy += 36_000_000 // mJ, 0.01 kWh
	n.write(t, working)
	in("the short pod is scraped", metric.ContainerAllocatedSeconds.Name+`{pod="probe"} > 2`)
	n.kubelet.Hold(resident()...)
	in("the work is scraped", metric.ContainerActiveSeconds.Name+`{pod="train"} > 1`)
	// A preview ends at a whole second, which has to lie behind the pod's end.
	in("its end is past", metric.ContainerEndTime.Name+`{pod="probe"} < time() - 1`)
}

// allocated is what the collector says that its containers held, in GPU-seconds by pod.
func (n *liveNode) allocated(t *testing.T) map[string]float64 {
	t.Helper()
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(bytes.NewReader(get(t, "http://"+n.address+"/metrics")))
	if err != nil {
		t.Fatal(err)
	}
	byPod := map[string]float64{}
	for _, m := range families[metric.ContainerAllocatedSeconds.Name].GetMetric() {
		for _, l := range m.GetLabel() {
			if l.GetName() == metric.LabelPod {
				byPod[l.GetValue()] = m.GetCounter().GetValue()
			}
		}
	}
	return byPod
}
