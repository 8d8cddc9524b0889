package usage

import (
	"github.com/gputally/gputally/reporter/window"
)

// State says whose time a segment is.
type State string

// The states of a GPU's time. Allocated to Unavailable are what the collector
// metered; Uncovered is time for which the node was there and no sample says
// what its GPU did; Absent is time for which the node was not there, which no sum
// of a fleet has in it. All six of one GPU make the whole window.
const (
	Allocated    State = "allocated"
	Unallocated  State = "unallocated"
	Unattributed State = "unattributed"
	Unavailable  State = "unavailable"
	Uncovered    State = "uncovered"
	Absent       State = "absent"
)

// Segment is a stretch of one physical GPU's time: with State Allocated, the
// time for which one container held a share of it. All quantities are whole
// numbers of their unit; times are Unix milliseconds.
type Segment struct {
	Cluster  string
	Node     string
	NodePool string // "" if no rule names one
	UUID     string // physical GPU
	Model    string

	State     State
	Namespace string // holder, "" unless State is Allocated
	Pod       string
	PodUID    string
	Container string

	HeldFrom int64   // first instant, Unix ms
	HeldTo   int64   // first instant after, Unix ms
	Share    float64 // share of the physical GPU held, 0 to 1; 1 for other states

	GPUMillis         int64 // GPU-milliseconds, estimated ones included
	ActiveMillis      int64 // GPU-milliseconds of own activity
	IdleMillis        int64 // GPU-milliseconds held without activity
	ObservedMillis    int64 // GPU-milliseconds for which activity is known
	EstimatedMillis   int64 // GPU-milliseconds that bridge a gap between two sightings of the same holder
	MemoryByteSeconds int64 // integral of memory in use
	EnergyMillijoules int64
}

// Hour is one closed hour of one cluster.
type Hour struct {
	Cluster  string
	Window   window.Window
	Segments []Segment // sorted with Compare
	Coverage Coverage
	Source   string    // source profile, "gputally"
	Road     string    // how the samples were read, "remote_read"
	Findings []Finding // what is odd about the hour's samples, sorted by code
}
