//go:build linux && cgo

package nvml

import (
	"github.com/NVIDIA/go-nvml/pkg/nvml"

	"github.com/gputally/gputally/collector/device"
)

// query is one round of calls to one GPU. After an answer that the GPU is
// gone, nothing more is asked.
type query struct {
	session
	past *past
	dead nvml.Return // SUCCESS, or why the GPU can't be used
	// failure is the answer of a measurement that failed: of the first one that
	// failed for another reason than that it isn't supported, if there is one.
	failure nvml.Return
	// impossible are answers that were left out. Most are judged by who knows
	// more of the card; here only those that are made into something else.
	impossible []device.Impossible
}

// doubt leaves an answer out.
func (q *query) doubt(kind string, value float64) {
	q.impossible = append(q.impossible, device.Impossible{Kind: kind, Value: value})
}

// call makes a call unless the GPU is gone.
func call[T any](q *query, name string, f func() (T, nvml.Return)) (T, nvml.Return) {
	if q.dead != nvml.SUCCESS {
		var none T
		return none, q.dead
	}
	v, ret := guard(q.has, name, f)
	q.note(ret)
	return v, ret
}

// note takes notice of an answer that the GPU is gone.
func (q *query) note(ret nvml.Return) {
	if ret == nvml.ERROR_GPU_IS_LOST || ret == nvml.ERROR_RESET_REQUIRED {
		q.dead = ret
	}
}

// ask is call for an answer that may be unknown: whether the GPU does not
// support it, forbids it or fails at it makes no difference.
func ask[T any](q *query, name string, f func() (T, nvml.Return)) (T, bool) {
	v, ret := call(q, name, f)
	return v, ret == nvml.SUCCESS
}

// measure is ask for what a GPU measures of itself.
func measure[T any](q *query, name string, f func() (T, nvml.Return)) (T, bool) {
	v, ret := call(q, name, f)
	if ret != nvml.SUCCESS && (q.failure == nvml.SUCCESS || unsupported(q.failure)) {
		q.failure = ret
	}
	return v, ret == nvml.SUCCESS
}

// reading asks what the GPU does now, but for its processes.
func (q *query) reading(h nvml.Device) device.Reading {
	r := device.Reading{Up: true, Processes: -1}
	if u, ok := measure(q, fnUtilization, h.GetUtilizationRates); ok {
		r.Utilization = new(float64(u.Gpu) / 100)
	}
	r.Active = q.active(h, r.Utilization)
	r.MemoryUsed, r.MemoryTotal = q.memory(h)
	if mw, ok := measure(q, fnPower, h.GetPowerUsage); ok {
		r.Power = new(float64(mw) / 1000)
	}
	if t, ok := measure(q, fnTemperature, func() (uint32, nvml.Return) { return h.GetTemperature(nvml.TEMPERATURE_GPU) }); ok {
		r.Temperature = new(float64(t))
	}
	if mj, ok := measure(q, fnEnergy, h.GetTotalEnergyConsumption); ok {
		r.Energy = new(float64(mj) / 1000)
	}
	return r
}

// memory prefers version 2, because version 1 counts as used what the driver
// reserves for itself (hundreds of MB on an idle GPU).
func (q *query) memory(h nvml.Device) (used, total *float64) {
	if m, ok := measure(q, fnMemory2, h.GetMemoryInfo_v2); ok {
		return new(float64(m.Used)), new(float64(m.Total))
	}
	if m, ok := measure(q, fnMemory, h.GetMemoryInfo); ok {
		return new(float64(m.Used)), new(float64(m.Total))
	}
	return nil, nil
}

// unsupported says that the GPU or the driver doesn't have the feature, as
// opposed to failing at it.
func unsupported(ret nvml.Return) bool {
	return ret == nvml.ERROR_NOT_SUPPORTED || ret == nvml.ERROR_FUNCTION_NOT_FOUND
}
