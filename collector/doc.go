// Package collector wires the node agent: NVML and the kubelet into the meter,
// the meter's snapshot into /metrics.
//
//	nvml ─────┐
//	          ├─> attribution ─> meter ─> snapshot ─> exporter ─> /metrics
//	kubelet ──┘
package collector
