package meter

import (
	"strings"

	"github.com/gputally/gputally/collector/device"
)

// small in bytes is more than servers and daemons keep that wait, and no more than
// the bare context of a program that has not begun to compute.
const small = 128 << 20

// daemons are programs that keep a context on GPUs without anybody's work, as the
// kernel cuts their names.
var daemons = []string{"nvidia-cuda-mps", "nvidia-persiste", "nv-hostengine", "dcgm-exporter", "dcgmproftester", "Xorg", "Xwayland", "gnome-shell"}

// residents are who holds a GPU, as far as that matters for who does not.
type residents struct {
	tenants   []*holdingMeter
	byProcess bool // the owners of processes are known
	unplaced  bool // containers hold devices that no known GPU answers to
}

// strangers counts the processes of those who hold nothing of the GPU, without
// servers and daemons that have no work to do, and returns one of them. It is nil
// where that isn't known.
func (m *deviceMeter) strangers(h residents) (n *int, one device.Process) {
	r := &m.gpu.Reading
	free := m.shared == 0 && m.doubt == 0
	switch {
	case !r.Up || r.Running == nil && r.Processes < 0 || !free && (!h.byProcess || r.Running == nil):
		return nil, one
	case r.Running == nil && !h.unplaced && !working(r) && r.MemoryUsed != nil && *r.MemoryUsed <= small:
		return new(int), one // whoever they are
	case r.Running == nil:
		return &r.Processes, one
	}
	count, unclear := 0, false
	for _, p := range r.Running {
		mine, ok := false, true
		if !free {
			mine, ok = belongs(p.Owner, h.tenants)
			// Whose share is in doubt may be a tenant.
			ok = ok && (m.doubt == 0 || p.Owner.Host)
		}
		suspect := free && (h.unplaced || working(r)) // somebody's work is there
		switch {
		case !ok:
			unclear = true
		case mine, !free && isServer(p), !suspect && waits(p, r):
		default:
			count, one = count+1, p
		}
	}
	if unclear && count == 0 {
		return nil, one
	}
	return &count, one
}

// working is true if the GPU is known to work.
func working(r *device.Reading) bool { return r.Utilization != nil && *r.Utilization > 0 }

// waits is true for a process without anybody's work: it does nothing, and is
// known as a server or daemon, or keeps too little to be anything else.
func waits(p device.Process, r *device.Reading) bool {
	if p.Client || p.Utilization != nil && *p.Utilization > 0 {
		return false
	}
	for _, name := range daemons {
		if strings.HasPrefix(p.Name, name) {
			return true
		}
	}
	memory := p.MemoryUsed
	if memory == nil {
		memory = r.MemoryUsed // it has no more than there is in use
	}
	return memory != nil && *memory <= small
}
