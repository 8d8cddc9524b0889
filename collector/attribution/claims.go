package attribution

import "github.com/gputally/gputally/collector/device"

// unit is what a device id names: the smallest thing that one container holds.
type unit struct {
	pool
	slot int // -1 for the whole device
}

// claim says who holds a unit.
type claim struct {
	place
	holder   device.Holder
	disputed bool // more than one holder is possible
}

// claims collects who holds what.
type claims struct {
	units      map[unit]claim
	unresolved map[string]bool
}

func (c *claims) add(at places, a device.Allocation, clear bool) {
	for _, s := range a.Devices {
		id, ok := ParseID(s)
		var p place
		if ok {
			p, ok = at.find(id)
		}
		if !ok {
			c.unresolved[s] = true
			continue
		}
		u := unit{pool{p.device, a.Resource}, id.Slot}
		now := claim{place: p, holder: a.Holder, disputed: !clear}
		if before, ok := c.units[u]; ok {
			now.disputed = now.disputed || before.disputed || before.holder != a.Holder
		}
		c.units[u] = now
	}
}
