//go:build real

package collector_test

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gputally/gputally/collector/kubelet/kubelettest"
	"github.com/gputally/gputally/collector/metric"
	"github.com/gputally/gputally/collector/nvml/nvmltest"
	"github.com/gputally/gputally/internal/collectortest"
)

func TestMetricsPassPromtool(t *testing.T) {
	t.Parallel()
	promtool := filepath.Join("..", ".tools", "bin", "promtool")
	if _, err := os.Stat(promtool); err != nil {
		t.Fatalf("%v: run make tools", err)
	}
	node := nvmltest.Node(3)
	node.GPUs[1].MIG = 1
	node.GPUs[1].Instances = []nvmltest.Instance{{
		UUID: "MIG-1", Name: "NVIDIA H200 MIG 1g.18gb", GI: 7, GPUSlices: 1, ComputeSlices: 1, MemoryMiB: 16384,
	}}
	count := func(clock int64) {
		counters := &nvmltest.Counters{Clock: clock, Graphics: clock / 2, SM: clock / 3, Tensor: clock / 4, DRAM: clock / 5}
		node.GPUs[0].Counters, node.GPUs[1].Counters, node.GPUs[1].Instances[0].Counters = counters, counters, counters
	}
	count(0)
	node.GPUs[1].Temperature = 851                                                  // which cannot be
	for _, id := range []int{74, 76, 269, 270, 271, 138, 139, 140, 141, 197, 198} { // NVML_FI_DEV_… in nvml.h
		node.GPUs[0].Fields = append(node.GPUs[0].Fields, nvmltest.Field{ID: id, Kind: nvmltest.Ulonglong, Value: 1 << 20})
	}
	w := collectortest.NewNode(t, node)
	w.Kubelet.SetAllocatable(kubelettest.Devices{Resource: "nvidia.com/gpu", IDs: []string{gpu0, "MIG-1", node.GPUs[2].UUID}})
	w.Kubelet.Hold(pod("train", gpu0), pod("short", "MIG-1"))
	p := start(t, w, "--nvml.xid", "--nvml.ecc", "--nvml.row-remap", "--nvml.throttle", "--nvml.nvlink", "--nvml.pcie", "--meter.max-gap=1h")
	p.Until(t, "both containers are metered", func(s collectortest.Scrape) bool {
		return s.Has(&metric.ContainerEnergy, container("train", gpu0)...) && s.Has(&metric.ContainerShare, container("short", gpu1)...)
	})
	// The kubelet restarts and does not list the first one yet, but two with one device.
	w.Kubelet.Stop()
	w.Kubelet.Hold(pod("stranger", "shared-0-of-4"), pod("one", "MIG-1"), pod("two", "MIG-1"))
	w.Kubelet.WriteCheckpoint(pod("train", gpu0), pod("stranger", "shared-0-of-4"), pod("one", "MIG-1"), pod("two", "MIG-1"))
	w.Kubelet.Run()
	node.GPUs[0].XIDs = []int{79} // after the collector began to watch
	var metrics string
	var missing []string
	var clock int64
	defer func() {
		if t.Failed() {
			t.Errorf("never seen together: %v", missing)
		}
	}()
	p.Eventually(t, "every family is there to be checked", func() bool {
		clock += 1000 // ratios are known only while the driver's counters move
		count(clock)
		w.Play(t, node)
		var err error
		metrics, err = p.Get("/metrics")
		if err != nil {
			return false
		}
		missing = nil
		for _, f := range metric.Families() {
			if !strings.Contains(metrics, "# TYPE "+f.Name+" "+string(f.Type)+"\n") {
				missing = append(missing, f.Name)
			}
		}
		return len(missing) == 0
	})
	check := exec.Command(promtool, "check", "metrics")
	check.Stdin = strings.NewReader(metrics)
	if out, err := check.CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("promtool check metrics: %v\n%s", err, out)
	}
}

func TestAReplacedDriverEndsItWithACodeOfItsOwn(t *testing.T) {
	t.Parallel()
	w := collectortest.NewNode(t, nvmltest.Scenario{CountError: nvmltest.VersionMismatch})
	cmd := w.Command(t, built(t))
	out, err := cmd.CombinedOutput()
	if code := cmd.ProcessState.ExitCode(); code != 3 || !strings.Contains(string(out), "restart this process") {
		t.Errorf("it ended with %v:\n%s", err, out)
	}
}

func TestAWrongFlagEndsItWithACodeOfItsOwn(t *testing.T) {
	t.Parallel()
	cmd := collectortest.NewNode(t, nvmltest.Node(1)).Command(t, built(t), "--nvml.timeout=long")
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	if exit := new(exec.ExitError); !errors.As(err, &exit) || exit.ExitCode() != 2 {
		t.Errorf("it ended with %v, want code 2", err)
	}
	if want := "gputally-collector: bad flags: --nvml.timeout: "; !strings.HasPrefix(stderr.String(), want) || stdout.Len() > 0 {
		t.Errorf("it wrote %q and %q, want %q", stdout.String(), stderr.String(), want)
	}
}
