package nvmltest

import (
	"fmt"
	"time"
)

// ScenarioEnv is the environment variable that names the scenario's file.
const ScenarioEnv = "GPUTALLY_STUB_NVML"

// Code is an NVML return code.
type Code int

// Return codes, as nvml.h has them.
const (
	NotSupported    Code = 3
	NoPermission    Code = 4
	NotFound        Code = 6
	DriverNotLoaded Code = 9
	Lost            Code = 15
	ResetRequired   Code = 16
	VersionMismatch Code = 18
	Uninitialized   Code = 1
	Unknown         Code = 999
)

// Fails is a value that can't be had: the function answers with the code.
func Fails(c Code) int64 { return -int64(c) }

// Scenario is a node as its driver shows it. It has 16 GPUs at most.
type Scenario struct {
	Init        Code          // what initialization returns, 0 is success
	CountError  Code          // what counting the GPUs returns
	Count       int64         // how many GPUs it says there are, 0 for as many as there are
	CountHang   time.Duration // how long counting them takes, unless the scenario is replaced meanwhile
	EventsError Code          // what making a set of events returns
	WaitError   Code          // what waiting for events returns
	WaitHang    bool          // waiting for events never ends, unless the scenario is replaced meanwhile
	Driver      string
	CUDA        int // 13000 is 13.0
	GPUs        []GPU
}

// GPU is what the driver says of one. A field of type int64 may be Fails(code).
type GPU struct {
	UUID           string
	Name           string
	BusID          string // "00000000:0A:00.0"
	Minor          int64
	MemoryTotal    int64 // bytes
	MemoryReserved int64 // bytes that the driver keeps
	MemoryUsed     int64 // bytes
	Utilization    int64 // percent
	Power          int64 // milliwatts
	MaxPower       int64 // milliwatts, the highest limit
	Temperature    int64 // degrees Celsius
	Energy         int64 // millijoules
	MIG            int64 // 1 if MIG mode is on
	Slices         int64 // into how many MIG cuts it, 0 for 7
	Compute        []int // pids with a compute context, 16 at most
	Graphics       []int // pids with a graphics context
	MPS            []int // pids of clients of MPS
	Details        []Process
	Work           []Work
	Instances      []Instance
	Samples        []Sample
	Counters       *Counters       // nil if the GPU has none
	Fails          map[string]Code // by the function's name in nvml.h, with its version
	ECCCorrected   int64
	ECCUncorrected int64
	Rows           [4]int64      // remapped for correctable and for uncorrectable errors; 1 if some are pending, if some failed
	Fields         []Field       // 16 at most; others are not supported
	XIDs           []int         // the codes of the errors that happened so far, 64 at most
	FailsWhole     bool          // what Fails says is not for MIG instances
	Error          Code          // what every call to this GPU returns
	Hang           time.Duration // how long every call takes, unless the scenario is replaced meanwhile
}

// Instance is a MIG instance.
type Instance struct {
	Index         int // the driver's index, 0 to 6; gaps are allowed
	UUID          string
	Name          string // "NVIDIA H200 MIG 1g.18gb"
	GI, CI        int64
	GPUSlices     int64 // compute slices of the GPU instance
	ComputeSlices int64 // those of the compute instance; Fails(code) fails all attributes
	MemoryMiB     int64
	MemoryUsed    int64     // bytes
	Counters      *Counters // of its GPU instance
}

// Counters are those of the Hopper generation and later (GPM): the time in ms
// that has passed and that each part was busy. A part may be Fails(code).
type Counters struct{ Clock, Graphics, SM, Tensor, DRAM int64 }

// Process is what the driver knows of a process in its lists. Of one without
// details it knows neither memory nor MIG instance.
type Process struct {
	PID    int
	Memory int64 // bytes, -1 if the driver doesn't know
	GI, CI int64 // ids of its MIG instance, -1 for none
}

// Work is an entry of the driver's buffer of processes that had kernels running.
type Work struct {
	PID     int
	At      time.Duration // on the driver's clock, in whole microseconds
	Percent int64
}

// Field is a value that has a number in nvml.h, here as the sum of all links.
type Field struct {
	ID    int
	Kind  Kind
	Value int64
}

// Kind is in which form the driver gives a value.
type Kind int

// Kinds of values. The value of one that fails is the code.
const (
	Double Kind = iota
	Uint
	Ulong
	Ulonglong
	Longlong
	Int
	Ushort
	Failing
)

// Sample is an entry of the driver's buffer of GPU utilization.
type Sample struct {
	At      time.Duration // on the driver's clock, in whole microseconds
	Percent int64
}

// Node is a healthy node with n idle GPUs of 141 GiB.
func Node(n int) Scenario {
	s := Scenario{Driver: "580.95.05", CUDA: 13000}
	for i := range n {
		s.GPUs = append(s.GPUs, GPU{
			UUID:           fmt.Sprintf("GPU-%08x-0000-4000-8000-000000000000", i),
			Name:           "NVIDIA H200",
			BusID:          fmt.Sprintf("00000000:%02X:00.0", 0x0a+i),
			Minor:          int64(i),
			MemoryTotal:    143771 << 20,
			MemoryReserved: 600 << 20,
			Power:          75000,
			MaxPower:       700_000,
			Temperature:    30,
			Energy:         1000,
			MIG:            Fails(NotSupported),
		})
	}
	return s
}
