package exporter

import (
	"github.com/gputally/gputally/collector/device"
	"github.com/gputally/gputally/collector/metric"
)

// health renders what was asked for and is known.
func (w *walker) health(uuid string, h *device.Health) {
	w.known(&metric.DeviceECCErrors, h.ECCCorrected, uuid, metric.KindCorrected)
	w.known(&metric.DeviceECCErrors, h.ECCUncorrected, uuid, metric.KindUncorrected)
	w.known(&metric.DeviceRemappedRows, h.RemappedCorrectable, uuid, metric.KindCorrectable)
	w.known(&metric.DeviceRemappedRows, h.RemappedUncorrectable, uuid, metric.KindUncorrectable)
	if h.RemapPending != nil {
		w.put(&metric.DeviceRowRemapPending, bit(*h.RemapPending), uuid)
	}
	if h.RemapFailed != nil {
		w.put(&metric.DeviceRowRemapFailed, bit(*h.RemapFailed), uuid)
	}
	t := &h.Throttled
	w.known(&metric.DeviceThrottledSeconds, t.PowerCap, uuid, metric.ReasonPowerCap)
	w.known(&metric.DeviceThrottledSeconds, t.SyncBoost, uuid, metric.ReasonSyncBoost)
	w.known(&metric.DeviceThrottledSeconds, t.Thermal, uuid, metric.ReasonThermal)
	w.known(&metric.DeviceThrottledSeconds, t.HardwareThermal, uuid, metric.ReasonHardwareThermal)
	w.known(&metric.DeviceThrottledSeconds, t.PowerBrake, uuid, metric.ReasonPowerBrake)
	w.known(&metric.DeviceNVLinkPayloadBytes, h.NVLinkPayloadSent, uuid, metric.DirectionSent)
	w.known(&metric.DeviceNVLinkPayloadBytes, h.NVLinkPayloadReceived, uuid, metric.DirectionReceived)
	w.known(&metric.DeviceNVLinkWireBytes, h.NVLinkWireSent, uuid, metric.DirectionSent)
	w.known(&metric.DeviceNVLinkWireBytes, h.NVLinkWireReceived, uuid, metric.DirectionReceived)
	w.known(&metric.DevicePCIeBytes, h.PCIeSent, uuid, metric.DirectionSent)
	w.known(&metric.DevicePCIeBytes, h.PCIeReceived, uuid, metric.DirectionReceived)
}
