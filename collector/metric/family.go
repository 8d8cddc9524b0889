package metric

// Type is the Prometheus type of a family.
type Type string

// The types in use.
const (
	Counter Type = "counter"
	Gauge   Type = "gauge"
)

// Family describes one metric family.
type Family struct {
	Name   string
	Type   Type
	Unit   string // base unit, "" for information and states
	Help   string
	Labels []string // in the order in which values are given
}

// Label names. Every series carries the least identity that makes it unique;
// the rest stands on an info family.
const (
	LabelUUID       = "uuid"
	LabelNode       = "node"
	LabelModel      = "model"
	LabelPCIBusID   = "pci_bus_id"
	LabelParentUUID = "parent_uuid"
	LabelProfile    = "profile"
	LabelState      = "state"

	LabelDriverVersion = "driver_version"
	LabelCUDAVersion   = "cuda_version"
	LabelAttribution   = "attribution"
	LabelActivity      = "activity"

	LabelNamespace = "namespace"
	LabelPod       = "pod"
	LabelPodUID    = "pod_uid"
	LabelContainer = "container"

	LabelSource = "source"
	LabelReason = "reason"
	LabelXID    = "xid"

	LabelKind      = "kind"
	LabelDirection = "direction"
	LabelDeviceID  = "device_id"
)

// Ways in which the activity of each holder of a shared GPU is found, values of
// LabelActivity: not at all, by its processes, or by dividing the GPU's evenly,
// which is a convention and no measurement.
const (
	ActivityNone      = "none"
	ActivityProcesses = "processes"
	ActivitySplit     = "split"
)

// States of a physical GPU's time, the values of LabelState. At every moment
// the shares of a GPU in the four states sum to 1.
const (
	StateAllocated    = "allocated"    // held by containers
	StateUnallocated  = "unallocated"  // up, held by nobody, and there to be had
	StateUnattributed = "unattributed" // held, but by whom is not known
	StateUnavailable  = "unavailable"  // not up, or neither held nor offered by the device plugin
)

// Values of LabelKind: of errors of memory, and of errors for which it was
// replaced. Those of readings are in collector/device.
const (
	KindCorrected     = "corrected"
	KindUncorrected   = "uncorrected"
	KindCorrectable   = "correctable"
	KindUncorrectable = "uncorrectable"
)

// Values of LabelDirection.
const (
	DirectionSent     = "sent"
	DirectionReceived = "received"
)

// Values of LabelReason: why the clocks of a GPU were held down. Reasons overlap.
const (
	ReasonPowerCap        = "power_cap"        // to stay within the power limit
	ReasonSyncBoost       = "sync_boost"       // to keep pace with a slower GPU of its group
	ReasonThermal         = "thermal"          // by the driver, to stay below the highest temperature to work at
	ReasonHardwareThermal = "hardware_thermal" // by the hardware, by half or more
	ReasonPowerBrake      = "power_brake"      // a signal from outside, as of the power supply
)

// States lists the values of LabelState.
func States() [4]string {
	return [...]string{StateAllocated, StateUnallocated, StateUnattributed, StateUnavailable}
}
