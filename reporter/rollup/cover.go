package rollup

import (
	"math/big"

	"github.com/gputally/gputally/reporter/report"
	"github.com/gputally/gputally/reporter/usage"
	"github.com/gputally/gputally/reporter/window"
)

// count adds time to the part of its state.
func count(c *usage.Coverage, state usage.State, s report.Sums) {
	switch state {
	case usage.Allocated:
		c.Allocated += s.GPUMillis
		c.Estimated += s.EstimatedMillis
	case usage.Unallocated:
		c.Unallocated += s.GPUMillis
	case usage.Unattributed:
		c.Unattributed += s.GPUMillis
	case usage.Unavailable:
		c.Unavailable += s.GPUMillis
	case usage.Uncovered:
		c.Uncovered += s.GPUMillis
	case usage.Absent:
		c.Absent += s.GPUMillis
	}
}

// expect fills in what is expected of the part of an hour that is in the
// report: all that the hour expected, or if the hour is cut, the parts that
// are left and the hour's residue in proportion.
func expect(parts *usage.Coverage, hour usage.Hour, inside window.Window) {
	sum := parts.Allocated + parts.Unallocated + parts.Unattributed + parts.Unavailable + parts.Uncovered
	parts.Expected = hour.Coverage.Expected
	if inside != hour.Window {
		share := big.NewInt(hour.Coverage.Residue)
		share.Mul(share, big.NewInt(inside.Duration().Milliseconds()))
		share.Quo(share, big.NewInt(hour.Window.Duration().Milliseconds()))
		parts.Expected = sum + share.Int64()
	}
	parts.Residue = parts.Expected - sum
}

func merge(a *usage.Coverage, b usage.Coverage) {
	a.Expected += b.Expected
	a.Allocated += b.Allocated
	a.Unallocated += b.Unallocated
	a.Unattributed += b.Unattributed
	a.Unavailable += b.Unavailable
	a.Uncovered += b.Uncovered
	a.Estimated += b.Estimated
	a.Residue += b.Residue
	a.Absent += b.Absent
}
