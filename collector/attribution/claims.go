package attribution

import (
	"maps"
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
	holders []holder // each once
	// portion is the part of the device that a share is; 0 if unknown, 1 for
	// what is no share.
	portion float64
	common  bool // held through one ResourceClaim, which may have several pods
	of      device.ClaimName
	// contested is true if others' claims are on what this one has.
	contested bool
	even      bool // these divide it evenly
	foreign   bool // held under a name that is not known as one of GPUs
}

// holder is clear if it is known which pod it is.
type holder struct {
	device.Holder
	clear bool
}

// claims collects who holds what.
type claims struct {
	cfg        Config
	at         places
	units      map[unit]claim
	unresolved map[string]bool
	admins     map[device.ClaimName]bool // that hold nothing by a rule
	listed     map[device.ClaimName]bool
}

func newClaims(cfg Config, at places) *claims {
	return &claims{
		cfg: cfg, at: at, units: map[unit]claim{}, unresolved: map[string]bool{},
		admins: map[device.ClaimName]bool{}, listed: map[device.ClaimName]bool{},
	}
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
	c.listed[d.Of()] = true
	if c.cfg.Admin(d.Of()) {
		c.admins[d.Of()] = true
		return
	}
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
		now := claim{place: p, portion: 1, common: true, even: c.cfg.SplitClaims, of: d.Of()}
		if d.ShareID != "" {
			now.portion = c.cfg.Portion(d)
		}
		c.hold(unit{pool{p.device, name + " " + d.Namespace + "/" + d.Name}, slot, d.ShareID}, now, holder, clear)
	}
}

// addUnknown takes in what is not known as GPUs. A GPU or a part of it that nobody
// else holds is in dispute then: its holder may have it as a whole or not.
func (c *claims) addUnknown(all []device.Allocation) {
	foreign := map[unit]claim{}
	for _, a := range all {
		ids := a.Devices
		for _, d := range a.Claims {
			if c.cfg.Admin(d.Of()) {
				continue
			}
			ids = slices.Concat(ids, c.cfg.Claims(d))
		}
		for _, s := range ids {
			p, _, ok := c.find(s)
			if !ok || c.held(p) {
				continue
			}
			u := unit{pool{p.device, ""}, none, ""}
			foreign[u] = claim{place: p, portion: 1, foreign: true, holders: append(foreign[u].holders, holder{a.Holder, false})}
		}
	}
	maps.Copy(c.units, foreign)
}

// held is true if somebody holds some of the device, or of the GPU that it is of.
func (c *claims) held(p place) bool {
	for _, u := range c.units {
		if u.overlaps(p) {
			return true
		}
	}
	return false
}

func (c *claims) find(s string) (place, int, bool) {
	id, ok := ParseID(s)
	if !ok {
		return place{}, none, false
	}
	p, ok := c.at.find(id)
	return p, id.Slot, ok
}

func (c *claims) hold(u unit, now claim, by device.Holder, clear bool) {
	now.holders = c.units[u].holders
	i := slices.IndexFunc(now.holders, func(h holder) bool { return h.Holder == by })
	if i < 0 {
		now.holders = append(now.holders, holder{by, clear})
	} else if !clear {
		now.holders[i].clear = false
	}
	c.units[u] = now
}

// owner is whose the nth part of a unit is. In dispute it is nobody's.
type owner struct {
	device.Holder
	nth      int
	disputed bool
}

// owners divides the unit. The containers of one pod have equal parts. Between
// several pods it is in dispute, unless they divide it evenly.
func (c claim) owners() []owner {
	if c.contested || c.several() && !c.even {
		return []owner{{nth: 1, disputed: true}}
	}
	if len(c.holders) == 1 && c.holders[0].clear { // as most are
		return []owner{{Holder: c.holders[0].Holder, nth: 1}}
	}
	pods := byPod(c.holders)
	var all []owner
	for _, containers := range pods {
		if slices.ContainsFunc(containers, func(h holder) bool { return !h.clear }) {
			all = append(all, owner{nth: len(pods), disputed: true})
			continue
		}
		for _, h := range containers {
			all = append(all, owner{Holder: h.Holder, nth: len(pods) * len(containers)})
		}
	}
	return all
}

// several is true if there are containers of more than one pod.
func (c claim) several() bool {
	first := c.holders[0].pod()
	return slices.ContainsFunc(c.holders[1:], func(h holder) bool { return h.pod() != first })
}

// pod is the holder without its container.
func (h holder) pod() device.Holder {
	pod := h.Holder
	pod.Container = ""
	return pod
}

// byPod groups holders by the pod that they are containers of.
func byPod(holders []holder) map[device.Holder][]holder {
	pods := make(map[device.Holder][]holder, 1)
	for _, h := range holders {
		pods[h.pod()] = append(pods[h.pod()], h)
	}
	return pods
}
