package attribution

import (
	"slices"

	"github.com/gputally/gputally/collector/device"
)

// plugin is what the device plugin has offered so far.
type plugin struct {
	once   map[string]bool   // GPUs of which it offered some, by UUID
	latest map[string]string // UUIDs of GPUs by the ids offered last
	claims bool              // GPUs are handed out by claims (DRA), too
}

// offers says of which GPUs some is offered now and of which nothing. A GPU is
// missing from the result if that isn't known: where no device plugin offered
// anything that is on a known GPU, where ids of unknown forms are offered, which
// may be on any, and where a GPU that never was offered may be for claims. An id of
// a MIG instance that is gone is of the GPU on which it was: the list is older than
// the layout.
func (p *plugin) offers(inv device.Inventory, at places, h device.Holders) map[string]bool {
	now, ids, unclear := map[string]bool{}, map[string]string{}, false
	for _, offered := range h.Offered {
		for _, s := range offered {
			id, ok := ParseID(s)
			unclear = unclear || !ok
			gpu, found := p.latest[s]
			if place, there := at.find(id); ok && there {
				gpu, found = place.gpu, true
			}
			if found {
				ids[s], now[gpu], p.once[gpu] = gpu, true, true
			}
		}
	}
	p.latest = ids
	claimed := func(a device.Allocation) bool { return len(a.Claims) > 0 }
	p.claims = p.claims || slices.ContainsFunc(h.Allocations, claimed) || slices.ContainsFunc(h.Withheld, claimed)
	if p.claims && len(now) == 0 {
		clear(p.once) // the device plugin is gone for good
	}
	for _, g := range inv.GPUs {
		if !now[g.UUID] && !unclear && (p.once[g.UUID] || len(p.once) > 0 && !p.claims) {
			now[g.UUID] = false
		}
	}
	return now
}
