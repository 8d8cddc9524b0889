//go:build linux && cgo

package nvml

import (
	"math"

	"github.com/NVIDIA/go-nvml/pkg/nvml"

	"github.com/gputally/gputally/collector/device"
)

// allLinks asks for the sum over a GPU's NVLinks.
const allLinks = math.MaxUint32

// field is a value that the driver gives by number.
type field struct {
	id    uint32
	scope uint32
	unit  float64 // what one of the driver's is in ours
	to    func(*device.Health) **float64
}

// fields lists those that are wanted. The numbers of the thermal reasons and
// the power brake are those of present-day drivers; under the numbers that some
// drivers had before, today's give something else, so they aren't tried.
func (c Config) fields() []field {
	const nanosecond, kib = 1e-9, 1 << 10
	var all []field
	if c.Throttle {
		all = append(all,
			field{nvml.FI_DEV_CLOCKS_EVENT_REASON_SW_POWER_CAP, 0, nanosecond, func(h *device.Health) **float64 { return &h.Throttled.PowerCap }},
			field{nvml.FI_DEV_CLOCKS_EVENT_REASON_SYNC_BOOST, 0, nanosecond, func(h *device.Health) **float64 { return &h.Throttled.SyncBoost }},
			field{nvml.FI_DEV_CLOCKS_EVENT_REASON_SW_THERM_SLOWDOWN, 0, nanosecond, func(h *device.Health) **float64 { return &h.Throttled.Thermal }},
			field{nvml.FI_DEV_CLOCKS_EVENT_REASON_HW_THERM_SLOWDOWN, 0, nanosecond, func(h *device.Health) **float64 { return &h.Throttled.HardwareThermal }},
			field{nvml.FI_DEV_CLOCKS_EVENT_REASON_HW_POWER_BRAKE_SLOWDOWN, 0, nanosecond, func(h *device.Health) **float64 { return &h.Throttled.PowerBrake }},
		)
	}
	if c.NVLink {
		all = append(all,
			field{nvml.FI_DEV_NVLINK_THROUGHPUT_DATA_TX, allLinks, kib, func(h *device.Health) **float64 { return &h.NVLinkPayloadSent }},
			field{nvml.FI_DEV_NVLINK_THROUGHPUT_DATA_RX, allLinks, kib, func(h *device.Health) **float64 { return &h.NVLinkPayloadReceived }},
			field{nvml.FI_DEV_NVLINK_THROUGHPUT_RAW_TX, allLinks, kib, func(h *device.Health) **float64 { return &h.NVLinkWireSent }},
			field{nvml.FI_DEV_NVLINK_THROUGHPUT_RAW_RX, allLinks, kib, func(h *device.Health) **float64 { return &h.NVLinkWireReceived }},
		)
	}
	if c.PCIe { // as bytes counted: to ask for the throughput blocks for 20 ms
		all = append(all,
			field{nvml.FI_DEV_PCIE_COUNT_TX_BYTES, 0, 1, func(h *device.Health) **float64 { return &h.PCIeSent }},
			field{nvml.FI_DEV_PCIE_COUNT_RX_BYTES, 0, 1, func(h *device.Health) **float64 { return &h.PCIeReceived }},
		)
	}
	return all
}

// health asks how the GPU fares, nil if nothing is wanted.
func (q *query) health(h nvml.Device) *device.Health {
	if !q.ecc && !q.rows && len(q.fields) == 0 {
		return nil
	}
	var to device.Health
	if q.ecc {
		to.ECCCorrected = q.errors(h, nvml.MEMORY_ERROR_TYPE_CORRECTED)
		to.ECCUncorrected = q.errors(h, nvml.MEMORY_ERROR_TYPE_UNCORRECTED)
	}
	if q.rows {
		q.remapped(h, &to)
	}
	q.values(h, &to)
	return &to
}

func (q *query) errors(h nvml.Device, kind nvml.MemoryErrorType) *float64 {
	n, ok := ask(q, fnECC, func() (uint64, nvml.Return) { return h.GetTotalEccErrors(kind, nvml.AGGREGATE_ECC) })
	if !ok {
		return nil
	}
	return new(float64(n))
}

func (q *query) remapped(h nvml.Device, to *device.Health) {
	_, _ = ask(q, fnRemapped, func() (struct{}, nvml.Return) {
		correctable, uncorrectable, pending, failed, ret := h.GetRemappedRows()
		if ret == nvml.SUCCESS {
			to.RemappedCorrectable, to.RemappedUncorrectable = new(float64(correctable)), new(float64(uncorrectable))
			to.RemapPending, to.RemapFailed = &pending, &failed
		}
		return struct{}{}, ret
	})
}

// values asks for all fields in one call; each has a return code of its own.
func (q *query) values(h nvml.Device, to *device.Health) {
	if len(q.fields) == 0 {
		return // the binding takes no empty list
	}
	values := make([]nvml.FieldValue, len(q.fields))
	for i, f := range q.fields {
		values[i].FieldId, values[i].ScopeId = f.id, f.scope
	}
	if _, ok := ask(q, fnFields, func() (struct{}, nvml.Return) { return struct{}{}, h.GetFieldValues(values) }); !ok {
		return
	}
	for i, f := range q.fields {
		v := values[i]
		q.note(nvml.Return(v.NvmlReturn))
		if n, ok := number(nvml.ValueType(v.ValueType), v.Value); ok && nvml.Return(v.NvmlReturn) == nvml.SUCCESS && n >= 0 {
			*f.to(to) = new(n * f.unit)
		}
	}
}
