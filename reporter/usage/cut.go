package usage

import (
	"cmp"
	"math/bits"
)

// Compare orders segments by cluster, UUID, state, namespace, pod, pod UID,
// container and the time they begin: the order of an Hour and of the ledger.
func Compare(a, b Segment) int {
	return cmp.Or(
		cmp.Compare(a.Cluster, b.Cluster),
		cmp.Compare(a.UUID, b.UUID),
		cmp.Compare(a.State, b.State),
		cmp.Compare(a.Namespace, b.Namespace),
		cmp.Compare(a.Pod, b.Pod),
		cmp.Compare(a.PodUID, b.PodUID),
		cmp.Compare(a.Container, b.Container),
		cmp.Compare(a.HeldFrom, b.HeldFrom),
	)
}

// Cut returns the part of the segment from one instant to another, Unix ms, and
// whether there is one. What was held is exact, because the share is constant;
// activity, memory and energy are taken as spread evenly. The parts of any
// partition sum to the whole, to the last unit.
func (s Segment) Cut(from, to int64) (Segment, bool) {
	from, to = max(from, s.HeldFrom), min(to, s.HeldTo)
	if from >= to {
		return Segment{}, false
	}
	whole := uint64(s.HeldTo - s.HeldFrom)
	begin, end := uint64(from-s.HeldFrom), uint64(to-s.HeldFrom)
	for _, amount := range []*int64{
		&s.GPUMillis, &s.ActiveMillis, &s.IdleMillis, &s.ObservedMillis, &s.EstimatedMillis,
		&s.MemoryByteSeconds, &s.EnergyMillijoules,
	} {
		*amount = upTo(*amount, end, whole) - upTo(*amount, begin, whole)
	}
	s.HeldFrom, s.HeldTo = from, to
	return s, true
}

// upTo is the part of an amount, not negative, that falls into the first part of whole,
// rounded half up.
func upTo(amount int64, part, whole uint64) int64 {
	high, low := bits.Mul64(uint64(amount), part)
	low, carry := bits.Add64(low, whole/2, 0)
	quotient, _ := bits.Div64(high+carry, low, whole)
	return int64(quotient)
}
