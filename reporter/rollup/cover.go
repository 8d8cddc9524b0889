package rollup

import (
	"math/big"

	"github.com/gputally/gputally/reporter/report"
	"github.com/gputally/gputally/reporter/usage"
	"github.com/gputally/gputally/reporter/window"
)

// rowStates is how many report.States there are.
const rowStates = 5

// states adds up time by state, in GPU-milliseconds: first the states of rows by
// their rank, then absent time.
type states [rowStates + 1]struct{ all, estimated int64 }

// add adds the cells of segments of an origin.
func (s *states) add(o *origin, cells []int64) {
	of := &s[min(o.rank, rowStates)] // that of absent time is beyond all
	of.all += cells[cellGPU]
	of.estimated += cells[cellEstimated]
}

// addTo adds all of it to a coverage.
func (s *states) addTo(c *usage.Coverage) {
	names := report.States()
	for i, state := range append(names[:], usage.Absent) {
		segments := usage.Segment{State: state, GPUMillis: s[i].all, EstimatedMillis: s[i].estimated}
		c.Add(segments.Coverage())
	}
}

// expect fills in what is expected, and what is late, of the part of an hour that
// is in the report. For a whole hour that is what the hour says. For a part, the
// hour's residue and late time count in proportion.
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
