// Package trace turns a recorded trace of GPU pods into scripted nodes and
// keeps the truth about them.
//
// A trace says how many GPUs, or which fraction of one, a pod asked for, when
// it was scheduled and when it was deleted. It does not say where it ran: Place
// puts it on GPUs that have room, never over capacity; a pod that does not fit
// waits for its turn and keeps its lifetime. Pods that the trace itself never
// scheduled are counted and not placed.
//
// The truth (GPU-time per pod and hour) is summed here, from the placements in
// whole milliseconds, by code that knows nothing of the meter.
package trace
