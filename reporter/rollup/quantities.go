package rollup

import (
	"math/bits"

	"github.com/gputally/gputally/reporter/report"
	"github.com/gputally/gputally/reporter/usage"
)

// quantities adds up what was held and what was done with it.
type quantities struct{}

// The cells of quantities. Byte-seconds have two: one sums the lower 32 bits of
// each segment's byte-seconds, the other the higher bits, because a month of ten
// thousand full GPUs has more byte-seconds than fit into 64 bits.
const (
	cellGPU = iota
	cellActive
	cellIdle
	cellObserved
	cellEstimated
	cellEnergy
	cellMemoryLow
	cellMemoryHigh
	quantityCells
)

const (
	lowBits = 32
	lowMask = 1<<lowBits - 1
)

func (quantities) needs() needs { return needs{cells: quantityCells, numbers: amounts()} }

// amounts are the columns with quantities.
func amounts() []usage.Number {
	return []usage.Number{
		usage.NumberGPU, usage.NumberActive, usage.NumberIdle, usage.NumberObserved, usage.NumberEstimated,
		usage.NumberMemory, usage.NumberEnergy,
	}
}

func (quantities) add(b *batch, sums cells) error {
	n := len(b.classOf)
	gpu, active, idle := b.Numbers[usage.NumberGPU][:n], b.Numbers[usage.NumberActive][:n], b.Numbers[usage.NumberIdle][:n]
	observed, estimated := b.Numbers[usage.NumberObserved][:n], b.Numbers[usage.NumberEstimated][:n]
	memory, energy := b.Numbers[usage.NumberMemory][:n], b.Numbers[usage.NumberEnergy][:n]
	for i, class := range b.classOf {
		s := (*[quantityCells]int64)(sums.of(class))
		s[cellGPU] += gpu[i]
		s[cellActive] += active[i]
		s[cellIdle] += idle[i]
		s[cellObserved] += observed[i]
		s[cellEstimated] += estimated[i]
		s[cellEnergy] += energy[i]
		s[cellMemoryLow] += memory[i] & lowMask
		s[cellMemoryHigh] += memory[i] >> lowBits
	}
	return nil
}

func (quantities) finish(*report.Table, func(report.Key) []int64) {}

func (quantities) fill(row *report.Row, cells []int64) {
	low, carry := bits.Add64(uint64(cells[cellMemoryHigh])<<lowBits, uint64(cells[cellMemoryLow]), 0)
	row.Sums = report.Sums{
		GPUMillis: cells[cellGPU], ActiveMillis: cells[cellActive], IdleMillis: cells[cellIdle],
		ObservedMillis: cells[cellObserved], EstimatedMillis: cells[cellEstimated],
		EnergyMilliJoule: cells[cellEnergy],
		Memory:           report.MakeByteSeconds(uint64(cells[cellMemoryHigh])>>(64-lowBits)+carry, low),
	}
	if row.State == usage.Allocated {
		row.AllocatedMillis = cells[cellGPU]
	}
}
