package kubelet_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/gputally/gputally/collector/device"
	"github.com/gputally/gputally/collector/kubelet"
	"github.com/gputally/gputally/collector/kubelet/kubelettest"
)

// settled is longer than a new pod waits for the checkpoint.
const settled = 6 * time.Second

// node is a kubelet with a checkpoint and a client that polls it every second.
type node struct {
	*kubelettest.Server
	t     *testing.T
	clock *clock
	k     *kubelet.Client
}

func newNode(t *testing.T) *node {
	s, c := kubelettest.Start(t), newClock()
	s.WriteCheckpoint()
	return &node{s, t, c, client(t, s, c, s.Checkpoint())}
}

// wants polls once and compares the allocations and those withheld.
func (n *node) wants(when string, allocations []device.Allocation, withheld ...device.Allocation) {
	n.t.Helper()
	h := poll(n.t, n.k)
	if d := cmp.Diff(allocations, h.Allocations, cmpopts.EquateEmpty()); d != "" {
		n.t.Errorf("%s: allocations -want +got\n%s", when, d)
	}
	if d := cmp.Diff(withheld, h.Withheld, cmpopts.EquateEmpty()); d != "" {
		n.t.Errorf("%s: withheld -want +got\n%s", when, d)
	}
	if h.Ambiguous != len(withheld) {
		n.t.Errorf("%s: %d ambiguous, want %d", when, h.Ambiguous, len(withheld))
	}
	n.clock.Advance(time.Second)
}

func only(as ...device.Allocation) []device.Allocation { return as }

func TestUIDsComeFromTheCheckpoint(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	n.Hold(
		kubelettest.GPUs("a", "p", "uid-p", "GPU-1", "GPU-2"),
		kubelettest.GPUs("b", "q", "uid-q", "GPU-3"),
		kubelettest.Pod{Namespace: "c", Name: "r", UID: "uid-r", Containers: []kubelettest.Container{
			{Name: "main", Devices: []kubelettest.Devices{{Resource: gpuResource, IDs: []string{"GPU-4"}}, {Resource: "rdma/hca", IDs: []string{"hca-1"}}}},
			{Name: "sidecar", Devices: []kubelettest.Devices{{Resource: gpuResource, IDs: []string{"GPU-5"}}}},
		}},
	)
	n.wants("at once", only(
		gpus("a", "p", "uid-p", "GPU-1", "GPU-2"),
		gpus("b", "q", "uid-q", "GPU-3"),
		gpus("c", "r", "uid-r", "GPU-4"),
		device.Allocation{Holder: device.Holder{Namespace: "c", Pod: "r", PodUID: "uid-r", Container: "sidecar"}, Resource: gpuResource, Devices: []string{"GPU-5"}},
	))
	if err := n.k.CheckpointErr(); err != nil {
		t.Errorf("CheckpointErr: %v", err)
	}
}

func TestContainersOfOnePodShareItsUID(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	p := kubelettest.GPUs("a", "p", "uid-p", "GPU-1")
	n.WriteCheckpoint(p)
	p.Containers = append(p.Containers, kubelettest.Container{Name: "sidecar", Devices: []kubelettest.Devices{{Resource: gpuResource, IDs: []string{"GPU-2"}}}})
	n.SetPods(p)
	n.wants("with one container in the checkpoint", only(
		gpus("a", "p", "uid-p", "GPU-1"),
		device.Allocation{Holder: device.Holder{Namespace: "a", Pod: "p", PodUID: "uid-p", Container: "sidecar"}, Resource: gpuResource, Devices: []string{"GPU-2"}},
	))
}

func TestNewPodWaitsUntilTheCheckpointTellsOfIt(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	p := kubelettest.GPUs("a", "p", "uid-p", "GPU-1")
	n.SetPods(p)
	n.wants("before", nil, gpus("a", "p", "", "GPU-1"))
	n.WriteCheckpoint(p)
	n.wants("after", only(gpus("a", "p", "uid-p", "GPU-1")))
}

func TestPodThatTheCheckpointNeverTellsOfHasNoUID(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	n.SetPods(kubelettest.GPUs("a", "p", "uid-p", "GPU-1"))
	n.wants("at first", nil, gpus("a", "p", "", "GPU-1"))
	n.clock.Advance(settled)
	n.wants("later", only(gpus("a", "p", "", "GPU-1")))
}

func TestRecreatedPodGetsItsNewUID(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	n.Hold(kubelettest.GPUs("a", "db-0", "uid-1", "GPU-1"))
	n.wants("the first", only(gpus("a", "db-0", "uid-1", "GPU-1")))
	n.SetPods() // the checkpoint is not rewritten when a pod ends
	n.wants("in between", nil)
	second := kubelettest.GPUs("a", "db-0", "uid-2", "GPU-1")
	n.SetPods(second)
	n.wants("before the checkpoint is written", nil, gpus("a", "db-0", "", "GPU-1"))
	n.WriteCheckpoint(second)
	n.wants("the second", only(gpus("a", "db-0", "uid-2", "GPU-1")))
}

func TestRecreatedPodThatWasNeverMissed(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	n.Hold(kubelettest.GPUs("a", "db-0", "uid-1", "GPU-1"))
	n.wants("the first", only(gpus("a", "db-0", "uid-1", "GPU-1")))
	n.Hold(kubelettest.GPUs("a", "db-0", "uid-2", "GPU-1"))
	n.wants("the second", only(gpus("a", "db-0", "uid-2", "GPU-1")))
}

func TestNextHolderOfAGPUNeverGetsTheFormersUID(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	n.Hold(kubelettest.GPUs("a", "job-1", "uid-1", "GPU-1"))
	n.wants("the first", only(gpus("a", "job-1", "uid-1", "GPU-1")))
	n.SetPods(kubelettest.GPUs("a", "job-2", "uid-2", "GPU-1"))
	n.wants("before the checkpoint is written", nil, gpus("a", "job-2", "", "GPU-1"))
	n.clock.Advance(settled)
	n.wants("if it is never written", only(gpus("a", "job-2", "", "GPU-1")))
}

func TestPodThatTheKubeletLostSightOfKeepsItsUID(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	p := kubelettest.GPUs("a", "p", "uid-p", "GPU-1")
	n.Hold(p)
	n.wants("before the restart", only(gpus("a", "p", "uid-p", "GPU-1")))
	n.SetPods()
	n.wants("the list of a kubelet that has just started", nil)
	n.SetPods(p)
	n.wants("it could be another pod", nil, gpus("a", "p", "", "GPU-1"))
	n.clock.Advance(settled)
	n.wants("it is not", only(gpus("a", "p", "uid-p", "GPU-1")))
}

func TestTwoPossibleUIDsAreWithheld(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	q := kubelettest.GPUs("b", "q", "uid-q", "GPU-2")
	n.SetPods(kubelettest.GPUs("a", "p", "uid-1", "GPU-1"), q)
	n.WriteCheckpoint(kubelettest.GPUs("a", "p", "uid-1", "GPU-1"), kubelettest.GPUs("a", "p", "uid-2", "GPU-1"), q)
	n.wants("two entries", only(gpus("b", "q", "uid-q", "GPU-2")), gpus("a", "p", "", "GPU-1"))
	n.clock.Advance(settled)
	n.wants("still two entries", only(gpus("b", "q", "uid-q", "GPU-2")), gpus("a", "p", "", "GPU-1"))
	n.WriteCheckpoint(kubelettest.GPUs("a", "p", "uid-2", "GPU-1"), q)
	n.wants("one entry", only(gpus("a", "p", "uid-2", "GPU-1"), gpus("b", "q", "uid-q", "GPU-2")))
}

func TestOneUIDForTwoPodsIsWithheld(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	n.SetPods(kubelettest.GPUs("a", "ended", "", "GPU-1"), kubelettest.GPUs("a", "live", "uid-2", "GPU-1"))
	n.WriteCheckpoint(kubelettest.GPUs("a", "live", "uid-2", "GPU-1"))
	n.wants("both listed", nil, gpus("a", "ended", "", "GPU-1"), gpus("a", "live", "", "GPU-1"))
	n.SetPods(kubelettest.GPUs("a", "live", "uid-2", "GPU-1"))
	n.wants("one listed", only(gpus("a", "live", "uid-2", "GPU-1")))
}

func TestCheckpointThatCannotBeReadStopsNothing(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(*kubelettest.Server){
		"garbled":      func(s *kubelettest.Server) { s.WriteCheckpointFile([]byte(`{"Data":{"PodDeviceEntries":[{"PodU`)) },
		"empty":        func(s *kubelettest.Server) { s.WriteCheckpointFile(nil) },
		"without data": func(s *kubelettest.Server) { s.WriteCheckpointFile([]byte(`{"Checksum":1}`)) },
		"an entry without its UID": func(s *kubelettest.Server) {
			s.WriteCheckpointFile([]byte(`{"Data":{"PodDeviceEntries":[{"ContainerName":"main","ResourceName":"nvidia.com/gpu","DeviceIDs":{"0":["GPU-1"]}}]}}`))
		},
		"ids in the form of 2019": func(s *kubelettest.Server) {
			s.WriteCheckpointFile([]byte(`{"Data":{"PodDeviceEntries":[{"PodUID":"u","ContainerName":"main","ResourceName":"nvidia.com/gpu","DeviceIDs":["GPU-1"]}]}}`))
		},
		"gone":      func(s *kubelettest.Server) { s.RemoveCheckpoint() },
		"too large": func(s *kubelettest.Server) { s.WriteCheckpointFile(make([]byte, 17<<20)) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := newNode(t)
			known, unknown := kubelettest.GPUs("a", "p", "uid-p", "GPU-1"), kubelettest.GPUs("a", "q", "uid-q", "GPU-2")
			n.Hold(known)
			n.wants("at first", only(gpus("a", "p", "uid-p", "GPU-1")))
			spoil(n.Server)
			n.SetPods(known, unknown)
			for _, when := range []string{"spoilt", "still spoilt"} {
				n.wants(when, only(gpus("a", "p", "uid-p", "GPU-1"), gpus("a", "q", "", "GPU-2")))
				if err := n.k.CheckpointErr(); !errors.Is(err, kubelet.ErrCheckpoint) {
					t.Errorf("%s: CheckpointErr %v, want ErrCheckpoint", when, err)
				}
			}
			n.WriteCheckpoint(known, unknown)
			n.wants("mended", only(gpus("a", "p", "uid-p", "GPU-1"), gpus("a", "q", "uid-q", "GPU-2")))
			if err := n.k.CheckpointErr(); err != nil {
				t.Errorf("mended: CheckpointErr %v", err)
			}
		})
	}
}

func TestRecreatedPodHasNoUIDWhileTheCheckpointCannotBeRead(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	n.Hold(kubelettest.GPUs("a", "db-0", "uid-1", "GPU-1"))
	n.wants("the first", only(gpus("a", "db-0", "uid-1", "GPU-1")))
	n.WriteCheckpointFile([]byte("{"))
	n.SetPods()
	n.wants("in between", nil)
	n.SetPods(kubelettest.GPUs("a", "db-0", "uid-2", "GPU-1"))
	n.wants("the second", only(gpus("a", "db-0", "", "GPU-1")))
}

func TestCheckpointOff(t *testing.T) {
	t.Parallel()
	s := kubelettest.Start(t)
	s.Hold(kubelettest.GPUs("a", "p", "uid-p", "GPU-1"))
	k := client(t, s, newClock(), "")
	h := poll(t, k)
	if d := cmp.Diff(only(gpus("a", "p", "", "GPU-1")), h.Allocations); d != "" {
		t.Errorf("-want +got\n%s", d)
	}
	if err := k.CheckpointErr(); err != nil {
		t.Errorf("CheckpointErr: %v", err)
	}
}
