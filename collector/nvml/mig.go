//go:build linux && cgo

package nvml

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/NVIDIA/go-nvml/pkg/nvml"

	"github.com/gputally/gputally/collector/device"
)

// part is a MIG instance with the handle to ask it.
type part struct {
	handle    nvml.Device
	forbidden bool // it may not be read
	device.MIGInstance
}

// instances lists a GPU's MIG instances, none if MIG is off. They are read
// each time: handles go stale when the GPU is cut differently, and a UUID may
// come back with another profile. It says why the list can't be read to its end,
// SUCCESS if it can: half a list would look like instances destroyed.
func (q *query) instances(h nvml.Device, memory *float64) ([]part, nvml.Return) {
	on, ret := call(q, fnMIGMode, func() (bool, nvml.Return) {
		current, _, ret := h.GetMigMode()
		return current == nvml.DEVICE_MIG_ENABLE, ret
	})
	if unsupported(ret) || ret == nvml.SUCCESS && !on {
		return nil, nvml.SUCCESS
	}
	if ret != nvml.SUCCESS {
		return nil, ret
	}
	most, ret := call(q, fnMIGMax, h.GetMaxMigDeviceCount)
	if ret == nvml.SUCCESS && (most < 0 || most > maxInstances) {
		ret = nvml.ERROR_UNKNOWN
	}
	if ret != nvml.SUCCESS {
		return nil, ret
	}
	var all []part
	for i := range most {
		handle, ret := call(q, fnMIGHandle, func() (nvml.Device, nvml.Return) { return h.GetMigDeviceHandleByIndex(i) })
		if ret == nvml.ERROR_NOT_FOUND {
			continue // indices have gaps
		}
		if ret != nvml.SUCCESS {
			return nil, ret
		}
		m, ret := q.instance(handle, memory)
		if ret != nvml.SUCCESS {
			return nil, ret
		}
		all = append(all, part{handle: handle, MIGInstance: m})
	}
	slices.SortFunc(all, func(a, b part) int {
		return cmp.Or(cmp.Compare(a.GPUInstance, b.GPUInstance), cmp.Compare(a.ComputeInstance, b.ComputeInstance))
	})
	return all, nvml.SUCCESS
}

// instance describes one MIG instance, or says why that does not say who it is.
func (q *query) instance(h nvml.Device, memory *float64) (device.MIGInstance, nvml.Return) {
	uuid, ret1 := call(q, fnUUID, h.GetUUID)
	gi, ret2 := call(q, fnGPUInstance, h.GetGpuInstanceId)
	ci, ret3 := call(q, fnCompInstance, h.GetComputeInstanceId)
	if ret := cmp.Or(ret1, ret2, ret3); ret != nvml.SUCCESS {
		return device.MIGInstance{}, ret
	}
	m := device.MIGInstance{UUID: uuid, GPUInstance: gi, ComputeInstance: ci}
	if name, ok := ask(q, fnName, h.GetName); ok {
		_, m.Profile, _ = strings.Cut(name, " MIG ") // "NVIDIA H200 MIG 1g.18gb"
	}
	attributes, ok := ask(q, fnAttributes, h.GetAttributes)
	if !ok {
		m.ComputeSlices = computeSlices(m.Profile)
		return m, nvml.SUCCESS
	}
	m.ComputeSlices = int(attributes.ComputeInstanceSliceCount)
	if m.Profile == "" && memory != nil {
		m.Profile = profile(attributes, *memory)
	}
	return m, nvml.SUCCESS
}

// computeSlices reads the compute slices out of a profile: 1 of "1c.3g.20gb", 3 of
// "3g.20gb", 0 if it isn't one.
func computeSlices(profile string) int {
	var n int
	var unit rune
	if _, err := fmt.Sscanf(profile, "%d%c", &n, &unit); err != nil || unit != 'c' && unit != 'g' {
		return 0
	}
	return n
}

// profile names a MIG instance as the driver does: memory is not what the
// instance has but its eighths of the whole GPU's GiB, rounded.
func profile(a nvml.DeviceAttributes, memory float64) string {
	const mib, gib = 1 << 20, 1 << 30
	eighths := math.Ceil(float64(a.MemorySizeMB) * mib / memory * 8)
	gb := math.Round(eighths / 8 * math.Ceil(memory/gib))
	name := fmt.Sprintf("%dg.%.0fgb", a.GpuInstanceSliceCount, gb)
	if a.ComputeInstanceSliceCount < a.GpuInstanceSliceCount {
		return fmt.Sprintf("%dc.%s", a.ComputeInstanceSliceCount, name)
	}
	return name
}
