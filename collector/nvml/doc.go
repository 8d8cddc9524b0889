// Package nvml reads a node's GPUs through NVIDIA's management library. It is
// the only importer of go-nvml, and it returns values and errors: no metrics,
// no decisions.
//
// The driver is treated as something that may be absent, old or stuck:
//
//   - Absent. Without a library or a loaded driver Inventory returns
//     ErrNoDriver, and each later call looks again.
//   - Replaced. A process keeps the library that it loaded first, so after a
//     driver upgrade only a new process can talk to the driver: ErrDriverChanged.
//   - Old. go-nvml binds lazily, and the first call of a function that the
//     installed library lacks ends the process. So the library is asked for
//     each name once after initialization, a missing function is never called,
//     and what it would have measured stays unknown.
//   - Stuck. All calls to one GPU go through a lane that lets one round of
//     calls through at a time and waits for it only so long. A GPU whose calls
//     hang is reported down, and is left alone until they return; the others go on.
//
// Some values take two answers: busy seconds are integrated from the samples
// that the driver keeps of a GPU's utilization, activity is the difference of two
// readings of its counters (GPM), and a process' work is what is new since the
// previous answer. The previous answer is kept by GPU and belongs to the GPU's
// lane; it is dropped when the driver is initialized again. Until the second
// answer, and over a reading that failed, the value is unknown.
//
// Errors (XIDs) are counted as they happen, by a goroutine that waits for the
// driver to report them; what was counted outlives the driver's initialization.
// They and the fields of Reading.Health are off unless the configuration asks.
//
// Process ids are those of the namespace of this process: to meet the cgroups
// of a node's containers it has to run in the host's.
//
// NVML needs cgo and Linux. In other builds the same API exists and Inventory
// returns ErrNotBuilt.
package nvml
