package cdi_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/gputally/gputally/collector/attribution"
	"github.com/gputally/gputally/collector/device"
	"github.com/gputally/gputally/collector/kubelet"
	"github.com/gputally/gputally/collector/kubelet/kubelettest"
)

// TestClaimsFromTheKubeletToTheGPU takes claims all the way, past a kubelet that
// lists a device's CDI names with those of the devices before it.
func TestClaimsFromTheKubeletToTheGPU(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	n.write("run/base.json", baseSpec)
	s := kubelettest.Start(t)
	s.SetPods(kubelettest.Pod{Namespace: "a", Name: "p", Containers: []kubelettest.Container{{Name: "main", Claims: []kubelettest.Claim{{
		Namespace: "a", Name: "c", Driver: "gpu.nvidia.com", Pool: "node-1", Devices: []kubelettest.ClaimDevice{
			{Name: "gpu-1-mig-19-0-1", CDI: []string{"k8s.gpu.nvidia.com/device=gpu-1-mig-19-0-1"}},
			{Name: "gpu-0", CDI: []string{"k8s.gpu.nvidia.com/device=gpu-0"}},
			{Name: "gpu-vfio-0", CDI: []string{"k8s.gpu.nvidia.com/device=gpu-vfio-0"}},
		},
	}}}}})
	k, err := kubelet.New(kubelet.Config{Socket: s.Socket(), Now: func() time.Time { return n.now }, Timeout: 10 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	defer k.Close()
	holders, err := k.Holders(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	inv := device.Inventory{GPUs: []device.GPU{
		{UUID: "GPU-a", Model: "NVIDIA H200", Minor: 0},
		{UUID: "GPU-b", Model: "NVIDIA H200", Minor: 1, ComputeSlices: 7, MIG: []device.MIGInstance{{UUID: "MIG-b", GPUInstance: 1, ComputeSlices: 1}}},
	}}
	holder := device.Holder{Namespace: "a", Pod: "p", Container: "main"}
	want := attribution.Result{
		Holdings: []device.Holding{
			{Holder: holder, UUID: "GPU-a", Share: 1, Sole: true},
			{Holder: holder, UUID: "GPU-b", Share: 1.0 / 7, Sole: true},
		},
		Unresolved: []string{"gpu.nvidia.com/node-1/gpu-vfio-0"},
	}
	got := attribution.New(attribution.Config{Claims: n.f.Find}).Resolve(inv, holders)
	if d := cmp.Diff(want, got, cmpopts.EquateEmpty(), cmpopts.IgnoreFields(device.Holding{}, "Parts")); d != "" {
		t.Errorf("-want +got\n%s", d)
	}
}
