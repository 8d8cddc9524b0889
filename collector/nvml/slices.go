//go:build linux && cgo

package nvml

import "github.com/NVIDIA/go-nvml/pkg/nvml"

// mostSlices is more than any GPU is cut into.
const mostSlices = 64

// slices is into how many compute slices MIG cuts the GPU: as many as the largest of
// its GPU instances has, else as many as there can be instances, since the smallest
// one has one slice. It is 0 if the driver says neither.
func (q *query) slices(h nvml.Device) int {
	largest := 0
	for profile := range nvml.GPU_INSTANCE_PROFILE_COUNT {
		info, ok := ask(q, fnProfile, func() (nvml.GpuInstanceProfileInfo, nvml.Return) { return h.GetGpuInstanceProfileInfo(profile) })
		if ok && info.SliceCount <= mostSlices {
			largest = max(largest, int(info.SliceCount))
		}
	}
	if largest > 0 {
		return largest
	}
	most, ok := ask(q, fnMIGMax, h.GetMaxMigDeviceCount)
	if !ok || most < 0 || most > mostSlices {
		return 0
	}
	return most
}
