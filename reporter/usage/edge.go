package usage

import "cmp"

// Unseen is the Start of an edge that stands for no epoch: see Edge.
const Unseen = -1

// Edge is what one epoch of a holding, or of a device, had counted in all at an
// edge of a window. The closing edge of an hour is the opening edge of the next:
// what is stored once is taken as it is, so that hours add up to the last unit
// also when later samples say more.
type Edge struct {
	UUID      string // physical GPU
	Pod       string // pod UID, or namespace/pod where there is none; "" for the device itself
	Container string // "" for the device itself
	// Start is when the epoch began, Unix ms; 0 for one whose start is not known.
	// An edge with Unseen is of no epoch and the first of its GPU: it says that the
	// previous hour did not see the GPU and carried its edges on. What began since
	// the instant in the first of Total, Unix ms, may be stored nowhere.
	Start int64
	Total [6]int64 // a holding's quantities in the units of a Segment: GPU-ms held, active, idle, observed; byte-seconds; millijoules. A device's milliseconds: all, allocated, unallocated, unattributed, unavailable, 0
}

// CompareEdges orders edges by UUID, pod, container and start.
func CompareEdges(a, b Edge) int {
	return cmp.Or(
		cmp.Compare(a.UUID, b.UUID), cmp.Compare(a.Pod, b.Pod), cmp.Compare(a.Container, b.Container), cmp.Compare(a.Start, b.Start))
}
