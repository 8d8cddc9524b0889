package attribution

import (
	"slices"

	"github.com/gputally/gputally/collector/device"
)

// unit is what a device id names: the smallest thing that is held at once.
type unit struct {
	pool
	slot  int    // -1 for the whole device
	share string // of a DRA device with consumable capacity, "" for all of it
}

// claim says who holds a unit.
type claim struct {
	place
	holders []device.Holder // each once
	// portion is the part of the device that a share is; 0 if unknown, 1 for
	// what is no share.
	portion  float64
	common   bool // held through one ResourceClaim, which may have several holders
	disputed bool // it is held, and by whom is not clear
}

// claims collects who holds what.
type claims struct {
	cfg        Config
	at         places
	units      map[unit]claim
	unresolved map[string]bool
}

// add takes an allocation in. clear is false if its holder is withheld.
func (c *claims) add(a device.Allocation, clear bool) {
	for _, s := range a.Devices {
		p, slot, ok := c.find(s)
		if !ok {
			c.unresolved[s] = true
			continue
		}
		c.hold(unit{pool{p.device, a.Resource}, slot, ""}, claim{place: p, portion: 1}, a.Holder, clear)
	}
	for _, d := range a.Claims {
		c.addClaim(d, a.Holder, clear)
	}
}

// addClaim takes in a device of a DRA driver. It stands for a unit of its own
// for each ResourceClaim, so that two claims on one whole device sum above it.
func (c *claims) addClaim(d device.Claim, holder device.Holder, clear bool) {
	name := d.Driver + "/" + d.Pool + "/" + d.Device
	ids := c.cfg.Claims(d)
	if len(ids) == 0 {
		c.unresolved[name] = true
	}
	for _, s := range ids {
		p, slot, ok := c.find(s)
		if !ok {
			c.unresolved[name] = true
			continue
		}
		now := claim{place: p, portion: 1, common: true}
		if d.ShareID != "" {
			now.portion = c.cfg.Portion(d)
		}
		c.hold(unit{pool{p.device, name + " " + d.Namespace + "/" + d.Name}, slot, d.ShareID}, now, holder, clear)
	}
}

func (c *claims) find(s string) (place, int, bool) {
	id, ok := ParseID(s)
	if !ok {
		return place{}, none, false
	}
	p, ok := c.at.find(id)
	return p, id.Slot, ok
}

func (c *claims) hold(u unit, now claim, holder device.Holder, clear bool) {
	before := c.units[u]
	now.disputed = before.disputed || !clear
	now.holders = before.holders
	if !slices.Contains(now.holders, holder) {
		now.holders = append(now.holders, holder)
	}
	c.units[u] = now
}

// owners are those among whom the unit is divided evenly; none while it is
// disputed. A device plugin's unit has one owner. A ResourceClaim may name
// several containers of a pod, whose common pod is clear.
func (c claim) owners() []device.Holder {
	clear := len(c.holders) == 1 || (c.common && onePod(c.holders))
	if c.disputed || !clear {
		return nil
	}
	return c.holders
}

func onePod(holders []device.Holder) bool {
	first := holders[0]
	first.Container = ""
	return !slices.ContainsFunc(holders, func(h device.Holder) bool {
		h.Container = ""
		return h != first
	})
}
