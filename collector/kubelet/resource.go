package kubelet

import (
	podresources "k8s.io/kubelet/pkg/apis/podresources/v1"

	"github.com/gputally/gputally/collector/device"
)

// DefaultResources are patterns (path.Match) of the extended resources that are
// GPUs. Others below nvidia.com are network cards, as administrators name them
// (nvidia.com/hostdev, nvidia.com/rdma_shared).
func DefaultResources() []string {
	return []string{
		"nvidia.com/gpu*", "nvidia.com/mig-*", // NVIDIA's device plugin
		// NVIDIA's device plugin for virtual machines names GPUs by their chips
		// (GA102GL_A10) and virtual GPUs by their types (NVIDIA_A10-12Q).
		"nvidia.com/pgpu*", "nvidia.com/vgpu*", "nvidia.com/[AGT][ABDHKMPRUV][0-9][0-9]*", "nvidia.com/NVIDIA_*", "nvidia.com/GRID_*",
		// Schedulers that divide GPUs.
		"volcano.sh/gpu-*", "volcano.sh/vgpu-number", "aliyun.com/gpu*", "tencent.com/vcuda-core", "4pd.io/vgpu*", "k8s.amazonaws.com/vgpu*", "koordinator.sh/gpu*",
	}
}

// DefaultDrivers are patterns (path.Match) of the DRA drivers whose devices are GPUs.
func DefaultDrivers() []string { return []string{"gpu.nvidia.com"} }

// channels is the DRA driver of channels between nodes, which are no GPUs.
const channels = "compute-domain.nvidia.com"

// unknownOf lists what containers hold that is not known as GPUs.
func unknownOf(list *podresources.ListPodResourcesResponse, keep kept) []device.Allocation {
	resource := func(name string) bool { return !keep.resource(name) }
	driver := func(name string) bool { return !keep.driver(name) && name != channels }
	var all []device.Allocation
	for _, p := range podsOf(list, kept{resource, driver}) {
		all = append(all, p.allocations...)
	}
	sortAllocations(all)
	return all
}
