package meter_test

import (
	"math"
	"slices"
	"testing"

	"github.com/gputally/gputally/collector/meter"
)

// audit compares a snapshot with the books.
func (o *oracle) audit(t *testing.T, s *meter.Snapshot) {
	t.Helper()
	same := func(what string, got, want float64) {
		t.Helper()
		if math.Abs(got-want) > 1e-6*max(1, want) {
			t.Errorf("%s = %v, want %v", what, got, want)
		}
	}
	gpuSeconds := func(n int64) float64 { return float64(n) / unit / 1e9 }
	same("unobserved", s.Unobserved.Seconds(), o.lost.Seconds())
	shown := 0
	for c, g := range o.gpus {
		i := slices.IndexFunc(s.Devices, func(d meter.Device) bool { return d.GPU.UUID == c.uuid })
		if i < 0 {
			if g.listed {
				t.Errorf("%s is not shown", c.uuid)
			}
			continue
		}
		shown++
		d := s.Devices[i]
		same(c.uuid+" allocated", d.States.Allocated, gpuSeconds(g.allocated))
		same(c.uuid+" unallocated", d.States.Unallocated, gpuSeconds(g.unallocated))
		same(c.uuid+" unattributed", d.States.Unattributed, gpuSeconds(g.unattributed))
		same(c.uuid+" unavailable", d.States.Unavailable, gpuSeconds(g.unavailable))
		same(c.uuid+" active", or(d.Active, 0), g.active)
		same(c.uuid+" energy", or(d.Energy, 0), g.joules)
	}
	if shown != len(s.Devices) {
		t.Errorf("%d GPUs are shown, %d of them are there", len(s.Devices), shown)
	}
	if len(s.Holdings) != len(o.accounts) {
		t.Errorf("%d holdings, want %d", len(s.Holdings), len(o.accounts))
	}
	for _, h := range s.Holdings {
		a := o.accounts[place{h.Holder, h.UUID}]
		name := h.Holder.Pod + " on " + h.UUID
		if a == nil {
			t.Errorf("%s never was", name)
			continue
		}
		same(name+" allocated", h.Allocated, gpuSeconds(a.held))
		same(name+" observed", h.Observed, gpuSeconds(a.observed))
		same(name+" idle", h.Idle, gpuSeconds(a.idle))
		same(name+" active", h.Active, a.active)
		same(name+" memory", or(h.MemoryByteSeconds, 0), a.memory)
		same(name+" energy", or(h.Energy, 0), a.joules)
		if !h.Start.Equal(a.start) || !h.End.Equal(a.end) {
			t.Errorf("%s from %s to %s, want from %s to %s", name, h.Start, h.End, a.start, a.end)
		}
	}
}
