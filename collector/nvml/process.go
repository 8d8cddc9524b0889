//go:build linux && cgo

package nvml

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/NVIDIA/go-nvml/pkg/nvml"

	"github.com/gputally/gputally/collector/device"
)

const (
	noID     = math.MaxUint32 // the driver's id of no MIG instance
	noMemory = math.MaxUint64 // the driver's size of memory that it doesn't know
)

// processes lists the processes on a GPU and counts them: nil and -1 if the
// driver doesn't list them. Clients of MPS are listed, not counted: their server
// is. PIDs are those of this process' PID namespace.
func (q *query) processes(h nvml.Device, parts []part, utilization *float64) ([]device.Process, int) {
	places := []part{{handle: h}}
	found, ret := each(places, q.contexts)
	if ret == nvml.ERROR_NO_PERMISSION && len(parts) > 0 {
		places = parts // with MIG on, the whole GPU answers the privileged only
		found, ret = each(places, q.contexts)
	}
	if ret != nvml.SUCCESS {
		return nil, -1
	}
	pids := map[uint32]bool{}
	for _, c := range found {
		pids[c.Pid] = true
	}
	clients, ret := each(places, q.clients)
	running, distinct := named(found, clients, parts)
	work := q.work(h, utilization)
	if ret != nvml.SUCCESS || !distinct {
		return nil, len(pids)
	}
	for i := range running {
		running[i].Utilization = work(running[i].PID)
	}
	return running, len(pids)
}

// contexts lists compute and graphics contexts; a process may have both. A GPU
// without graphics has none of the second kind.
func (q *query) contexts(h nvml.Device) ([]nvml.ProcessInfo, nvml.Return) {
	compute, ret := call(q, fnCompute, h.GetComputeRunningProcesses)
	if ret != nvml.SUCCESS {
		return nil, ret
	}
	graphics, known := q.optional(fnGraphics, h.GetGraphicsRunningProcesses)
	if !known {
		return nil, nvml.ERROR_UNKNOWN
	}
	return append(compute, graphics...), nvml.SUCCESS
}

// optional lists processes of a kind that a GPU or a driver may not have.
func (q *query) optional(name string, f func() ([]nvml.ProcessInfo, nvml.Return)) ([]nvml.ProcessInfo, bool) {
	found, ret := call(q, name, f)
	return found, ret == nvml.SUCCESS || ret == nvml.ERROR_NOT_FOUND || unsupported(ret)
}

// clients lists the contexts of those who work through MPS.
func (q *query) clients(h nvml.Device) ([]nvml.ProcessInfo, nvml.Return) {
	clients, known := q.optional(fnMPS, h.GetMPSComputeRunningProcesses)
	if !known {
		return nil, nvml.ERROR_UNKNOWN
	}
	return clients, nvml.SUCCESS
}

// each puts together what is listed of a whole GPU or of its MIG instances one by one.
func each(places []part, list func(nvml.Device) ([]nvml.ProcessInfo, nvml.Return)) ([]nvml.ProcessInfo, nvml.Return) {
	var all []nvml.ProcessInfo
	for _, p := range places {
		found, ret := list(p.handle)
		if ret != nvml.SUCCESS {
			return nil, ret
		}
		for _, c := range found {
			if p.UUID != "" {
				c.GpuInstanceId, c.ComputeInstanceId = uint32(p.GPUInstance), uint32(p.ComputeInstance)
			}
			all = append(all, c)
		}
	}
	return all, nvml.SUCCESS
}

// named makes one process of all contexts of a PID on the same part of the GPU.
// It is false if they can't be distinguished: without PIDs, or on a MIG instance
// that is not in the list (any more, or not yet).
func named(contexts, clients []nvml.ProcessInfo, parts []part) ([]device.Process, bool) {
	type key struct {
		pid      uint32
		instance string
	}
	all := map[key]device.Process{}
	for i, c := range slices.Concat(contexts, clients) {
		instance, ok := instanceOf(c, parts)
		if !ok || c.Pid == 0 {
			return nil, false
		}
		k := key{c.Pid, instance}
		p := device.Process{PID: int(c.Pid), Client: all[k].Client || i >= len(contexts), Instance: instance, MemoryUsed: all[k].MemoryUsed}
		if c.UsedGpuMemory != noMemory && (p.MemoryUsed == nil || float64(c.UsedGpuMemory) > *p.MemoryUsed) {
			p.MemoryUsed = new(float64(c.UsedGpuMemory)) // each context has the memory of the whole process
		}
		all[k] = p
	}
	running := slices.AppendSeq(make([]device.Process, 0, len(all)), maps.Values(all))
	slices.SortFunc(running, func(a, b device.Process) int {
		return cmp.Or(cmp.Compare(a.PID, b.PID), cmp.Compare(a.Instance, b.Instance))
	})
	return running, true
}

// instanceOf finds the UUID of the MIG instance that a context is on, "" for a
// whole GPU. An instance's ids are complete, or the compute instance is the only one.
func instanceOf(c nvml.ProcessInfo, parts []part) (string, bool) {
	if c.GpuInstanceId == noID {
		return "", true
	}
	var fitting []part
	for _, p := range parts {
		if uint32(p.GPUInstance) == c.GpuInstanceId && (c.ComputeInstanceId == noID || uint32(p.ComputeInstance) == c.ComputeInstanceId) {
			fitting = append(fitting, p)
		}
	}
	if len(fitting) != 1 {
		return "", false
	}
	return fitting[0].UUID, true
}

// work is how far the driver's samples of its processes' work were read.
type work struct {
	begun  bool
	newest uint64    // time stamp of the last sample, µs of the driver's clock
	read   time.Time // when newest was
	heard  time.Time // when there was a new sample, or none was due
}

// work says of a PID which ratio of the GPU's time it lately had kernels on it,
// nil if unknown. The driver has samples of those only that did something, so
// without one a process did nothing. If none has one, that holds while the GPU
// is known to be idle. The first answer is about the time before the first look
// and is dropped.
func (q *query) work(h nvml.Device, utilization *float64) func(pid int) *float64 {
	unknown := func(int) *float64 { return nil }
	w := &q.past.work
	samples, ret := call(q, fnWork, func() ([]nvml.ProcessUtilizationSample, nvml.Return) { return h.GetProcessUtilization(w.newest) })
	none := ret == nvml.ERROR_NOT_FOUND || ret == nvml.ERROR_INSUFFICIENT_SIZE && len(samples) == 0
	if ret != nvml.SUCCESS && !none {
		*w = work{}
		return unknown
	}
	now := q.now()
	began, since, read := w.begun, w.newest, w.read
	latest, odd := map[int]nvml.ProcessUtilizationSample{}, map[int]bool{}
	for _, s := range samples {
		if ahead(s.TimeStamp, since, read, now) {
			q.doubt(device.ReadingProcessUtilization, float64(s.TimeStamp)/1e6)
			odd[int(s.Pid)] = true
			continue
		}
		if pid := int(s.Pid); s.TimeStamp > max(since, latest[pid].TimeStamp) {
			latest[pid] = s
			w.newest, w.read, w.heard = max(w.newest, s.TimeStamp), now, now
		}
	}
	w.begun = true
	if len(latest) == 0 {
		if idle(utilization) {
			w.heard = now
		} else {
			if now.Sub(w.heard) > maxSilence {
				*w = work{} // as after a step of the driver's clock
			}
			return unknown
		}
	} else if !began {
		return unknown
	}
	return func(pid int) *float64 {
		s, found := latest[pid]
		if !found && odd[pid] {
			return nil
		}
		return new(float64(s.SmUtil) / 100)
	}
}
