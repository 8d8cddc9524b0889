package metric

var (
	byUUID      = []string{LabelUUID}
	byContainer = []string{LabelNamespace, LabelPod, LabelPodUID, LabelContainer, LabelUUID}
)

// What is there: one series per node, GPU and MIG instance, value 1.
var (
	NodeInfo = Family{
		"gputally_node_info", Gauge, "",
		"The node that this collector meters: driver and CUDA version, how holders are found (attribution: kubelet, none), and how their activity on a shared GPU is found (activity: none, processes, split).",
		[]string{LabelNode, LabelDriverVersion, LabelCUDAVersion, LabelAttribution, LabelActivity},
	}
	DeviceInfo = Family{
		"gputally_device_info", Gauge, "",
		"A physical GPU and where it is.",
		[]string{LabelUUID, LabelNode, LabelModel, LabelPCIBusID},
	}
	MIGInstanceInfo = Family{
		"gputally_mig_instance_info", Gauge, "",
		"A MIG instance and the physical GPU that it is cut from.",
		[]string{LabelUUID, LabelParentUUID, LabelProfile},
	}
)

// Physical GPUs: the state now.
var (
	DeviceUp = Family{
		"gputally_device_up", Gauge, "",
		"1 if the GPU answers; 0 if it is lost, needs a reset, its calls hang, or all that it could measure fails.", byUUID,
	}
	DeviceUtilization = Family{
		"gputally_device_utilization_ratio", Gauge, "ratio",
		"Share of time during which a kernel ran, over the driver's last sample period.", byUUID,
	}
	DeviceMemoryUsed = Family{
		"gputally_device_memory_used_bytes", Gauge, "bytes",
		"Memory in use, without what the driver reserves.", byUUID,
	}
	DeviceMemoryTotal = Family{
		"gputally_device_memory_total_bytes", Gauge, "bytes",
		"Memory installed.", byUUID,
	}
	DevicePower = Family{
		"gputally_device_power_watts", Gauge, "watts",
		"Power drawn.", byUUID,
	}
	DeviceTemperature = Family{
		"gputally_device_temperature_celsius", Gauge, "celsius",
		"Temperature of the GPU.", byUUID,
	}
)

// DeviceOffered says whether Kubernetes can schedule anything on a physical GPU.
var DeviceOffered = Family{
	"gputally_device_offered", Gauge, "",
	"1 if the device plugin offers some of the GPU to Kubernetes; 0 if it no longer does, or offers other GPUs only: then what nobody holds is unavailable. Absent where that isn't known.", byUUID,
}

// DeviceStrangers counts who is on a physical GPU without holding any of it.
var DeviceStrangers = Family{
	"gputally_device_stranger_processes", Gauge, "",
	"Processes on the GPU of those who hold nothing of it, without MPS servers and daemons that wait; of a GPU that is held, known with --activity.processes only.", byUUID,
}

// Physical GPUs: which parts of them were busy, where the driver counts it (GPM).
var (
	DeviceSMActive = Family{
		"gputally_device_sm_active_ratio", Gauge, "ratio",
		"Share of time during which the streaming multiprocessors were busy, averaged over them.", byUUID,
	}
	DeviceTensorActive = Family{
		"gputally_device_tensor_active_ratio", Gauge, "ratio",
		"Share of time during which the tensor cores were busy, averaged over them.", byUUID,
	}
	DeviceDRAMActive = Family{
		"gputally_device_dram_active_ratio", Gauge, "ratio",
		"Memory bandwidth in use, as a share of what the GPU can do in theory.", byUUID,
	}
)

// MIG instances: the state now, as ratios of the instance and not of the GPU.
var (
	MIGInstanceUtilization = Family{
		"gputally_mig_instance_utilization_ratio", Gauge, "ratio",
		"Share of time during which a kernel ran on the MIG instance.", byUUID,
	}
	MIGInstanceMemoryUsed = Family{
		"gputally_mig_instance_memory_used_bytes", Gauge, "bytes",
		"Memory of the MIG instance in use.", byUUID,
	}
	MIGInstanceMemoryTotal = Family{
		"gputally_mig_instance_memory_total_bytes", Gauge, "bytes",
		"Memory of the MIG instance.", byUUID,
	}
	MIGInstanceSMActive = Family{
		"gputally_mig_instance_sm_active_ratio", Gauge, "ratio",
		"Share of time during which the MIG instance's streaming multiprocessors were busy, averaged over them.", byUUID,
	}
	MIGInstanceTensorActive = Family{
		"gputally_mig_instance_tensor_active_ratio", Gauge, "ratio",
		"Share of time during which the MIG instance's tensor cores were busy, averaged over them.", byUUID,
	}
	MIGInstanceDRAMActive = Family{
		"gputally_mig_instance_dram_active_ratio", Gauge, "ratio",
		"Memory bandwidth of the MIG instance in use, as a share of what it can do in theory.", byUUID,
	}
)

// Physical GPUs: health; each is off unless its flag is set. The counters are
// the driver's and the card's own, so they don't begin at 0 with the collector.
var (
	DeviceXIDErrors = Family{
		"gputally_device_xid_errors_total", Counter, "",
		"Errors that the driver reported of the GPU, by its number for them (XID); with --nvml.xid.",
		[]string{LabelUUID, LabelXID},
	}
	DeviceECCErrors = Family{
		"gputally_device_ecc_errors_total", Counter, "",
		"Errors in the GPU's memories over the life of the card, by kind (corrected, uncorrected); with --nvml.ecc.",
		[]string{LabelUUID, LabelKind},
	}
	DeviceRemappedRows = Family{
		"gputally_device_remapped_rows_total", Counter, "",
		"Rows of memory that were replaced, by kind of the errors (correctable, uncorrectable); with --nvml.row-remap.",
		[]string{LabelUUID, LabelKind},
	}
	DeviceRowRemapPending = Family{
		"gputally_device_row_remap_pending", Gauge, "",
		"1 if rows of memory are replaced at the next reset of the GPU; with --nvml.row-remap.", byUUID,
	}
	DeviceRowRemapFailed = Family{
		"gputally_device_row_remap_failed", Gauge, "",
		"1 if a row of memory could not be replaced; with --nvml.row-remap.", byUUID,
	}
	DeviceThrottledSeconds = Family{
		"gputally_device_throttled_seconds_total", Counter, "seconds",
		"Time during which the GPU's clocks were held down since the driver was loaded, by reason; reasons overlap; with --nvml.throttle.",
		[]string{LabelUUID, LabelReason},
	}
	DeviceNVLinkPayloadBytes = Family{
		"gputally_device_nvlink_payload_bytes_total", Counter, "bytes",
		"Data sent and received over all NVLinks, without the protocol's overhead; with --nvml.nvlink.",
		[]string{LabelUUID, LabelDirection},
	}
	DeviceNVLinkWireBytes = Family{
		"gputally_device_nvlink_wire_bytes_total", Counter, "bytes",
		"Data sent and received over all NVLinks, with the protocol's overhead; with --nvml.nvlink.",
		[]string{LabelUUID, LabelDirection},
	}
	DevicePCIeBytes = Family{
		"gputally_device_pcie_bytes_total", Counter, "bytes",
		"Data sent and received over PCIe; the driver's counter may wrap; with --nvml.pcie.",
		[]string{LabelUUID, LabelDirection},
	}
)

// Physical GPUs: integrals since the collector started.
var (
	DeviceSeconds = Family{
		"gputally_device_seconds_total", Counter, "seconds",
		"GPU-seconds by state: allocated, unallocated, unattributed or unavailable (not up, or neither held nor offered). Their sum is the time observed.",
		[]string{LabelUUID, LabelState},
	}
	DeviceActiveSeconds = Family{
		"gputally_device_active_seconds_total", Counter, "seconds",
		"Seconds during which the GPU was busy.", byUUID,
	}
	DeviceEnergy = Family{
		"gputally_device_energy_joules_total", Counter, "joules",
		"Energy drawn while observed.", byUUID,
	}
)

// Containers: one series per container and physical GPU.
var (
	ContainerAllocatedSeconds = Family{
		"gputally_container_gpu_allocated_seconds_total", Counter, "seconds",
		"GPU-seconds held: the integral of the share of the physical GPU over time.", byContainer,
	}
	ContainerStartTime = Family{
		"gputally_container_gpu_start_time_seconds", Gauge, "seconds",
		"Unix time at which this collector first saw the container hold the GPU.", byContainer,
	}
	ContainerEndTime = Family{
		"gputally_container_gpu_end_time_seconds", Gauge, "seconds",
		"Unix time at which this collector first saw that the container no longer holds the GPU, or, where the kubelet did not list it any more after a restart, last saw that it did; absent while it does.", byContainer,
	}
	ContainerShare = Family{
		"gputally_container_gpu_share_ratio", Gauge, "ratio",
		"Share of the physical GPU held now; the shares of one GPU sum to at most 1.", byContainer,
	}
	ContainerActiveSeconds = Family{
		"gputally_container_gpu_active_seconds_total", Counter, "seconds",
		"GPU-seconds used: the integral of the smaller of own utilization and share, while activity is known.", byContainer,
	}
	ContainerIdleSeconds = Family{
		"gputally_container_gpu_idle_seconds_total", Counter, "seconds",
		"GPU-seconds held while own utilization was zero, while activity is known.", byContainer,
	}
	ContainerObservedSeconds = Family{
		"gputally_container_gpu_observed_seconds_total", Counter, "seconds",
		"GPU-seconds held while activity was known.", byContainer,
	}
	ContainerMemoryUsed = Family{
		"gputally_container_gpu_memory_used_bytes", Gauge, "bytes",
		"GPU memory in use by the container now.", byContainer,
	}
	ContainerMemoryByteSeconds = Family{
		"gputally_container_gpu_memory_used_byte_seconds_total", Counter, "byte-seconds",
		"Integral of the GPU memory in use by the container over time.", byContainer,
	}
	ContainerEnergy = Family{
		"gputally_container_gpu_energy_joules_total", Counter, "joules",
		"Energy drawn on behalf of the container.", byContainer,
	}
)

// The collector about itself.
var (
	CollectorStartTime = Family{
		"gputally_collector_start_time_seconds", Gauge, "seconds",
		"Unix time at which this collector process began to meter; all its counters started at 0 then.", nil,
	}
	CollectorPollAge = Family{
		"gputally_collector_poll_age_seconds", Gauge, "seconds",
		"Time since the snapshot shown here was taken.", nil,
	}
	CollectorPollInterval = Family{
		"gputally_collector_poll_interval_seconds", Gauge, "seconds",
		"Time between polls; what changes is seen half of it late on average.", nil,
	}
	CollectorPolls = Family{
		"gputally_collector_polls_total", Counter, "",
		"Polls made.", nil,
	}
	CollectorSourceUp = Family{
		"gputally_collector_source_up", Gauge, "",
		"1 if the last poll of the source (nvml, kubelet, checkpoint, cgroup) succeeded.",
		[]string{LabelSource},
	}
	CollectorSourceFailures = Family{
		"gputally_collector_source_failures_total", Counter, "",
		"Polls of the source (nvml, kubelet, checkpoint, cgroup) that failed.",
		[]string{LabelSource},
	}
	CollectorSourceDuration = Family{
		"gputally_collector_source_poll_duration_seconds", Gauge, "seconds",
		"Duration of the last poll of the source (nvml, kubelet).",
		[]string{LabelSource},
	}
	CollectorReleased = Family{
		"gputally_collector_driver_released", Gauge, "",
		"1 while the driver is released on request (SIGUSR1), so that nothing is metered; 0 otherwise.", nil,
	}
	CollectorNameless = Family{
		"gputally_collector_nameless_devices", Gauge, "",
		"GPUs that the driver counts and that don't say who they are: no other metric has them; absent while the driver can't be asked.", nil,
	}
	CollectorUnresolved = Family{
		"gputally_collector_unresolved_devices", Gauge, "",
		"Device ids that containers hold and that no known GPU answers to.", nil,
	}
	CollectorUnresolvedInfo = Family{
		"gputally_collector_unresolved_device_info", Gauge, "",
		"A device id that a container holds and that no known GPU answers to; the first 20 of them.",
		[]string{LabelDeviceID},
	}
	CollectorAmbiguous = Family{
		"gputally_collector_ambiguous_holdings", Gauge, "",
		"Holdings whose pod UID is not clear yet; their time waits until it is.", nil,
	}
	CollectorAdminClaims = Family{
		"gputally_collector_admin_claims", Gauge, "",
		"ResourceClaims that hold nothing, as they have admin access: by --dra.admin-access, or as others hold the GPUs that they are on.", nil,
	}
	CollectorDisputes = Family{
		"gputally_collector_disputed_holdings", Gauge, "",
		"Pods and GPUs that they hold something of, which is charged to nobody, as it is not clear whose it is.", nil,
	}
	CollectorDisputeInfo = Family{
		"gputally_collector_disputed_holding_info", Gauge, "",
		"A pod that holds something of a GPU which is charged to nobody, and why (reason: pod_uid, same_device, shared_claim, admin_access, unknown_size, overlap, unknown_name); the first 20 of them.",
		[]string{LabelNamespace, LabelPod, LabelUUID, LabelReason},
	}
	CollectorEstimated = Family{
		"gputally_collector_estimated_holdings", Gauge, "",
		"Holdings that the kubelet has not listed since it restarted; they go on for --meter.max-gap, until it has listed them or they turn out to have ended; absent while there are none.", nil,
	}
	CollectorUnobservedSeconds = Family{
		"gputally_collector_unobserved_seconds_total", Counter, "seconds",
		"Time during which nothing was metered: from the start until GPUs and holders are known, and between polls beyond the cap.", nil,
	}
	CollectorImpossible = Family{
		"gputally_collector_impossible_readings_total", Counter, "",
		"Readings of the driver that no card can give, by kind: left out, and unknown for that time; absent while there were none of the kind.",
		[]string{LabelKind},
	}
	CollectorActivityKnown = Family{
		"gputally_collector_activity_known", Gauge, "",
		"Holdings whose own activity is known, now.", nil,
	}
)

// Families lists every family of the catalogue, in the order of the documentation.
func Families() []*Family {
	return []*Family{
		&NodeInfo, &DeviceInfo, &MIGInstanceInfo,
		&DeviceUp, &DeviceUtilization, &DeviceMemoryUsed, &DeviceMemoryTotal, &DevicePower, &DeviceTemperature, &DeviceOffered, &DeviceStrangers,
		&DeviceSMActive, &DeviceTensorActive, &DeviceDRAMActive,
		&MIGInstanceUtilization, &MIGInstanceMemoryUsed, &MIGInstanceMemoryTotal,
		&MIGInstanceSMActive, &MIGInstanceTensorActive, &MIGInstanceDRAMActive,
		&DeviceXIDErrors, &DeviceECCErrors, &DeviceRemappedRows, &DeviceRowRemapPending, &DeviceRowRemapFailed,
		&DeviceThrottledSeconds, &DeviceNVLinkPayloadBytes, &DeviceNVLinkWireBytes, &DevicePCIeBytes,
		&DeviceSeconds, &DeviceActiveSeconds, &DeviceEnergy,
		&ContainerAllocatedSeconds, &ContainerStartTime, &ContainerEndTime, &ContainerShare,
		&ContainerActiveSeconds, &ContainerIdleSeconds, &ContainerObservedSeconds,
		&ContainerMemoryUsed, &ContainerMemoryByteSeconds, &ContainerEnergy,
		&CollectorStartTime, &CollectorPollAge, &CollectorPollInterval, &CollectorPolls,
		&CollectorSourceUp, &CollectorSourceFailures, &CollectorSourceDuration,
		&CollectorReleased, &CollectorNameless, &CollectorUnresolved, &CollectorUnresolvedInfo, &CollectorAmbiguous, &CollectorEstimated, &CollectorAdminClaims, &CollectorDisputes, &CollectorDisputeInfo, &CollectorUnobservedSeconds, &CollectorImpossible, &CollectorActivityKnown,
	}
}
