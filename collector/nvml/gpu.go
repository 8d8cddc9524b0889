//go:build linux && cgo

package nvml

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/NVIDIA/go-nvml/pkg/nvml"

	"github.com/gputally/gputally/collector/device"
)

// gpu is a GPU as it was seen last, with the handle to ask it again. The zero
// value is a GPU about which nothing is known. Values are replaced, never changed:
// a call that hangs may still hold an earlier one.
type gpu struct {
	handle nvml.Device // nil if it has to be looked up again
	device.GPU
}

// identity is what is remembered of a GPU: who it is, not what it does.
func (g gpu) identity() gpu {
	g.Reading, g.Unlisted = device.Reading{}, ""
	g.MIG = slices.Clone(g.MIG)
	for i := range g.MIG {
		g.MIG[i].Reading = nil
	}
	return g
}

// look reads the GPU at an index of the driver's list. Who it is is asked only
// where that may have changed; the UUID is asked each time. With an error comes who
// it is, if it could say that much.
func (s session) look(index int, before gpu, past *past) (gpu, error) {
	now := before
	if now.handle != nil {
		uuid, ret := guard(s.has, fnUUID, now.handle.GetUUID)
		if ret != nvml.SUCCESS {
			return gpu{}, down(ret)
		}
		if uuid != before.UUID {
			now = gpu{}
		}
	}
	q := &query{session: s, past: past}
	if now.handle == nil {
		var err error
		if now, err = q.identify(index, before); err != nil {
			return gpu{}, err
		}
	}
	past.concern(s, now.UUID)
	q.watch(now.handle)
	now.MaxPower = q.maxPower(now.handle)
	now.Reading = q.reading(now.handle)
	q.activity(now.handle, &now.Reading)
	if ret := q.mute(now.Reading); ret != nvml.SUCCESS {
		return now, down(ret)
	}
	now.Reading.Health = q.health(now.handle)
	parts, ret := q.instances(now.handle, now.Reading.MemoryTotal)
	switch {
	case ret == nvml.SUCCESS:
		now.MIG = q.readings(now.handle, parts)
		if len(parts) > 0 && now.ComputeSlices == 0 {
			now.ComputeSlices = q.slices(now.handle)
		}
	case now.UUID == before.UUID:
		now.MIG = slices.Clone(before.MIG)
	}
	now.Unlisted = ""
	now.Reading.Running, now.Reading.Processes = q.processes(now.handle, parts, now.Reading.Utilization)
	if q.dead != nvml.SUCCESS {
		return now, down(q.dead)
	}
	now.Unlisted = past.layout.judge(parts, ret, now.MIG)
	now.Reading.Impossible = q.impossible
	return now, nil
}

// identify asks a GPU who it is. Only the UUID is indispensable; what else it does
// not say is as before, if it is the same GPU.
func (q *query) identify(index int, before gpu) (gpu, error) {
	handle, ret := guard(q.has, fnHandle, func() (nvml.Device, nvml.Return) { return q.lib.DeviceGetHandleByIndex(index) })
	if ret != nvml.SUCCESS {
		return gpu{}, down(ret)
	}
	uuid, ret := guard(q.has, fnUUID, handle.GetUUID)
	if ret != nvml.SUCCESS {
		return gpu{}, down(ret)
	}
	if uuid == "" {
		return gpu{}, errNameless
	}
	g := gpu{handle: handle, GPU: device.GPU{UUID: uuid, Minor: -1}}
	if uuid == before.UUID {
		g.GPU = before.GPU
	}
	if model, ok := ask(q, fnName, handle.GetName); ok {
		g.Model = model
	}
	if pci, ok := ask(q, fnPCI, handle.GetPciInfo); ok {
		g.PCIBusID = busID(pci)
	}
	if minor, ok := ask(q, fnMinor, handle.GetMinorNumber); ok {
		g.Minor = minor
	}
	return g, nil
}

// busID writes a PCI address as the kernel does, "0000:0a:00.0". NVML gives
// the domain with eight digits; those beyond four are kept where they are used.
func busID(pci nvml.PciInfo) string {
	var b strings.Builder
	for _, c := range pci.BusId {
		if c == 0 {
			break
		}
		b.WriteByte(byte(c))
	}
	domain, rest, found := strings.Cut(strings.ToLower(b.String()), ":")
	if !found {
		return ""
	}
	return fmt.Sprintf("%04s:%s", cmp.Or(strings.TrimLeft(domain, "0"), "0"), rest)
}
