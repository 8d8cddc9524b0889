//go:build real

package collector_test

import (
	"math"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gputally/gputally/collector/kubelet/kubelettest"
	"github.com/gputally/gputally/collector/metric"
	"github.com/gputally/gputally/collector/nvml/nvmltest"
	"github.com/gputally/gputally/internal/collectortest"
)

// The GPUs of nvmltest.Node, and label values of the containers that the tests run.
const (
	gpu0 = "GPU-00000000-0000-4000-8000-000000000000"
	gpu1 = "GPU-00000001-0000-4000-8000-000000000000"
)

func container(pod, gpu string) []string {
	return []string{"vision", pod, "uid-" + pod, "main", gpu}
}

func pod(name string, ids ...string) kubelettest.Pod {
	return kubelettest.GPUs("vision", name, "uid-"+name, ids...)
}

func near(a, b float64) bool { return math.Abs(a-b) < 1e-6 }

func TestAWholeGPUHeldByAPodIsMetered(t *testing.T) {
	t.Parallel()
	node := nvmltest.Node(2)
	node.GPUs[0].Utilization, node.GPUs[0].MemoryUsed, node.GPUs[0].Compute = 50, 3<<30, []int{4711}
	w := collectortest.NewNode(t, node)
	w.Kubelet.Hold(pod("train", gpu0))
	p := start(t, w, "--nvml.timeout=20s") // no reading is given up
	train := container("train", gpu0)
	first := p.Until(t, "the container is metered", func(s collectortest.Scrape) bool {
		return s.Value(&metric.ContainerAllocatedSeconds, train...) > 0
	})
	node.GPUs[0].Energy += 5000 // mJ
	w.Play(t, node)
	s := p.Until(t, "its energy is metered", func(s collectortest.Scrape) bool { return s.Is(5, &metric.ContainerEnergy, train...) })
	s = p.Later(t, s, 3)

	collectortest.Conserved(t, first, s, gpu0)
	collectortest.Conserved(t, first, s, gpu1)
	allocated := s.Get(t, &metric.ContainerAllocatedSeconds, train...)
	for family, want := range map[*metric.Family]float64{
		&metric.ContainerShare:             1,
		&metric.ContainerObservedSeconds:   allocated,
		&metric.ContainerActiveSeconds:     allocated / 2,
		&metric.ContainerIdleSeconds:       0,
		&metric.ContainerMemoryUsed:        3 << 30,
		&metric.ContainerMemoryByteSeconds: allocated * (3 << 30),
		&metric.ContainerEnergy:            5,
	} {
		if got := s.Get(t, family, train...); math.Abs(got-want) > 1e-6*max(1, want) {
			t.Errorf("%s is %g, want %g", family.Name, got, want)
		}
	}
	start := s.Get(t, &metric.ContainerStartTime, train...)
	if born := s.Get(t, &metric.CollectorStartTime); start < born || start > born+collectortest.Patience.Seconds() {
		t.Errorf("the container was first seen at %f, the collector started at %f", start, born)
	}
	if s.Has(&metric.ContainerEndTime, train...) {
		t.Error("it has an end time")
	}
	if !s.Is(1, &metric.NodeInfo, "node-1", "580.95.05", "13.0", "kubelet", "none") {
		t.Error("the node is not described")
	}
	if !s.Is(1, &metric.DeviceInfo, gpu0, "node-1", "NVIDIA H200", "0000:0a:00.0") {
		t.Error("the GPU is not described")
	}
	if got := s.Get(t, &metric.DeviceSeconds, gpu0, metric.StateAllocated); !near(got, allocated) {
		t.Errorf("the GPU is allocated for %f s, its container %f s", got, allocated)
	}
	if got := s.Get(t, &metric.DeviceSeconds, gpu1, metric.StateAllocated); got != 0 {
		t.Errorf("the other GPU is allocated for %f s", got)
	}
}

func TestTwoPodsShareATimeSlicedGPU(t *testing.T) {
	t.Parallel()
	w := collectortest.NewNode(t, nvmltest.Node(1))
	slots := []string{gpu0 + "::0", gpu0 + "::1", gpu0 + "::2", gpu0 + "::3"}
	w.Kubelet.SetAllocatable(kubelettest.Devices{Resource: "nvidia.com/gpu", IDs: slots})
	w.Kubelet.Hold(pod("small", slots[0]), pod("large", slots[1], slots[3]))
	p := start(t, w)
	first := p.Until(t, "both are metered", func(s collectortest.Scrape) bool {
		return s.Has(&metric.ContainerShare, container("small", gpu0)...) && s.Has(&metric.ContainerShare, container("large", gpu0)...)
	})
	s := p.Later(t, first, 5)
	collectortest.Conserved(t, first, s, gpu0)
	observed := s.Seconds(t, gpu0) - s.Get(t, &metric.CollectorUnobservedSeconds)
	if observed <= 0 {
		t.Fatal("no time was observed")
	}
	for name, share := range map[string]float64{"small": 0.25, "large": 0.5} {
		labels := container(name, gpu0)
		if got := s.Get(t, &metric.ContainerShare, labels...); got != share {
			t.Errorf("the share of %s is %g, want %g", name, got, share)
		}
		if got := s.Get(t, &metric.ContainerAllocatedSeconds, labels...); !near(got, share*observed) {
			t.Errorf("%s held %f GPU-seconds of %f", name, got, observed)
		}
		if got := s.Get(t, &metric.ContainerObservedSeconds, labels...); got != 0 {
			t.Errorf("the activity of %s was known for %f s, though nobody can know it", name, got)
		}
	}
	if got := s.Get(t, &metric.DeviceSeconds, gpu0, metric.StateUnallocated); !near(got, observed/4) {
		t.Errorf("%f of %f GPU-seconds are unallocated, want a quarter", got, observed)
	}
}

func TestAPodThatEndsKeepsItsLastValue(t *testing.T) {
	t.Parallel()
	w := collectortest.NewNode(t, nvmltest.Node(2))
	w.Kubelet.Hold(pod("short", gpu0), pod("long", gpu1))
	p := start(t, w)
	short, long := container("short", gpu0), container("long", gpu1)
	p.Until(t, "both are metered", func(s collectortest.Scrape) bool {
		return s.Value(&metric.ContainerAllocatedSeconds, short...) > 0 && s.Has(&metric.ContainerShare, long...)
	})
	w.Kubelet.Hold(pod("long", gpu1))
	ended := p.Until(t, "it has an end time", func(s collectortest.Scrape) bool { return s.Has(&metric.ContainerEndTime, short...) })
	s := p.Later(t, ended, 4)
	last := ended.Get(t, &metric.ContainerAllocatedSeconds, short...)
	if got := s.Get(t, &metric.ContainerAllocatedSeconds, short...); got != last || got <= 0 {
		t.Errorf("it ended with %f s and shows %f s later", last, got)
	}
	start, end := s.Get(t, &metric.ContainerStartTime, short...), s.Get(t, &metric.ContainerEndTime, short...)
	if math.Abs(end-start-last) > 0.01 {
		t.Errorf("it held a GPU from %f to %f, but was charged %f s", start, end, last)
	}
	if !s.Is(0, &metric.ContainerShare, short...) {
		t.Error("it still has a share")
	}
	if s.Get(t, &metric.ContainerAllocatedSeconds, long...) <= ended.Get(t, &metric.ContainerAllocatedSeconds, long...) || s.Has(&metric.ContainerEndTime, long...) {
		t.Error("the other container did not go on")
	}
}

func TestScrapesOfOneSnapshotShowTheSame(t *testing.T) {
	t.Parallel()
	w := collectortest.NewNode(t, nvmltest.Node(2))
	w.Kubelet.Hold(pod("train", gpu0))
	p := start(t, w)
	p.Until(t, "the container is metered", func(s collectortest.Scrape) bool { return s.Has(&metric.ContainerShare, container("train", gpu0)...) })
	var mu sync.Mutex
	seen := map[float64]map[string]float64{} // by number of polls
	same := 0
	p.Eventually(t, "enough scrapes met the snapshot of another", func() bool {
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				s, err := p.Scrape()
				if err != nil {
					t.Error(err)
				}
				mu.Lock()
				defer mu.Unlock()
				polls := s.Value(&metric.CollectorPolls)
				before, met := seen[polls]
				if !met {
					seen[polls] = s.Snapshot()
					return
				}
				same++
				if diff := cmp.Diff(before, s.Snapshot()); diff != "" {
					t.Errorf("two scrapes of snapshot %g differ:\n%s", polls, diff)
				}
			})
		}
		wg.Wait()
		return same >= 20 && len(seen) >= 3
	})
}
