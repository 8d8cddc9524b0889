package meter

import (
	"time"

	"github.com/gputally/gputally/collector/bounds"
	"github.com/gputally/gputally/collector/device"
)

// Snapshot is everything the meter knows after one poll. It is immutable: any
// number of readers may share it.
type Snapshot struct {
	Start time.Time // when this process began to meter
	Taken time.Time // when the poll was made
	// Known is when both GPUs and holders were known last, and Until is how long
	// that is metered; zero for never.
	Known, Until time.Time
	Devices      []Device // sorted by UUID
	// Holdings are those of now and those that ended within the retention,
	// sorted by UUID, namespace, pod, pod UID, container.
	Holdings   []Holding
	Driver     Driver
	Nameless   *int // GPUs that don't say who they are, nil while the driver can't be asked
	Polls      int64
	Unresolved []string         // device ids held that no GPU answers to, sorted
	Ambiguous  int              // holdings that wait for their pod UID
	Estimated  int              // holdings of Attribution.Estimated
	Admins     int              // ResourceClaims that hold nothing, as they have admin access
	Disputes   []device.Dispute // what is held and charged to nobody, sorted
	Unobserved time.Duration    // time since the start that was charged to nobody
	Sources    []SourceHealth
	Impossible []bounds.Count // readings of the driver that were left out, sorted by kind
}

// Driver describes the driver; both fields are "" while there is none.
type Driver struct{ Version, CUDA string }

// Device is a physical GPU and its integrals.
type Device struct {
	GPU device.GPU
	// Current is false when the driver could not be asked lately or no longer
	// lists the GPU: then only the integrals mean anything.
	Current bool
	States  States
	Offered *bool // whether the device plugin offers some of it, nil if unknown
	// Others is how many processes of those who hold nothing of the GPU are on it,
	// without servers and daemons that have no work to do; nil if unknown.
	Others *int
	Other  device.Process // one of them
	Active *float64       // seconds, nil while never known
	Energy *float64       // joules, nil while never known
}

// States are a GPU's seconds by state.
type States struct{ Allocated, Unallocated, Unattributed, Unavailable float64 }

// Holding is a container's hold on a physical GPU and its integrals.
type Holding struct {
	Holder device.Holder
	UUID   string
	Start  time.Time // when this process first saw it
	End    time.Time // when this process first saw it gone; zero while it is there; see Attribution.Estimated
	Share  float64   // share held now, 0 once it ended

	Allocated float64 // GPU-seconds
	Active    float64 // GPU-seconds
	Idle      float64 // GPU-seconds
	Observed  float64 // GPU-seconds for which activity was known

	MemoryUsed        *float64 // bytes now, nil if unknown
	MemoryByteSeconds *float64 // nil while never known
	Energy            *float64 // joules, nil while never known
	ActivityKnown     bool     // whether activity is known now
}

// The names of the sources, as they stand in logs and metrics.
const (
	SourceNVML    = "nvml"
	SourceKubelet = "kubelet"
	// SourceCheckpoint is the kubelet's file with the pods' UIDs.
	SourceCheckpoint = "checkpoint"
	// SourceCgroup is where the host's cgroups show which pods there are.
	SourceCgroup = "cgroup"
)

// SourceHealth is how the polls of one source went.
type SourceHealth struct {
	Name     string // SourceNVML, SourceKubelet, SourceCheckpoint or SourceCgroup
	Up       bool   // the last poll succeeded
	Released bool   // it is not asked, on request; then Since says since when
	Failures int64
	Duration time.Duration // of the last poll
	// Since is when the first poll failed of those since it answered last, and
	// Reason why the latest did; zero if it didn't. A driver that is up may have
	// both where another process might see more than this one.
	Since  time.Time
	Reason string
	Ends   time.Time // when the process gives up on the source if this lasts, zero for never
}
