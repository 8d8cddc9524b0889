package kubelet_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gputally/gputally/collector/kubelet/kubelettest"
)

func TestAllocatableIsAskedSeldom(t *testing.T) {
	t.Parallel()
	s, c := kubelettest.Start(t), newClock()
	s.SetAllocatable(kubelettest.Devices{Resource: gpuResource, IDs: []string{"GPU-1"}})
	s.SetPods(kubelettest.GPUs("a", "p", "", "GPU-1"))
	k := client(t, s, c, "")
	for range 60 {
		poll(t, k)
		c.Advance(time.Second)
	}
	if lists, allocatables := s.Calls(); lists != 60 || allocatables != 6 {
		t.Errorf("in 60 s of polls %d calls of List and %d of GetAllocatableResources, want 60 and 6", lists, allocatables)
	}
}

func TestAllocatableIsKeptWhileItFails(t *testing.T) {
	t.Parallel()
	s, c := kubelettest.Start(t), newClock()
	s.SetAllocatable(kubelettest.Devices{Resource: gpuResource, IDs: []string{"GPU-1"}})
	k := client(t, s, c, "")
	want := poll(t, k).Offered
	s.FailAllocatable(kubelettest.RateLimited())
	s.SetAllocatable()
	c.Advance(time.Minute)
	if d := cmp.Diff(want, poll(t, k).Offered); d != "" {
		t.Errorf("while it fails: -want +got\n%s", d)
	}
	s.FailAllocatable(nil)
	if got := poll(t, k).Offered; len(got) != 0 {
		t.Errorf("after it recovered: %v, want nothing", got)
	}
}

func TestAllocatableIsNotThereBeforeKubernetes123(t *testing.T) {
	t.Parallel()
	s := kubelettest.Start(t)
	s.FailAllocatable(kubelettest.Unimplemented())
	s.SetPods(kubelettest.GPUs("a", "p", "", "GPU-1"))
	h := poll(t, client(t, s, newClock(), ""))
	if len(h.Allocations) != 1 || len(h.Offered) != 0 {
		t.Errorf("%+v, want an allocation and nothing offered", h)
	}
}

func TestAllocatableIsAskedAgainUntilTheDevicePluginIsBack(t *testing.T) {
	t.Parallel()
	s, c := kubelettest.Start(t), newClock()
	s.SetPods(kubelettest.GPUs("a", "p", "", "GPU-1::0"))
	k := client(t, s, c, "")
	if got := poll(t, k).Offered; len(got) != 0 {
		t.Fatalf("offered %v, want nothing yet", got)
	}
	s.SetAllocatable(kubelettest.Devices{Resource: gpuResource, IDs: []string{"GPU-1::0", "GPU-1::1"}})
	c.Advance(time.Second)
	if got := poll(t, k).Offered[gpuResource]; len(got) != 2 {
		t.Errorf("offered %v a second later, want two slots", got)
	}
}
