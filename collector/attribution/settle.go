package attribution

import (
	"cmp"
	"slices"

	"github.com/gputally/gputally/collector/device"
)

// tolerance absorbs rounding when shares are summed.
const tolerance = 1e-9

// lot is the equal units of one pool that one holder has.
type lot struct {
	place
	resource string
	holder   device.Holder // zero for units in dispute
	disputed bool
	portion  float64 // part of the device that all its units together are
	need     int     // how many units these are
}

// heldLot counts the units, so that all slots of a device are exactly the whole.
type heldLot struct {
	lot
	units int
}

func (l heldLot) share() float64 {
	return l.part() * l.portion * (float64(l.units) / float64(l.need))
}

// gpuState sums up a physical GPU.
type gpuState struct {
	sum      float64 // of the clear shares
	disputed float64 // of the shares in dispute
	holders  int     // the clear ones
	unknown  bool    // a part is held whose size is not known
}

func (s *gpuState) over() bool { return s.sum+s.disputed > 1+tolerance }

// nobodys says that nothing on the GPU can be charged.
func (s *gpuState) nobodys() bool { return s.unknown || s.over() }

// settle turns units into holdings. sizes are the numbers of slots of the pools.
func settle(units map[unit]claim, sizes map[pool]int) Result {
	gpus := map[string]*gpuState{}
	counts := make(map[lot]int, len(units))
	for u, c := range units {
		if gpus[c.gpu] == nil {
			gpus[c.gpu] = &gpuState{}
		}
		need := unitsOf(u, sizes)
		if need == 0 || c.slices == 0 || c.portion <= 0 || c.portion > 1 {
			gpus[c.gpu].unknown = true
			continue
		}
		for _, o := range c.owners() {
			counts[lot{c.place, u.resource, o.Holder, o.disputed, c.portion, need * o.nth}]++
		}
	}
	holdings := sum(counts, gpus)
	tenants := neighbours(counts)
	for _, h := range holdings {
		s := gpus[h.UUID]
		s.sum += h.Share
		s.holders++
		for i, p := range h.Parts {
			h.Parts[i].Sole = p.Instance != "" && tenants[p.Instance] == 1
		}
	}
	result := conclude(holdings, gpus)
	result.Disputes = disputes(units, gpus)
	return result
}

// unitsOf returns how many units like u make the whole device, 0 if unknown.
func unitsOf(u unit, sizes map[pool]int) int {
	if u.slot == none {
		return 1
	}
	return sizes[u.pool]
}

// sum adds up the lots of each holder on each GPU, and those in dispute on the
// GPU, in a fixed order, so that rounding does not depend on the order of maps.
func sum(counts map[lot]int, gpus map[string]*gpuState) []device.Holding {
	lots := make([]heldLot, 0, len(counts))
	for l, n := range counts {
		lots = append(lots, heldLot{l, n})
	}
	slices.SortFunc(lots, compareLots)
	var holdings []device.Holding
	for _, l := range lots {
		last := len(holdings) - 1
		switch {
		case l.disputed:
			gpus[l.gpu].disputed += l.share()
		case last >= 0 && holdings[last].UUID == l.gpu && holdings[last].Holder == l.holder:
			holdings[last].Share += l.share()
			holdings[last].Parts = addPart(holdings[last].Parts, l)
		default:
			holdings = append(holdings, device.Holding{Holder: l.holder, UUID: l.gpu, Share: l.share(), Parts: addPart(nil, l)})
		}
	}
	return holdings
}

// addPart adds a lot of a MIG instance; lots come sorted by device. Several
// instances held as one have no UUID.
func addPart(parts []device.Part, l heldLot) []device.Part {
	if l.device == l.gpu {
		return parts
	}
	instance := l.device
	if id, ok := ParseID(instance); !ok || id.UUID == "" {
		instance = ""
	}
	if last := len(parts) - 1; last >= 0 && instance != "" && parts[last].Instance == instance {
		parts[last].Share += l.share()
		return parts
	}
	return append(parts, device.Part{Instance: instance, Share: l.share()})
}

// neighbours counts who holds a part of each MIG instance.
func neighbours(counts map[lot]int) map[string]int {
	type tenant struct {
		device   string
		holder   device.Holder
		disputed bool
	}
	seen := map[tenant]bool{}
	n := map[string]int{}
	for l := range counts {
		t := tenant{l.device, l.holder, l.disputed}
		if !seen[t] {
			seen[t] = true
			n[l.device]++
		}
	}
	return n
}

func compareLots(a, b heldLot) int {
	return cmp.Or(
		cmp.Compare(a.gpu, b.gpu),
		a.holder.Compare(b.holder),
		cmp.Compare(a.device, b.device),
		cmp.Compare(a.resource, b.resource),
		cmp.Compare(a.portion, b.portion),
		cmp.Compare(a.need, b.need),
	)
}

// conclude leaves out the holdings of GPUs that nobody can be charged for, and
// marks those that have a GPU to themselves.
func conclude(holdings []device.Holding, gpus map[string]*gpuState) Result {
	result := Result{Unattributed: map[string]float64{}}
	for _, h := range holdings {
		s := gpus[h.UUID]
		if s.nobodys() {
			continue
		}
		h.Share = min(1, h.Share) // seven sevenths, rounded up
		h.Sole = s.holders == 1 && s.disputed == 0
		result.Holdings = append(result.Holdings, h)
	}
	for uuid, s := range gpus {
		switch {
		case s.nobodys():
			result.Unattributed[uuid] = 1
		case s.disputed > 0:
			result.Unattributed[uuid] = min(1, s.disputed)
		}
	}
	return result
}
