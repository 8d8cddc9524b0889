//go:build real

package collector_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/gputally/gputally/collector/kubelet/kubelettest"
	"github.com/gputally/gputally/collector/metric"
	"github.com/gputally/gputally/collector/nvml/nvmltest"
	"github.com/gputally/gputally/internal/collectortest"
)

// sharingScenarios are about who shares a GPU, and who claimed one.
func sharingScenarios() map[string]scenario {
	busy := nvmltest.Node(1)
	busy.GPUs[0].Utilization, busy.GPUs[0].Compute = 50, []int{4711}
	first, second := container("a", gpu0), container("b", gpu0)
	slots := []string{gpu0 + "::0", gpu0 + "::1"}
	shared := func(mode string, flags ...string) scenario {
		sc := scenario{
			driver: busy, pods: []kubelettest.Pod{pod("a", slots[0]), pod("b", slots[1])}, flags: flags,
			steps: []step{{
				name: "two share the GPU",
				do: func(_ *testing.T, n *collectortest.Node) {
					n.Kubelet.SetAllocatable(kubelettest.Devices{Resource: "nvidia.com/gpu", IDs: slots})
				},
				shows: []sight{
					is(0.5, &metric.ContainerShare, first...), is(0.5, &metric.ContainerShare, second...),
					is(1, &metric.NodeInfo, "node-1", "580.95.05", "13.0", "kubelet", mode),
				},
				grows: []series{of(seconds, first...), of(seconds, second...)},
			}},
		}
		activity := []series{
			of(&metric.ContainerActiveSeconds, first...), of(&metric.ContainerActiveSeconds, second...),
			of(&metric.ContainerObservedSeconds, first...), of(&metric.ContainerObservedSeconds, second...),
		}
		if st := &sc.steps[0]; mode == metric.ActivitySplit {
			st.grows = append(st.grows, activity...)
		} else {
			st.stands = activity
		}
		return sc
	}
	claimed := container("claimed", gpu1)
	claim := kubelettest.Claim{
		Namespace: "vision", Name: "one-gpu", Driver: "gpu.nvidia.com", Pool: "node-1",
		Devices: []kubelettest.ClaimDevice{{Name: "gpu-1"}},
	}
	claims := kubelettest.Pod{
		Namespace: "vision", Name: "claimed", UID: "uid-claimed",
		Containers: []kubelettest.Container{{Name: "main", Claims: []kubelettest.Claim{claim}}},
	}
	return map[string]scenario{
		"what two do on one GPU is unknown":            shared(metric.ActivityNone),
		"what two do on one GPU is divided on request": shared(metric.ActivitySplit, "--activity.split-evenly"),
		"a GPU is claimed": {
			driver: nvmltest.Node(2), pods: []kubelettest.Pod{podA},
			flags: []string{"--dra.device=gpu.nvidia.com/node-1/gpu-1=" + gpu1, "--kubelet.pod-logs=LIBRARY.pods"},
			steps: []step{{
				name: "its claim is resolved, and its pod's UID found",
				do: together(held(podA, claims), func(t *testing.T, n *collectortest.Node) { // in the order of a kubelet
					if err := os.MkdirAll(filepath.Join(n.Library+".pods", "vision_claimed_uid-claimed"), 0o700); err != nil {
						t.Fatal(err)
					}
				}),
				shows: []sight{is(1, &metric.ContainerShare, claimed...), is(1, &metric.ContainerShare, onA...), is(0, &metric.CollectorUnresolved)},
				grows: []series{of(seconds, claimed...), of(seconds, onA...), of(&metric.DeviceSeconds, gpu1, metric.StateAllocated)},
			}},
		},
	}
}

// Two collectors on one node would count everything twice.
func TestASecondCollectorOnANodeIsRefused(t *testing.T) {
	t.Parallel()
	n := collectortest.NewNode(t, nvmltest.Node(1))
	lock := "--lock-file=" + filepath.Join(t.TempDir(), "gputally.lock")
	collectortest.Start(t, n.Command(t, built(t), lock))
	out, err := n.Command(t, built(t), lock).CombinedOutput()
	log := &collectortest.Log{}
	_, _ = log.Write(out)
	if err == nil || log.Lines("another collector meters this node") != 1 {
		t.Errorf("the second one ended with %v:\n%s", err, out)
	}
}
