package attribution

import "github.com/gputally/gputally/collector/device"

// place says where on the node's hardware a device is.
type place struct {
	gpu    string // UUID of the physical GPU
	device string // id of the GPU or of the MIG instance, without a slot
	slices int    // compute slices of the device, 0 if unknown
	of     int    // slices of the physical GPU, 0 if unknown
}

// part of the physical GPU that the device is, 0 if unknown.
func (p place) part() float64 { return float64(p.slices) / float64(p.of) }

// overlaps is true if both are one device, or one is the GPU that the other is of.
func (p place) overlaps(o place) bool {
	return p.gpu == o.gpu && (p.device == o.device || p.device == p.gpu || o.device == o.gpu)
}

// node names a device as GKE does.
type node struct{ minor, instance int }

// part names a compute instance by the numbers that the driver gave it.
type part struct {
	gpu               string // UUID
	instance, compute int
}

// places finds the place of a device id.
type places struct {
	uuids map[string]place
	nodes map[node]place
	parts map[part]place
}

func newPlaces(inv device.Inventory) places {
	p := places{
		uuids: make(map[string]place, len(inv.GPUs)),
		nodes: make(map[node]place, len(inv.GPUs)),
		parts: map[part]place{},
	}
	for _, g := range inv.GPUs {
		whole := place{gpu: g.UUID, device: g.UUID, slices: 1, of: 1}
		p.uuids[g.UUID] = whole
		if g.Minor >= 0 {
			p.nodes[node{g.Minor, none}] = whole
		}
		for _, m := range g.MIG {
			instance := newInstance(g, m)
			p.uuids[m.UUID] = instance
			p.parts[part{g.UUID, m.GPUInstance, m.ComputeInstance}] = instance
			if g.Minor >= 0 {
				p.addInstance(node{g.Minor, m.GPUInstance}, instance)
			}
		}
	}
	return p
}

// addInstance puts a compute instance under its GPU instance. A GPU instance
// with several is a device of its own: the sum of them.
func (p places) addInstance(n node, instance place) {
	if other, ok := p.nodes[n]; ok {
		if other.slices == 0 || instance.slices == 0 {
			instance.slices = 0
		} else {
			instance.slices = min(instance.of, instance.slices+other.slices)
		}
		instance.device = ID{Minor: n.minor, GPUInstance: n.instance, ComputeInstance: none, Slot: none}.String()
	}
	p.nodes[n] = instance
}

func (p places) find(id ID) (place, bool) {
	if id.UUID == "" && id.ComputeInstance == none {
		at, ok := p.nodes[node{id.Minor, id.GPUInstance}]
		return at, ok
	}
	if id.UUID == "" {
		id.UUID = p.nodes[node{id.Minor, none}].gpu
	}
	if id.GPUInstance == none {
		at, ok := p.uuids[id.UUID]
		return at, ok
	}
	at, ok := p.parts[part{id.UUID, id.GPUInstance, id.ComputeInstance}]
	return at, ok
}

// newInstance places a MIG instance; numbers that make no sense are unknown.
func newInstance(g device.GPU, m device.MIGInstance) place {
	p := place{gpu: g.UUID, device: m.UUID, slices: m.ComputeSlices, of: g.ComputeSlices}
	if p.slices < 0 || p.slices > p.of {
		p.slices = 0
	}
	return p
}
