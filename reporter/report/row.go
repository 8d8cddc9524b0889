package report

import (
	"github.com/gputally/gputally/reporter/price"
	"github.com/gputally/gputally/reporter/usage"
)

// Key is what the segments of a row have in common. Fields that the report
// does not group by are empty.
type Key struct {
	State                                  usage.State
	Department, Project, Cluster, NodePool string
	Node, Namespace, Pod, PodUID           string
}

// At returns the field of a dimension.
func (k *Key) At(d Dimension) *string {
	switch d {
	case ByDepartment:
		return &k.Department
	case ByProject:
		return &k.Project
	case ByCluster:
		return &k.Cluster
	case ByNodePool:
		return &k.NodePool
	case ByNode:
		return &k.Node
	case ByNamespace:
		return &k.Namespace
	case ByPod:
		return &k.Pod
	case ByPodUID:
		return &k.PodUID
	}
	panic("no dimension: " + string(d)) // a Spec is checked before it is used
}

// States are those of rows, in their order: tenants first.
func States() [5]usage.State {
	return [...]usage.State{
		usage.Allocated, usage.Unallocated, usage.Unattributed, usage.Unavailable, usage.Uncovered,
	}
}

// Row is one row of a report.
type Row struct {
	Key
	Sums
	// AllocatedMillis are GPU-milliseconds: those of the row if its state is
	// allocated, else 0.
	AllocatedMillis int64
	// Cost is in the currency of the table; only if Priced.
	Cost price.Amount
	// Priced: there is a price book, a tenant held the time, and all of it has
	// a price or is allowed to have none.
	Priced bool
	Quota  *Quota // nil if no quota is defined for the row
	// Coverage is that of the row's cluster if the report groups by cluster,
	// else that of the whole report.
	Coverage Ratio
}

// Sums are the additive quantities of a row.
type Sums struct {
	GPUMillis        int64 // in the row's state
	ActiveMillis     int64
	IdleMillis       int64
	ObservedMillis   int64
	EstimatedMillis  int64
	EnergyMilliJoule int64
	Memory           ByteSeconds
}

// ByteSeconds is an integral of memory over time, of 128 bits: a month of ten
// thousand full GPUs does not fit into 64.
type ByteSeconds struct {
	hi, lo uint64
}

// MakeByteSeconds returns hi × 2⁶⁴ + lo byte-seconds.
func MakeByteSeconds(hi, lo uint64) ByteSeconds { return ByteSeconds{hi, lo} }

// Quota are the figures of a row's quotas, in GPU-milliseconds: what was deserved,
// what was used beyond it, and what of it was left.
type Quota struct {
	Deserved, Over, Left int64
}
