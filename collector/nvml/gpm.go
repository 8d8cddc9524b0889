//go:build linux && cgo

package nvml

import (
	"math"
	"slices"
	"time"

	"github.com/NVIDIA/go-nvml/pkg/nvml"

	"github.com/gputally/gputally/collector/device"
)

const (
	// gpmRefresh is how often the driver renews its counters: two samples that
	// are closer show no difference.
	gpmRefresh = 100 * time.Millisecond
	// gpmStale is the longest time over which an average says something of now.
	gpmStale = time.Minute
	// gpmSlack is what a ratio of counters that were read a moment apart can come to.
	gpmSlack = 1.1
)

// ratios are averages over the time between two samples of a GPU's counters,
// from 0 to 1; NaN is unknown.
type ratios struct{ graphics, sm, tensor, dram float64 }

// pair has two samples of the counters of one GPU or MIG instance, in buffers of
// the driver that take turns.
type pair struct {
	earlier, later nvml.GpmSample
	at             time.Time // when earlier was filled, zero if it wasn't
	last           ratios
}

// gpm is what takes counters (GPM, of Hopper and later) of a GPU.
type gpm struct {
	asked, supported bool
	pairs            map[string]*pair // by UUID of the GPU or the MIG instance
}

// activity adds what the counters show to a reading of the GPU.
func (q *query) activity(h nvml.Device, r *device.Reading) {
	if !q.counts(h) {
		return
	}
	now := q.between(q.past.uuid, func(s nvml.GpmSample) nvml.Return { return q.lib.GpmSampleGet(h, s) })
	r.SM, r.Tensor, r.DRAM = known(now.sm), known(now.tensor), known(now.dram)
}

// readings asks what MIG instances do now. The driver counts by GPU instance:
// what each of several compute instances on one does is unknown. Utilization is
// the time with kernels running ("graphics" in GPM), as it is for a whole GPU;
// how many of the multiprocessors they kept busy is SM.
func (q *query) readings(gpu nvml.Device, parts []part) []device.MIGInstance {
	var all []device.MIGInstance
	for i, p := range parts {
		r := device.Reading{Up: true, Processes: -1}
		q.failure = nvml.SUCCESS
		r.MemoryUsed, r.MemoryTotal = q.memory(p.handle)
		parts[i].forbidden = r.MemoryUsed == nil && q.failure == nvml.ERROR_NO_PERMISSION
		alone := !slices.ContainsFunc(parts, func(o part) bool { return o.GPUInstance == p.GPUInstance && o.UUID != p.UUID })
		if alone && q.has[fnGPMOfMIG] && q.counts(gpu) {
			now := q.between(p.UUID, func(s nvml.GpmSample) nvml.Return { return q.lib.GpmMigSampleGet(gpu, p.GPUInstance, s) })
			r.Utilization, r.SM, r.Tensor, r.DRAM = known(now.graphics), known(now.sm), known(now.tensor), known(now.dram)
		}
		p.Reading = &r
		all = append(all, p.MIGInstance)
	}
	q.past.gpm.retain(func(uuid string) bool {
		return uuid == q.past.uuid || slices.ContainsFunc(parts, func(p part) bool { return p.UUID == uuid })
	})
	return all
}

// counts says whether the GPU has such counters. Only an answer is remembered.
func (q *query) counts(h nvml.Device) bool {
	for _, name := range []string{fnGPMAlloc, fnGPMFree, fnGPMGet, fnGPMMetrics} {
		if !q.has[name] {
			return false
		}
	}
	g := &q.past.gpm
	if !g.asked {
		support, ret := call(q, fnGPMSupport, func() (nvml.GpmSupport, nvml.Return) { return q.lib.GpmQueryDeviceSupport(h) })
		g.asked = ret == nvml.SUCCESS || unsupported(ret)
		g.supported = ret == nvml.SUCCESS && support.IsSupportedDevice != 0
	}
	return g.supported
}

// between takes a sample and compares it with the one before. Asked again too
// soon it repeats its answer.
func (q *query) between(uuid string, fill func(nvml.GpmSample) nvml.Return) ratios {
	unknown := ratios{math.NaN(), math.NaN(), math.NaN(), math.NaN()}
	m := q.past.gpm.pairs[uuid]
	if m == nil {
		if m = q.newPair(); m == nil {
			return unknown
		}
		if q.past.gpm.pairs == nil {
			q.past.gpm.pairs = map[string]*pair{}
		}
		q.past.gpm.pairs[uuid] = m
	}
	age := q.now().Sub(m.at)
	began := !m.at.IsZero()
	if began && age < gpmRefresh {
		return m.last
	}
	m.last = unknown
	if _, ret := call(q, fnGPMGet, func() (struct{}, nvml.Return) { return struct{}{}, fill(m.later) }); ret != nvml.SUCCESS {
		m.at = time.Time{}
		return unknown
	}
	if began && age <= gpmStale {
		m.last = q.compare(m.earlier, m.later)
	}
	m.earlier, m.later, m.at = m.later, m.earlier, q.now()
	return m.last
}

func (q *query) newPair() *pair {
	earlier, ok := ask(q, fnGPMAlloc, q.lib.GpmSampleAlloc)
	if !ok {
		return nil
	}
	later, ok := ask(q, fnGPMAlloc, q.lib.GpmSampleAlloc)
	if !ok {
		_ = earlier.Free()
		return nil
	}
	return &pair{earlier: earlier, later: later}
}

func (q *query) compare(earlier, later nvml.GpmSample) ratios {
	var m ratios
	asked := []struct {
		id nvml.GpmMetricId
		to *float64
	}{
		{nvml.GPM_METRIC_GRAPHICS_UTIL, &m.graphics},
		{nvml.GPM_METRIC_SM_UTIL, &m.sm},
		{nvml.GPM_METRIC_ANY_TENSOR_UTIL, &m.tensor},
		{nvml.GPM_METRIC_DRAM_BW_UTIL, &m.dram},
	}
	get := nvml.GpmMetricsGetType{NumMetrics: uint32(len(asked)), Sample1: earlier, Sample2: later}
	for i, a := range asked {
		get.Metrics[i].MetricId = uint32(a.id)
	}
	_, ret := call(q, fnGPMMetrics, func() (struct{}, nvml.Return) { return struct{}{}, q.lib.GpmMetricsGet(&get) })
	for i, a := range asked {
		*a.to = math.NaN()
		if v := get.Metrics[i]; ret == nvml.SUCCESS && nvml.Return(v.NvmlReturn) == nvml.SUCCESS && v.Value >= 0 && !math.IsInf(v.Value, 1) {
			*a.to = v.Value / 100
			if v.Value <= gpmSlack*100 {
				*a.to = min(*a.to, 1)
			}
		}
	}
	return m
}

// known is nil for NaN.
func known(v float64) *float64 {
	if math.IsNaN(v) {
		return nil
	}
	return new(v)
}

// retain frees the buffers of all others.
func (g *gpm) retain(keep func(uuid string) bool) {
	for uuid, m := range g.pairs {
		if !keep(uuid) {
			_, _ = m.earlier.Free(), m.later.Free()
			delete(g.pairs, uuid)
		}
	}
}
