package attribution

import "maps"

// offer says how the device plugin offers a device: the number of slots by
// resource, 0 for the device as a whole.
type offer map[string]int

// learn takes in what is offered now. A device that is not offered at all keeps
// its former offer: it is failing, or its plugin is away.
func (r *Resolver) learn(at places, offered map[string][]string) {
	now := map[string]offer{}
	for resource, ids := range offered {
		for _, s := range ids {
			id, ok := ParseID(s)
			if !ok {
				continue
			}
			p, ok := at.find(id)
			if !ok {
				continue
			}
			if now[p.device] == nil {
				now[p.device] = offer{}
			}
			now[p.device][resource] = max(now[p.device][resource], id.Slot+1) // none is -1
		}
	}
	maps.Copy(r.offers, now)
}

// sizes says into how many slots the pools are cut of which some are held; 0 if
// that is not known. Slots of a former offer, which containers hold that run on,
// count as slots of the present one.
func (r *Resolver) sizes(units map[unit]claim) map[pool]int {
	held, former := map[pool]int{}, map[string]int{}
	for u, c := range units {
		if u.slot == none || c.common {
			continue
		}
		held[u.pool]++
		if r.offers[u.device][u.resource] == 0 {
			former[u.device]++
		}
	}
	sizes := make(map[pool]int, len(held))
	for p := range held {
		present, known := r.offers[p.device]
		switch n := present[p.resource]; {
		case !known:
			sizes[p] = 0
		case n > 0:
			sizes[p] = max(n, held[p]+former[p.device])
		default:
			sizes[p] = max(1, former[p.device])
			for resource, n := range present {
				if n > 0 {
					sizes[p] = max(sizes[p], n, held[pool{p.device, resource}]+former[p.device])
				}
			}
		}
	}
	return sizes
}

// forget drops devices that are gone, such as MIG instances of a former layout.
func (r *Resolver) forget(at places) {
	maps.DeleteFunc(r.offers, func(device string, _ offer) bool {
		id, _ := ParseID(device)
		_, ok := at.find(id)
		return !ok
	})
}
