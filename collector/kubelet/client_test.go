package kubelet_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/gputally/gputally/collector/device"
	"github.com/gputally/gputally/collector/kubelet"
	"github.com/gputally/gputally/collector/kubelet/kubelettest"
)

const gpuResource = "nvidia.com/gpu"

// clock is a settable time.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock { return &clock{now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// client polls the server, without a checkpoint unless the path is given.
func client(t testing.TB, s *kubelettest.Server, c *clock, checkpoint string) *kubelet.Client {
	t.Helper()
	k, err := kubelet.New(kubelet.Config{Socket: s.Socket(), CheckpointPath: checkpoint, Now: c.Now, Timeout: 10 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = k.Close() })
	return k
}

func poll(t testing.TB, k *kubelet.Client) device.Holders {
	t.Helper()
	h, err := k.Holders(t.Context())
	if err != nil {
		t.Fatalf("Holders: %v", err)
	}
	return h
}

func gpus(namespace, pod, uid string, ids ...string) device.Allocation {
	return device.Allocation{
		Holder:   device.Holder{Namespace: namespace, Pod: pod, PodUID: uid, Container: "main"},
		Resource: gpuResource, Devices: ids,
	}
}

func TestHolders(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		pods        []kubelettest.Pod
		allocatable []kubelettest.Devices
		want        device.Holders
	}{
		"no pods": {nil, nil, device.Holders{}},
		"a pod without devices is nobody": {
			[]kubelettest.Pod{{Namespace: "a", Name: "web", Containers: []kubelettest.Container{{Name: "main"}}}},
			nil,
			device.Holders{},
		},
		"an exclusive GPU": {
			[]kubelettest.Pod{kubelettest.GPUs("a", "train", "", "GPU-1")},
			[]kubelettest.Devices{{Resource: gpuResource, IDs: []string{"GPU-2", "GPU-1"}}},
			device.Holders{
				Allocations: []device.Allocation{gpus("a", "train", "", "GPU-1")},
				Offered:     map[string][]string{gpuResource: {"GPU-1", "GPU-2"}},
			},
		},
		"two GPUs come as two entries and leave as one": {
			[]kubelettest.Pod{kubelettest.GPUs("a", "train", "", "GPU-2", "GPU-1")},
			nil,
			device.Holders{Allocations: []device.Allocation{gpus("a", "train", "", "GPU-1", "GPU-2")}},
		},
		"pods are sorted by namespace and name": {
			[]kubelettest.Pod{kubelettest.GPUs("b", "x", "", "GPU-3"), kubelettest.GPUs("a", "y", "", "GPU-2"), kubelettest.GPUs("a", "x", "", "GPU-1")},
			nil,
			device.Holders{Allocations: []device.Allocation{gpus("a", "x", "", "GPU-1"), gpus("a", "y", "", "GPU-2"), gpus("b", "x", "", "GPU-3")}},
		},
		"a sidecar has its own": {
			[]kubelettest.Pod{{Namespace: "a", Name: "train", Containers: []kubelettest.Container{
				{Name: "main", Devices: []kubelettest.Devices{{Resource: gpuResource, IDs: []string{"GPU-2"}}}},
				{Name: "log-shipper"},
				{Name: "exporter", Devices: []kubelettest.Devices{{Resource: gpuResource, IDs: []string{"GPU-1"}}}},
			}}},
			nil,
			device.Holders{Allocations: []device.Allocation{
				{Holder: device.Holder{Namespace: "a", Pod: "train", Container: "exporter"}, Resource: gpuResource, Devices: []string{"GPU-1"}},
				{Holder: device.Holder{Namespace: "a", Pod: "train", Container: "main"}, Resource: gpuResource, Devices: []string{"GPU-2"}},
			}},
		},
		"replicas and MIG instances are separate resources": {
			[]kubelettest.Pod{{Namespace: "a", Name: "p", Containers: []kubelettest.Container{{Name: "main", Devices: []kubelettest.Devices{
				{Resource: "nvidia.com/mig-1g.10gb", IDs: []string{"MIG-1"}},
				{Resource: "nvidia.com/gpu.shared", IDs: []string{"GPU-1::3", "GPU-1::0"}},
			}}}}},
			[]kubelettest.Devices{{Resource: "nvidia.com/gpu.shared", IDs: []string{"GPU-1::1", "GPU-1::0"}}, {Resource: "nvidia.com/mig-1g.10gb", IDs: []string{"MIG-1"}}},
			device.Holders{
				Allocations: []device.Allocation{
					{Holder: device.Holder{Namespace: "a", Pod: "p", Container: "main"}, Resource: "nvidia.com/gpu.shared", Devices: []string{"GPU-1::0", "GPU-1::3"}},
					{Holder: device.Holder{Namespace: "a", Pod: "p", Container: "main"}, Resource: "nvidia.com/mig-1g.10gb", Devices: []string{"MIG-1"}},
				},
				Offered: map[string][]string{"nvidia.com/gpu.shared": {"GPU-1::0", "GPU-1::1"}, "nvidia.com/mig-1g.10gb": {"MIG-1"}},
			},
		},
		"claims are one allocation, each device with its own CDI names": {
			[]kubelettest.Pod{{Namespace: "a", Name: "p", Containers: []kubelettest.Container{{
				Name:    "main",
				Devices: []kubelettest.Devices{{Resource: gpuResource, IDs: []string{"GPU-9"}}},
				Claims: []kubelettest.Claim{
					{Namespace: "a", Name: "two", Driver: "gpu.nvidia.com", Pool: "node-1", Devices: []kubelettest.ClaimDevice{
						{Name: "gpu-1", CDI: []string{"k8s.gpu.nvidia.com/device=gpu-1", "k8s.gpu.nvidia.com/claim=u-gpu-1"}},
						{Name: "gpu-0", CDI: []string{"k8s.gpu.nvidia.com/device=gpu-0"}},
					}},
					{Namespace: "a", Name: "half", Driver: "gpu.nvidia.com", Pool: "node-1", Devices: []kubelettest.ClaimDevice{
						{Name: "gpu-2", ShareID: "s-1", CDI: []string{"k8s.gpu.nvidia.com/device=gpu-2"}},
					}},
					{Namespace: "a", Name: "channel", Driver: "compute-domain.nvidia.com", Pool: "node-1", Devices: []kubelettest.ClaimDevice{{Name: "channel-0"}}},
				},
			}}}},
			nil,
			device.Holders{Allocations: []device.Allocation{
				{Holder: device.Holder{Namespace: "a", Pod: "p", Container: "main"}, Claims: []device.Claim{
					{Namespace: "a", Name: "two", Driver: "gpu.nvidia.com", Pool: "node-1", Device: "gpu-0", CDI: []string{"k8s.gpu.nvidia.com/device=gpu-0"}},
					{Namespace: "a", Name: "two", Driver: "gpu.nvidia.com", Pool: "node-1", Device: "gpu-1", CDI: []string{"k8s.gpu.nvidia.com/device=gpu-1", "k8s.gpu.nvidia.com/claim=u-gpu-1"}},
					{Namespace: "a", Name: "half", Driver: "gpu.nvidia.com", Pool: "node-1", Device: "gpu-2", ShareID: "s-1", CDI: []string{"k8s.gpu.nvidia.com/device=gpu-2"}},
				}},
				gpus("a", "p", "", "GPU-9"),
			}},
		},
		"other resources are apart": {
			[]kubelettest.Pod{{Namespace: "a", Name: "p", Containers: []kubelettest.Container{{Name: "main", Devices: []kubelettest.Devices{
				{Resource: "rdma/hca", IDs: []string{"hca-1"}}, {Resource: gpuResource, IDs: []string{"GPU-1"}},
			}}}}},
			[]kubelettest.Devices{{Resource: "rdma/hca", IDs: []string{"hca-1"}}},
			device.Holders{
				Allocations: []device.Allocation{gpus("a", "p", "", "GPU-1")},
				Unknown:     []device.Allocation{{Holder: device.Holder{Namespace: "a", Pod: "p", Container: "main"}, Resource: "rdma/hca", Devices: []string{"hca-1"}}},
			},
		},
		"other DRA drivers are apart, but for channels": {
			[]kubelettest.Pod{{Namespace: "a", Name: "p", Containers: []kubelettest.Container{{Name: "main", Claims: []kubelettest.Claim{
				{Namespace: "a", Name: "channel", Driver: "compute-domain.nvidia.com", Pool: "node-1", Devices: []kubelettest.ClaimDevice{{Name: "channel-0"}}},
				{Namespace: "a", Name: "nic", Driver: "dra.net", Pool: "node-1", Devices: []kubelettest.ClaimDevice{{Name: "eth1"}}},
			}}}}},
			nil,
			device.Holders{Unknown: []device.Allocation{{
				Holder: device.Holder{Namespace: "a", Pod: "p", Container: "main"}, Claims: []device.Claim{{Namespace: "a", Name: "nic", Driver: "dra.net", Pool: "node-1", Device: "eth1"}},
			}}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := kubelettest.Start(t)
			s.SetPods(tc.pods...)
			s.SetAllocatable(tc.allocatable...)
			got := poll(t, client(t, s, newClock(), ""))
			if d := cmp.Diff(tc.want, got, cmpopts.EquateEmpty()); d != "" {
				t.Errorf("-want +got\n%s", d)
			}
		})
	}
}

func TestWhichResourcesAreGPUs(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]bool{
		"nvidia.com/gpu": true, "nvidia.com/gpu.shared": true, "nvidia.com/gpu-a100": true, "nvidia.com/mig-1g.10gb": true, "nvidia.com/mig-1g.12gb.me": true,
		"nvidia.com/pgpu": true, "nvidia.com/GA102GL_A10": true, "nvidia.com/TU104GL_TESLA_T4": true, "nvidia.com/GH100_H200_SXM_141GB": true, "nvidia.com/NVIDIA_A10-12Q": true,
		"volcano.sh/vgpu-number": true, "volcano.sh/gpu-memory": true, "aliyun.com/gpu-mem": true, "tencent.com/vcuda-core": true,
		"nvidia.com/hostdev": false, "nvidia.com/rdma_shared_device_a": false, "nvidia.com/mlnxnics": false, "nvidia.com/cx6_vf": false, "nvidia.com/resibp": false, "nvidia.com/BF3_VF": false,
		"example.com/gpu": false, "cpu": false, "hugepages-2Mi": false, "rdma/hca": false,
	} {
		s := kubelettest.Start(t)
		s.SetPods(kubelettest.Pod{Namespace: "a", Name: "p", Containers: []kubelettest.Container{{Name: "main", Devices: []kubelettest.Devices{{Resource: name, IDs: []string{"x"}}}}}})
		if h := poll(t, client(t, s, newClock(), "")); len(h.Allocations) > 0 != want || len(h.Unknown) > 0 == want {
			t.Errorf("%s is a GPU: %v, want %v", name, !want, want)
		}
	}
}

func TestOtherPatternsKeepOtherResources(t *testing.T) {
	t.Parallel()
	s := kubelettest.Start(t)
	s.SetPods(kubelettest.GPUs("a", "p", "", "GPU-1"),
		kubelettest.Pod{Namespace: "a", Name: "q", Containers: []kubelettest.Container{{Name: "main", Devices: []kubelettest.Devices{{Resource: "example.com/gpu-large", IDs: []string{"GPU-2"}}}}}})
	k, err := kubelet.New(kubelet.Config{Socket: s.Socket(), Resources: []string{"example.com/gpu-*"}, Now: newClock().Now})
	if err != nil {
		t.Fatal(err)
	}
	defer k.Close()
	if got := poll(t, k).Allocations; len(got) != 1 || got[0].Resource != "example.com/gpu-large" {
		t.Errorf("allocations %+v, want example.com/gpu-large only", got)
	}
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	_, err := kubelet.New(kubelet.Config{Resources: []string{"nvidia.com/["}, Drivers: []string{"gpu.["}, Timeout: -1})
	if err == nil {
		t.Fatal("New accepts a bad pattern, a negative timeout and no clock")
	}
	for _, part := range []string{`"nvidia.com/["`, `"gpu.["`, "timeout", "Now"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("error %q does not name %s", err, part)
		}
	}
}

func BenchmarkHolders(b *testing.B) {
	s := kubelettest.Start(b)
	var pods []kubelettest.Pod
	var ids []string
	for i := range 110 {
		p := kubelettest.Pod{Namespace: "team", Name: fmt.Sprintf("pod-%d", i), Containers: []kubelettest.Container{{Name: "main"}}}
		if i < 8 {
			id := fmt.Sprintf("GPU-5f2a1c34-9b1e-4f6d-8a77-0c1d2e3f4a%02d", i)
			ids = append(ids, id)
			p = kubelettest.GPUs("team", p.Name, fmt.Sprintf("uid-%d", i), id)
		}
		pods = append(pods, p)
	}
	s.SetAllocatable(kubelettest.Devices{Resource: gpuResource, IDs: ids})
	s.Hold(pods...)
	k := client(b, s, newClock(), s.Checkpoint())
	b.ReportAllocs()
	for b.Loop() {
		if h := poll(b, k); len(h.Allocations) != 8 || h.Allocations[0].Holder.PodUID == "" {
			b.Fatalf("%+v", h)
		}
	}
}
