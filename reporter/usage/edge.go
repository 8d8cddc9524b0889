package usage

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"iter"
	"time"
)

// Edge is what one epoch of a holding, or of a device, had counted in all at an
// edge of a window. The closing edge of an hour is the opening edge of the next:
// what is booked once is taken as it is, so that hours add up to the last unit
// also when later samples tell more.
type Edge struct {
	UUID      string // physical GPU
	Pod       string // pod UID, or namespace/pod where there is none; "" for the device itself
	Container string // "" for the device itself
	// Start is when the epoch began, Unix ms; 0 for one whose start is not known.
	// With -1 it is of no epoch: it says that the hour before did not see the GPU
	// and carried its edges on, and the first of Total is since when what began may
	// be booked nowhere, Unix ms.
	Start int64
	Total [6]int64 // a holding's quantities in the units of a Segment: GPU-ms held, active, idle, observed; byte-seconds; millijoules. A device's milliseconds: all, allocated, unallocated, unattributed, unavailable, 0
}

// saysUnseen tells whether the edge is the one of no epoch. It is the first of its
// GPU.
func (e Edge) saysUnseen() bool { return e.Start == unseen }

// CompareEdges orders edges by UUID, pod, container and start.
func CompareEdges(a, b Edge) int {
	return cmp.Or(
		cmp.Compare(a.UUID, b.UUID), cmp.Compare(a.Pod, b.Pod), cmp.Compare(a.Container, b.Container), cmp.Compare(a.Start, b.Start))
}

// Part is what a closing found out about a range of GPUs. Its slices are valid
// only during the call that gets it. Parts come in the order of UUIDs, and no
// GPU is in two of them, so sorted parts make a sorted hour.
type Part struct {
	Segments []Segment // sorted with Compare
	Opening  []Edge    // at the window's begin, sorted with CompareEdges
	Closing  []Edge    // at the window's end, likewise
}

// Neighbours are the edges that the hours beside a window have booked: the
// closing edge of the one before, the opening edge of the one after. Nil stands
// for an hour that is not closed, or that is to be closed again too; then the
// edge is computed from the samples.
type Neighbours struct {
	Before, After *EdgeTable
	// Carried are the closing edges of the hour before where Before is nil: they
	// count for what no sample near the edge tells of, and for the GPUs that the
	// hour before did not see but carried on.
	Carried *EdgeTable
	// Devices are the GPUs that were there at the end of the hour before, sorted
	// by UUID; Carry yields its closing edges, sorted with CompareEdges. It is
	// called once at most, and only if some of the GPUs are not seen any more.
	Devices []Device
	Carry   iter.Seq2[Edge, error]
	// Since is when the hour before begins; zero stands for one hour before the
	// window. What began since then and has no edge in Before was not counted yet.
	Since time.Time
}

// EdgeTable finds booked edges in about 100 bytes for each.
type EdgeTable struct {
	at     map[edgeKey]int32
	totals [][6]int64
}

// edgeKey is a digest of what names an edge: long enough to be unique.
type edgeKey [16]byte

// NewEdgeTable returns an empty table.
func NewEdgeTable() *EdgeTable { return &EdgeTable{at: map[edgeKey]int32{}} }

// Add books an edge. The same edge again replaces it.
func (t *EdgeTable) Add(e Edge) {
	key := keyOf(e.UUID, e.Pod, e.Container, e.Start)
	if i, ok := t.at[key]; ok {
		t.totals[i] = e.Total
		return
	}
	t.at[key] = int32(len(t.totals))
	t.totals = append(t.totals, e.Total)
}

// Find returns the totals booked for an epoch. A nil table has none.
func (t *EdgeTable) Find(uuid, pod, container string, start int64) (total [6]int64, ok bool) {
	if t == nil {
		return total, false
	}
	i, ok := t.at[keyOf(uuid, pod, container, start)]
	if !ok {
		return total, false
	}
	return t.totals[i], true
}

// Len is the number of edges.
func (t *EdgeTable) Len() int {
	if t == nil {
		return 0
	}
	return len(t.totals)
}

func keyOf(uuid, pod, container string, start int64) edgeKey {
	var buf [192]byte
	b := buf[:0]
	for _, part := range [...]string{uuid, pod, container} {
		b = append(append(b, part...), 0)
	}
	sum := sha256.Sum256(binary.BigEndian.AppendUint64(b, uint64(start)))
	return edgeKey(sum[:16])
}
