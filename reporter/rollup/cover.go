package rollup

import (
	"math/big"

	"github.com/gputally/gputally/reporter/usage"
	"github.com/gputally/gputally/reporter/window"
)

// expect fills in what is expected of the part of an hour that is in the
// report, and how much of it is late: all that the hour says, or if the hour is
// cut, the parts that are left with the hour's residue and late time in
// proportion.
func expect(parts *usage.Coverage, hour usage.Hour, inside window.Window) {
	parts.Expected, parts.Late = hour.Coverage.Expected, hour.Coverage.Late
	if inside != hour.Window {
		part := func(amount int64) int64 {
			of := big.NewInt(amount)
			of.Mul(of, big.NewInt(inside.Duration().Milliseconds()))
			return of.Quo(of, big.NewInt(hour.Window.Duration().Milliseconds())).Int64()
		}
		parts.Expected, parts.Late = parts.Sum()+part(hour.Coverage.Residue), part(hour.Coverage.Late)
	}
	parts.Residue = parts.Expected - parts.Sum()
}
