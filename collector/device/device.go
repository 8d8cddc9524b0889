package device

import (
	"cmp"
	"context"
	"errors"
)

// GPU is a physical GPU as the driver described it at one moment.
type GPU struct {
	UUID     string // "GPU-…"
	Model    string // as the driver names it, "NVIDIA H200"
	PCIBusID string // "0000:0a:00.0"
	Minor    int    // N of /dev/nvidiaN, -1 if unknown
	// MaxPower is the highest power limit that the card can be set to, in watts; nil if unknown.
	MaxPower *float64
	// ComputeSlices is into how many compute slices MIG cuts the GPU, 0 if unknown.
	ComputeSlices int
	MIG           []MIGInstance
	// Unlisted says why MIG can't be followed any more, "" if it can: then MIG is
	// as it was listed last, or lacks what its instances do.
	Unlisted string
	Reading  Reading
	// XIDs counts the errors that the driver reported, also of a GPU that is
	// not up. Sorted by code; nil unless they are watched. Counts never fall
	// while the source lives.
	XIDs []XID
}

// XID is a kind of error of a GPU, with the number that the driver's makers gave it.
type XID struct {
	Code  uint64
	Count uint64 // since the source first saw the GPU
}

// MIGInstance is a part of a physical GPU that works like a GPU of its own.
type MIGInstance struct {
	UUID            string // "MIG-…"
	Profile         string // "1g.10gb"
	GPUInstance     int    // id of the GPU instance
	ComputeInstance int    // id of the compute instance
	ComputeSlices   int    // compute slices that the instance owns
	// Reading is what the instance does now: utilization, memory and the ratios
	// of GPM, of the instance and not of the GPU. Nil while nothing is known.
	Reading *Reading
}

// Reading is what a GPU does now. A nil field is unknown, never zero.
type Reading struct {
	Up          bool     // false when lost, reset required, or its calls hang
	Reason      string   // why it is not up, "" when it is
	Utilization *float64 // ratio, 0 to 1: share of time during which a kernel ran
	MemoryUsed  *float64 // bytes
	MemoryTotal *float64 // bytes
	Power       *float64 // watts
	Temperature *float64 // degrees Celsius
	// Energy is what was drawn, in joules since an origin of the driver's choice;
	// it begins at 0 when the driver is loaded again. Once it was checked
	// (collector/bounds) it never falls.
	Energy *float64
	// Active is busy time in seconds since an origin of the source's choice,
	// integrated from the driver's own samples; it falls when the origin changes,
	// and after a reading without it it begins at 0.
	// Nil where the driver has no samples: then Utilization is all there is.
	Active *float64
	// SM, Tensor and DRAM are the ratios of time during which the streaming
	// multiprocessors, the tensor cores and the memory were busy.
	SM, Tensor, DRAM *float64
	// Processes is the number of processes that the driver sees on the GPU, -1 if unknown.
	Processes int
	// Running are the processes, one for each PID and part of the GPU; nil if the
	// driver does not name them, empty if there are none. Sorted by PID.
	Running []Process
	Health  *Health // nil unless asked for
	// Impossible are the readings that were left out, since nothing can be like them.
	Impossible []Impossible
}

// Impossible is a reading that is outside what a card can be.
type Impossible struct {
	Kind  string  // ReadingEnergy …
	Value float64 // as read, in the unit of the reading
}

// Kinds of readings, as they stand in logs and metrics.
const (
	ReadingUtilization        = "utilization"         // ratio
	ReadingSamples            = "samples"             // ratio or Unix time, of a buffer of utilization
	ReadingActivity           = "activity"            // ratio, by counters (GPM)
	ReadingMemory             = "memory"              // bytes
	ReadingPower              = "power"               // watts
	ReadingTemperature        = "temperature"         // degrees Celsius
	ReadingEnergy             = "energy"              // joules
	ReadingProcessMemory      = "process_memory"      // bytes
	ReadingProcessUtilization = "process_utilization" // ratio or Unix time
	ReadingHealth             = "health"              // in the unit of the counter
)

// Process is a process that uses a GPU or a MIG instance.
type Process struct {
	PID        int      // in the host's PID namespace
	Name       string   // of its program, at most 15 bytes; "" if unknown
	Client     bool     // works through the server of MPS
	Instance   string   // UUID of the MIG instance, "" for a whole GPU
	MemoryUsed *float64 // bytes, nil if unknown
	// Utilization is the ratio of the GPU's time that the process kept the
	// streaming multiprocessors busy lately, nil if unknown.
	Utilization *float64
	// Owner is the container that the process belongs to: its pod UID and, if
	// it is clear, its container. Zero while it is not known.
	Owner Owner
}

// Owner is what a process' cgroup says of it.
type Owner struct {
	Host        bool // it is in no pod
	PodUID      string
	ContainerID string // as the runtime calls it, 64 hexadecimal digits
	Container   string // name in the pod, "" if not known
}

// Inventory is what the driver says of a node's GPUs at one moment.
type Inventory struct {
	DriverVersion string
	CUDAVersion   string
	// Session counts how often the driver was taken up: its counters may begin
	// again at 0 with each.
	Session int
	GPUs    []GPU // sorted by UUID, each UUID once
	// Nameless is how many GPUs more the driver counts: those that don't say who
	// they are.
	Nameless int
	// Restart says what another process in a new container may see that this one
	// sees no more; "" if nothing speaks for it.
	Restart string
}

// Holder is a container of a pod. PodUID is "" while it is not known.
type Holder struct {
	Namespace string
	Pod       string
	PodUID    string
	Container string
}

// Compare orders holders by namespace, pod, pod UID and container.
func (h Holder) Compare(o Holder) int {
	return cmp.Or(
		cmp.Compare(h.Namespace, o.Namespace),
		cmp.Compare(h.Pod, o.Pod),
		cmp.Compare(h.PodUID, o.PodUID),
		cmp.Compare(h.Container, o.Container),
	)
}

// Allocation is a set of devices that the kubelet gave to a container: either
// devices of an extended resource or, by dynamic resource allocation, claims.
type Allocation struct {
	Holder   Holder
	Resource string   // extended resource, "nvidia.com/gpu"; "" for claims
	Devices  []string // device ids in the form that the device plugin chose
	Claims   []Claim
}

// Claim is a device that a container got through a ResourceClaim.
type Claim struct {
	Namespace, Name      string // of the ResourceClaim
	Driver, Pool, Device string // "gpu.nvidia.com", often the node's name, "gpu-0"
	// ShareID names the share of a device that several claims hold (consumable
	// capacity); "" where a claim holds the device whole.
	ShareID string
	CDI     []string // qualified names of the CDI devices, "vendor.com/class=name"
}

// Stay is a pod's time in the kubelet's list.
type Stay struct {
	Number  int64 // above 0, and the same whatever is known of the pod's UID
	Pending bool  // the UID is not known, and may come to be soon
}

// ClaimName names a ResourceClaim.
type ClaimName struct{ Namespace, Name string }

// Of is the ResourceClaim.
func (c Claim) Of() ClaimName { return ClaimName{c.Namespace, c.Name} }

// String is namespace/name.
func (n ClaimName) String() string { return n.Namespace + "/" + n.Name }

// Compare orders by namespace and name.
func (n ClaimName) Compare(o ClaimName) int {
	return cmp.Or(cmp.Compare(n.Namespace, o.Namespace), cmp.Compare(n.Name, o.Name))
}

// Holders is what the kubelet says at one moment.
type Holders struct {
	Allocations []Allocation
	// Offered lists the device ids that the kubelet can hand out, healthy ones
	// only, by resource. From it follows into how many slots a GPU is cut.
	Offered map[string][]string
	// Stays are those of the holders of claims only, whose UIDs may come to be known
	// while they hold them.
	Stays map[Holder]Stay
	// Ambiguous counts allocations whose pod UID is not clear yet: those withheld and
	// those of pending stays.
	Ambiguous int
	// Withheld are the allocations that Ambiguous counts: their devices are
	// held, but by whom is not clear, so that nobody else has them to himself.
	Withheld []Allocation
	// Unknown are the allocations of resources and DRA drivers that are not known as
	// those of GPUs. Their holders have no UIDs. Sorted.
	Unknown []Allocation
	// Estimated are the holders of Allocations that the kubelet has not listed since
	// it restarted. They may have ended.
	Estimated map[Holder]bool
}

// Dispute says that a pod holds something of a GPU that is charged to nobody.
type Dispute struct {
	Namespace, Pod string
	UUID           string // physical GPU
	Reason         string // DisputeUID …
}

// Reasons of disputes, as they stand in logs and metrics.
const (
	DisputeUID     = "pod_uid"      // two pod UIDs are possible
	DisputePods    = "same_device"  // the kubelet names several pods for one device id
	DisputeClaim   = "shared_claim" // several pods name one ResourceClaim
	DisputeSize    = "unknown_size" // nobody says how large a part is that is held of the GPU
	DisputeOverlap = "overlap"      // what is held of the GPU is more than the whole
	DisputeAdmin   = "admin_access" // ResourceClaims are on one GPU, so that one of them has admin access
	DisputeName    = "unknown_name" // it is held under a resource or a DRA driver that is not known as one of GPUs
)

// Compare orders disputes by namespace, pod, GPU and reason.
func (d Dispute) Compare(o Dispute) int {
	return cmp.Or(
		cmp.Compare(d.Namespace, o.Namespace),
		cmp.Compare(d.Pod, o.Pod),
		cmp.Compare(d.UUID, o.UUID),
		cmp.Compare(d.Reason, o.Reason),
	)
}

// Holding says that a holder holds a share of a physical GPU.
type Holding struct {
	Holder Holder
	UUID   string  // physical GPU
	Share  float64 // ratio, above 0, at most 1
	// Sole is true when nobody else holds a part of this GPU, so that the
	// GPU's own readings are the holder's.
	Sole bool
	// Parts are the MIG instances that the share is made of, sorted by UUID;
	// empty if it is of the GPU as a whole.
	Parts []Part
}

// Part is what a holder has of a MIG instance.
type Part struct {
	Instance string  // UUID, "" if it is not one instance alone
	Share    float64 // of the physical GPU; a holding's parts sum to its share
	Sole     bool    // nobody else holds a part of this instance
}

// ErrReleased is the error of a source that gave back all that it had of the
// driver, as it was asked to.
var ErrReleased = errors.New("the driver is released, as requested")

// A Source knows which GPUs a node has and what they do.
type Source interface {
	// Inventory reads all GPUs. A GPU that fails is in the result with
	// Reading.Up false; an error means that nothing is known of any GPU. It is
	// ErrReleased from when the source was released until it is resumed.
	// The result is the caller's; it is sorted by UUID.
	Inventory(ctx context.Context) (Inventory, error)
}

// A Registry knows who holds devices.
type Registry interface {
	// Holders lists the devices held now. An error means that nothing is known.
	Holders(ctx context.Context) (Holders, error)
}
