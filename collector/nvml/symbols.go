//go:build linux && cgo

package nvml

import (
	"slices"

	"github.com/NVIDIA/go-nvml/pkg/nvml"
)

// Functions of the library that this package calls, by the name without version.
const (
	fnDriverVersion = "nvmlSystemGetDriverVersion"
	fnCUDAVersion   = "nvmlSystemGetCudaDriverVersion"
	fnCUDAVersion2  = "nvmlSystemGetCudaDriverVersion_v2"
	fnCount         = "nvmlDeviceGetCount"
	fnHandle        = "nvmlDeviceGetHandleByIndex"
	fnUUID          = "nvmlDeviceGetUUID"
	fnName          = "nvmlDeviceGetName"
	fnPCI           = "nvmlDeviceGetPciInfo"
	fnMinor         = "nvmlDeviceGetMinorNumber"
	fnUtilization   = "nvmlDeviceGetUtilizationRates"
	fnSamples       = "nvmlDeviceGetSamples"
	fnMemory        = "nvmlDeviceGetMemoryInfo"
	fnMemory2       = "nvmlDeviceGetMemoryInfo_v2"
	fnPower         = "nvmlDeviceGetPowerUsage"
	fnMaxPower      = "nvmlDeviceGetPowerManagementLimitConstraints"
	fnDefaultPower  = "nvmlDeviceGetPowerManagementDefaultLimit"
	fnTemperature   = "nvmlDeviceGetTemperature"
	fnEnergy        = "nvmlDeviceGetTotalEnergyConsumption"
	fnCompute       = "nvmlDeviceGetComputeRunningProcesses"
	fnGraphics      = "nvmlDeviceGetGraphicsRunningProcesses"
	fnMPS           = "nvmlDeviceGetMPSComputeRunningProcesses"
	fnWork          = "nvmlDeviceGetProcessUtilization"
	fnGPMSupport    = "nvmlGpmQueryDeviceSupport"
	fnGPMAlloc      = "nvmlGpmSampleAlloc"
	fnGPMFree       = "nvmlGpmSampleFree"
	fnGPMGet        = "nvmlGpmSampleGet"
	fnGPMOfMIG      = "nvmlGpmMigSampleGet"
	fnGPMMetrics    = "nvmlGpmMetricsGet"
	fnECC           = "nvmlDeviceGetTotalEccErrors"
	fnRemapped      = "nvmlDeviceGetRemappedRows"
	fnFields        = "nvmlDeviceGetFieldValues"
	fnEventSet      = "nvmlEventSetCreate"
	fnEventFree     = "nvmlEventSetFree"
	fnEventWait     = "nvmlEventSetWait"
	fnEventRegister = "nvmlDeviceRegisterEvents"
	fnMIGMode       = "nvmlDeviceGetMigMode"
	fnMIGMax        = "nvmlDeviceGetMaxMigDeviceCount"
	fnMIGHandle     = "nvmlDeviceGetMigDeviceHandleByIndex"
	fnGPUInstance   = "nvmlDeviceGetGpuInstanceId"
	fnCompInstance  = "nvmlDeviceGetComputeInstanceId"
	fnAttributes    = "nvmlDeviceGetAttributes"
	fnProfile       = "nvmlDeviceGetGpuInstanceProfileInfo"
)

// callable lists the functions with the version suffixes among which go-nvml
// itself picks the newest that is there; one of them is enough.
func callable() map[string][]string {
	exact := []string{""}
	return map[string][]string{
		fnDriverVersion: exact, fnCUDAVersion: exact, fnCUDAVersion2: exact,
		fnCount: {"", "_v2"}, fnHandle: {"", "_v2"},
		fnUUID: exact, fnName: exact, fnPCI: {"", "_v2", "_v3"}, fnMinor: exact,
		fnUtilization: exact, fnSamples: exact, fnMemory: exact, fnMemory2: exact,
		fnPower: exact, fnMaxPower: exact, fnDefaultPower: exact, fnTemperature: exact, fnEnergy: exact,
		fnCompute: {"", "_v2", "_v3"}, fnGraphics: {"", "_v2", "_v3"}, fnMPS: {"", "_v2", "_v3"},
		fnWork: exact, fnGPMSupport: exact, fnGPMAlloc: exact, fnGPMFree: exact,
		fnGPMGet: exact, fnGPMOfMIG: exact, fnGPMMetrics: exact,
		fnECC: exact, fnRemapped: exact, fnFields: exact,
		fnEventSet: exact, fnEventFree: exact, fnEventWait: {"", "_v2"}, fnEventRegister: exact,
		fnMIGMode: exact, fnMIGMax: exact, fnMIGHandle: exact,
		fnGPUInstance: exact, fnCompInstance: exact, fnAttributes: {"", "_v2"}, fnProfile: exact,
	}
}

// symbols says which functions the loaded library has. It is never changed
// after it was made.
type symbols map[string]bool

// lookup asks the library for each function, which needs a successful Init.
func lookup(lib nvml.Interface) symbols {
	has := symbols{}
	for name, versions := range callable() {
		has[name] = slices.ContainsFunc(versions, func(v string) bool {
			return lib.Extensions().LookupSymbol(name+v) == nil
		})
	}
	return has
}

// missing lists the functions that the library lacks, sorted.
func (has symbols) missing() []string {
	var names []string
	for name, there := range has {
		if !there {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// guard calls f if the library has the function of that name.
func guard[T any](has symbols, name string, f func() (T, nvml.Return)) (T, nvml.Return) {
	if !has[name] {
		var none T
		return none, nvml.ERROR_FUNCTION_NOT_FOUND
	}
	return f()
}
