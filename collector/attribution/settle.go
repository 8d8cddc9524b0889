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
	holder   device.Holder
	need     int // units that make the whole device
}

// heldLot counts the units, so that all slots of a device are exactly 1.
type heldLot struct {
	lot
	units int
}

func (l heldLot) share() float64 { return l.part() * (float64(l.units) / float64(l.need)) }

// gpuState sums up a physical GPU.
type gpuState struct {
	sum      float64 // of the clear shares
	holders  int     // the clear ones
	disputed bool    // a part is in dispute
	unknown  bool    // a part is held whose size is not known
}

func (s *gpuState) contested() bool {
	return s.unknown || s.sum > 1+tolerance || (s.disputed && s.holders == 0)
}

// settle turns units into holdings.
func (r *Resolver) settle(units map[unit]claim) Result {
	gpus := map[string]*gpuState{}
	counts := make(map[lot]int, len(units))
	for u, c := range units {
		s := gpus[c.gpu]
		if s == nil {
			s = &gpuState{}
			gpus[c.gpu] = s
		}
		need := r.unitsOf(u)
		switch {
		case c.disputed:
			s.disputed = true
		case need == 0 || c.slices == 0:
			s.unknown = true
		default:
			counts[lot{c.place, u.resource, c.holder, need}]++
		}
	}
	holdings := sum(counts)
	for _, h := range holdings {
		s := gpus[h.UUID]
		s.sum += h.Share
		s.holders++
	}
	return conclude(holdings, gpus)
}

// unitsOf returns how many units like u make the whole device, 0 if unknown.
func (r *Resolver) unitsOf(u unit) int {
	if u.slot == none {
		return 1
	}
	return r.slots[u.pool]
}

// sum adds up the lots of each holder on each GPU, in a fixed order, so that
// rounding does not depend on the order of maps.
func sum(counts map[lot]int) []device.Holding {
	lots := make([]heldLot, 0, len(counts))
	for l, n := range counts {
		lots = append(lots, heldLot{l, n})
	}
	slices.SortFunc(lots, compareLots)
	var holdings []device.Holding
	for i, l := range lots {
		if i > 0 && lots[i-1].gpu == l.gpu && lots[i-1].holder == l.holder {
			holdings[len(holdings)-1].Share += l.share()
			continue
		}
		holdings = append(holdings, device.Holding{Holder: l.holder, UUID: l.gpu, Share: l.share()})
	}
	return holdings
}

func compareLots(a, b heldLot) int {
	return cmp.Or(
		cmp.Compare(a.gpu, b.gpu),
		cmp.Compare(a.holder.Namespace, b.holder.Namespace),
		cmp.Compare(a.holder.Pod, b.holder.Pod),
		cmp.Compare(a.holder.PodUID, b.holder.PodUID),
		cmp.Compare(a.holder.Container, b.holder.Container),
		cmp.Compare(a.device, b.device),
		cmp.Compare(a.resource, b.resource),
		cmp.Compare(a.need, b.need),
	)
}

// conclude leaves out the holdings of contested GPUs and marks those that have
// a GPU to themselves.
func conclude(holdings []device.Holding, gpus map[string]*gpuState) Result {
	var result Result
	for _, h := range holdings {
		s := gpus[h.UUID]
		if s.contested() {
			continue
		}
		h.Share = min(1, h.Share) // seven sevenths, rounded up
		h.Sole = s.holders == 1 && !s.disputed
		result.Holdings = append(result.Holdings, h)
	}
	for uuid, s := range gpus {
		if s.contested() {
			result.Contested = append(result.Contested, uuid)
		}
	}
	slices.Sort(result.Contested)
	return result
}
