package usage

import (
	"iter"
	"time"
)

// Part is what a closing found out about a range of GPUs. Its slices are valid
// only during the call that gets it. Parts come in the order of UUIDs, and no
// GPU is in two of them, so sorted parts make a sorted hour.
type Part struct {
	Segments []Segment // sorted with Compare
	Opening  []Edge    // at the window's begin, sorted with CompareEdges
	Closing  []Edge    // at the window's end, likewise
}

// Device is a physical GPU and where it is.
type Device struct {
	UUID, Node, NodePool, Model string
}

// Neighbours are what the previous and the next hour have stored for the window
// between them.
type Neighbours struct {
	// Before has the closing edges of the previous hour, After the opening edges
	// of the next. Nil stands for an hour that is not closed, or that is closed
	// again, too; then the edges are computed from the samples.
	Before, After *EdgeTable
	// Carried are the closing edges of the previous hour where Before is nil: they
	// count for what no sample near the edge shows, and for the GPUs that the
	// previous hour did not see but carried on.
	Carried *EdgeTable
	// Devices are the GPUs that were there at the end of the previous hour, sorted
	// by UUID.
	Devices []Device
	// Carry yields the previous hour's closing edges, sorted with CompareEdges. It
	// is called once at most, and only if some of the Devices are not seen any more.
	Carry iter.Seq2[Edge, error]
	// Since is when the previous hour begins; zero stands for one hour before the
	// window. What began since then and has no edge in Before was not counted yet.
	Since time.Time
}
