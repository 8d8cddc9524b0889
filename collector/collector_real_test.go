//go:build real

package collector_test

import (
	"math"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gputally/gputally/collector/kubelet/kubelettest"
	"github.com/gputally/gputally/collector/meter"
	"github.com/gputally/gputally/collector/metric"
	"github.com/gputally/gputally/collector/nvml/nvmltest"
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
	w := newWorld(t, node)
	w.kubelet.Hold(pod("train", gpu0))
	p := w.start(t, "--nvml.timeout=20s") // no reading is given up
	train := container("train", gpu0)
	first := p.until(t, "the container is metered", func(s scrape) bool {
		return s.values[key(&metric.ContainerAllocatedSeconds, train...)] > 0
	})
	node.GPUs[0].Energy += 5000 // mJ
	w.play(t, node)
	s := p.until(t, "its energy is metered", func(s scrape) bool { return s.is(5, &metric.ContainerEnergy, train...) })
	s = p.later(t, s, 3)

	conserved(t, first, s, gpu0)
	conserved(t, first, s, gpu1)
	allocated := s.get(t, &metric.ContainerAllocatedSeconds, train...)
	for family, want := range map[*metric.Family]float64{
		&metric.ContainerShare:             1,
		&metric.ContainerObservedSeconds:   allocated,
		&metric.ContainerActiveSeconds:     allocated / 2,
		&metric.ContainerIdleSeconds:       0,
		&metric.ContainerMemoryUsed:        3 << 30,
		&metric.ContainerMemoryByteSeconds: allocated * (3 << 30),
		&metric.ContainerEnergy:            5,
	} {
		if got := s.get(t, family, train...); math.Abs(got-want) > 1e-6*max(1, want) {
			t.Errorf("%s is %g, want %g", family.Name, got, want)
		}
	}
	start := s.get(t, &metric.ContainerStartTime, train...)
	if born := s.get(t, &metric.CollectorStartTime); start < born || start > born+patience.Seconds() {
		t.Errorf("the container was first seen at %f, the collector started at %f", start, born)
	}
	if s.has(&metric.ContainerEndTime, train...) {
		t.Error("it has an end time")
	}
	for _, want := range []string{
		key(&metric.NodeInfo, "node-1", "580.95.05", "13.0", "kubelet", "none"),
		key(&metric.DeviceInfo, gpu0, "node-1", "NVIDIA H200", "0000:0a:00.0"),
	} {
		if s.values[want] != 1 {
			t.Errorf("there is no %s", want)
		}
	}
	if got := s.get(t, &metric.DeviceSeconds, gpu0, metric.StateAllocated); !near(got, allocated) {
		t.Errorf("the GPU is allocated for %f s, its container %f s", got, allocated)
	}
	if got := s.get(t, &metric.DeviceSeconds, gpu1, metric.StateAllocated); got != 0 {
		t.Errorf("the other GPU is allocated for %f s", got)
	}
}

func TestTwoPodsShareATimeSlicedGPU(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nvmltest.Node(1))
	slots := []string{gpu0 + "::0", gpu0 + "::1", gpu0 + "::2", gpu0 + "::3"}
	w.kubelet.SetAllocatable(kubelettest.Devices{Resource: "nvidia.com/gpu", IDs: slots})
	w.kubelet.Hold(pod("small", slots[0]), pod("large", slots[1], slots[3]))
	p := w.start(t)
	first := p.until(t, "both are metered", func(s scrape) bool {
		return s.has(&metric.ContainerShare, container("small", gpu0)...) && s.has(&metric.ContainerShare, container("large", gpu0)...)
	})
	s := p.later(t, first, 5)
	conserved(t, first, s, gpu0)
	observed := s.seconds(t, gpu0) - s.get(t, &metric.CollectorUnobservedSeconds)
	if observed <= 0 {
		t.Fatal("no time was observed")
	}
	for name, share := range map[string]float64{"small": 0.25, "large": 0.5} {
		labels := container(name, gpu0)
		if got := s.get(t, &metric.ContainerShare, labels...); got != share {
			t.Errorf("the share of %s is %g, want %g", name, got, share)
		}
		if got := s.get(t, &metric.ContainerAllocatedSeconds, labels...); !near(got, share*observed) {
			t.Errorf("%s held %f GPU-seconds of %f", name, got, observed)
		}
		if got := s.get(t, &metric.ContainerObservedSeconds, labels...); got != 0 {
			t.Errorf("the activity of %s was known for %f s, though it can't be told", name, got)
		}
	}
	if got := s.get(t, &metric.DeviceSeconds, gpu0, metric.StateUnallocated); !near(got, observed/4) {
		t.Errorf("%f of %f GPU-seconds are unallocated, want a quarter", got, observed)
	}
}

func TestALostGPUGoesToUnavailableAndTheOthersGoOn(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nvmltest.Node(2))
	w.kubelet.Hold(pod("a", gpu0), pod("b", gpu1))
	p := w.start(t)
	first := p.until(t, "both are metered", func(s scrape) bool {
		return s.values[key(&metric.ContainerAllocatedSeconds, container("a", gpu0)...)] > 0 &&
			s.values[key(&metric.ContainerAllocatedSeconds, container("b", gpu1)...)] > 0
	})
	node := nvmltest.Node(2)
	node.GPUs[0].Error = nvmltest.Lost
	w.play(t, node)
	lost := p.until(t, "the GPU is down", func(s scrape) bool { return s.is(0, &metric.DeviceUp, gpu0) })
	s := p.later(t, lost, 3)
	conserved(t, first, s, gpu0)
	conserved(t, first, s, gpu1)
	if !s.is(1, &metric.DeviceUp, gpu1) {
		t.Error("the other GPU is not up")
	}
	grown := func(f *metric.Family, labels ...string) float64 {
		t.Helper()
		return s.get(t, f, labels...) - lost.get(t, f, labels...)
	}
	if got := grown(&metric.ContainerAllocatedSeconds, container("a", gpu0)...); got != 0 {
		t.Errorf("the container on the lost GPU was charged %f s", got)
	}
	if got := grown(&metric.DeviceSeconds, gpu0, metric.StateAllocated); got != 0 {
		t.Errorf("the lost GPU was allocated for %f s", got)
	}
	if got := grown(&metric.DeviceSeconds, gpu0, metric.StateUnavailable); got <= 0 {
		t.Error("the lost GPU is not unavailable")
	}
	if got := grown(&metric.ContainerAllocatedSeconds, container("b", gpu1)...); got <= 0 {
		t.Error("the container on the other GPU is not metered any more")
	}
	w.play(t, nvmltest.Node(2))
	p.until(t, "the container is charged again when the GPU is back", func(now scrape) bool {
		return now.is(1, &metric.DeviceUp, gpu0) &&
			now.get(t, &metric.ContainerAllocatedSeconds, container("a", gpu0)...) > s.get(t, &metric.ContainerAllocatedSeconds, container("a", gpu0)...)
	})
}

func TestWithoutADriverItRunsAndFindsTheDriverLater(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nvmltest.Node(1))
	later := filepath.Join(t.TempDir(), "libnvidia-ml.so.1")
	p := w.start(t, "--nvml.library="+later)
	s := p.until(t, "it looked for a driver several times", func(s scrape) bool {
		return s.values[key(&metric.CollectorSourceFailures, meter.SourceNVML)] >= 5
	})
	p.healthy(t)
	if !s.is(0, &metric.CollectorSourceUp, meter.SourceNVML) || !s.is(1, &metric.CollectorSourceUp, meter.SourceKubelet) {
		t.Error("not the driver alone is down")
	}
	if n := p.log.lines("=nvml", "does not answer", later); n != 1 {
		t.Errorf("the missing driver was logged %d times, want once", n)
	}
	if err := os.Symlink(w.library, later); err != nil {
		t.Fatal(err)
	}
	p.until(t, "the GPU is found", func(s scrape) bool {
		return s.is(1, &metric.CollectorSourceUp, meter.SourceNVML) && s.is(1, &metric.DeviceUp, gpu0)
	})
	if n := p.log.lines("=nvml", "Source answers"); n != 1 {
		t.Errorf("the driver that was found was logged %d times, want once", n)
	}
}

func TestAKubeletThatRestartsHeals(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nvmltest.Node(1))
	w.kubelet.Hold(pod("train", gpu0))
	p := w.start(t, "--meter.max-gap=1s")
	train := container("train", gpu0)
	first := p.until(t, "the container is metered", func(s scrape) bool {
		return s.values[key(&metric.ContainerAllocatedSeconds, train...)] > 0
	})
	w.kubelet.Stop()
	p.until(t, "time goes by unobserved", func(s scrape) bool {
		return s.is(0, &metric.CollectorSourceUp, meter.SourceKubelet) &&
			s.get(t, &metric.CollectorUnobservedSeconds) > first.get(t, &metric.CollectorUnobservedSeconds)
	})
	p.healthy(t)
	w.kubelet.Run()
	back := p.until(t, "the kubelet answers", func(s scrape) bool {
		return s.is(1, &metric.CollectorSourceUp, meter.SourceKubelet)
	})
	s := p.later(t, back, 3)
	conserved(t, first, s, gpu0)
	if !s.is(first.get(t, &metric.ContainerStartTime, train...), &metric.ContainerStartTime, train...) || s.has(&metric.ContainerEndTime, train...) {
		t.Error("the container did not go on as the same")
	}
	if s.get(t, &metric.ContainerAllocatedSeconds, train...) <= back.get(t, &metric.ContainerAllocatedSeconds, train...) {
		t.Error("the container is not metered any more")
	}
	if n := p.log.lines("=kubelet", "does not answer"); n != 1 {
		t.Errorf("the kubelet's end was logged %d times, want once", n)
	}
}

func TestAPodThatEndsKeepsItsLastValue(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nvmltest.Node(2))
	w.kubelet.Hold(pod("short", gpu0), pod("long", gpu1))
	p := w.start(t)
	short, long := container("short", gpu0), container("long", gpu1)
	p.until(t, "both are metered", func(s scrape) bool {
		return s.values[key(&metric.ContainerAllocatedSeconds, short...)] > 0 && s.has(&metric.ContainerShare, long...)
	})
	w.kubelet.Hold(pod("long", gpu1))
	ended := p.until(t, "it has an end time", func(s scrape) bool { return s.has(&metric.ContainerEndTime, short...) })
	s := p.later(t, ended, 4)
	last := ended.get(t, &metric.ContainerAllocatedSeconds, short...)
	if got := s.get(t, &metric.ContainerAllocatedSeconds, short...); got != last || got <= 0 {
		t.Errorf("it ended with %f s and shows %f s later", last, got)
	}
	start, end := s.get(t, &metric.ContainerStartTime, short...), s.get(t, &metric.ContainerEndTime, short...)
	if math.Abs(end-start-last) > 0.01 {
		t.Errorf("it held a GPU from %f to %f, but was charged %f s", start, end, last)
	}
	if !s.is(0, &metric.ContainerShare, short...) {
		t.Error("it still has a share")
	}
	if s.get(t, &metric.ContainerAllocatedSeconds, long...) <= ended.get(t, &metric.ContainerAllocatedSeconds, long...) || s.has(&metric.ContainerEndTime, long...) {
		t.Error("the other container did not go on")
	}
}

func TestScrapesOfOneSnapshotShowTheSame(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nvmltest.Node(2))
	w.kubelet.Hold(pod("train", gpu0))
	p := w.start(t)
	p.until(t, "the container is metered", func(s scrape) bool { return s.has(&metric.ContainerShare, container("train", gpu0)...) })
	var mu sync.Mutex
	seen := map[float64]scrape{} // by number of polls
	same := 0
	p.eventually(t, "enough scrapes met the snapshot of another", func() bool {
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				s, err := p.scrape()
				if err != nil {
					t.Error(err)
				}
				delete(s.values, key(&metric.CollectorPollAge))
				mu.Lock()
				defer mu.Unlock()
				polls := s.values[key(&metric.CollectorPolls)]
				before, met := seen[polls]
				if !met {
					seen[polls] = s
					return
				}
				same++
				if diff := cmp.Diff(before.values, s.values); diff != "" {
					t.Errorf("two scrapes of snapshot %g differ:\n%s", polls, diff)
				}
			})
		}
		wg.Wait()
		return same >= 20 && len(seen) >= 3
	})
}

func TestAHangingDriverCallHoldsUpNeitherScrapesNorOthers(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nvmltest.Node(2))
	w.kubelet.Hold(pod("a", gpu0), pod("b", gpu1))
	p := w.start(t, "--nvml.timeout=300ms")
	p.until(t, "both GPUs are up", func(s scrape) bool {
		return s.is(1, &metric.DeviceUp, gpu0) && s.is(1, &metric.DeviceUp, gpu1)
	})
	stuck := nvmltest.Node(2)
	stuck.GPUs[0].Hang = time.Hour
	w.play(t, stuck)
	hung := p.until(t, "the GPU is down", func(s scrape) bool { return s.is(0, &metric.DeviceUp, gpu0) })
	s := p.later(t, hung, 3)
	conserved(t, hung, s, gpu0)
	conserved(t, hung, s, gpu1)
	p.healthy(t)
	b := container("b", gpu1)
	if s.get(t, &metric.ContainerAllocatedSeconds, b...) <= hung.get(t, &metric.ContainerAllocatedSeconds, b...) {
		t.Error("the container on the other GPU is not metered any more")
	}
	if code := p.stop(t); code != 0 {
		t.Errorf("with a call that hangs it ended with code %d", code)
	}
}
