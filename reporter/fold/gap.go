package fold

import (
	"fmt"
	"math"

	"github.com/gputally/gputally/reporter/usage"
)

// gap is a time for which less was counted than passed.
type gap struct{ from, to, missing int64 }

// gaps lists where the time from from to to is not in the counted intervals:
// between them, and inside those that grew less than a lag explains.
func gaps(from, to int64, counted []interval) []gap {
	var all []gap
	for _, s := range counted {
		if s.late {
			continue
		}
		if s.from > from {
			all = append(all, gap{from, s.from, s.from - from})
		}
		if missing := s.to - s.from - s.amount[Held]; missing > slack && !s.smooth {
			all = append(all, gap{s.from, s.to, missing})
		}
		from = max(from, s.to)
	}
	if to > from {
		all = append(all, gap{from, to, to - from})
	}
	return all
}

// uncovered makes the rows of the gaps, less what containers are charged for
// there, and returns their sum.
func (f *gpuFold) uncovered(gaps []gap, charged []interval) int64 {
	row := f.row
	row.State = usage.Uncovered
	var sum int64
	for _, g := range gaps {
		missing := float64(g.missing)
		for _, s := range charged {
			if common := min(g.to, s.to) - max(g.from, s.from); common > 0 && !s.late {
				missing -= float64(s.amount[Held]) * float64(common) / float64(s.to-s.from)
			}
		}
		row.HeldFrom, row.HeldTo, row.GPUMillis = g.from, g.to, int64(math.Round(missing))
		f.add(row)
		sum += max(0, row.GPUMillis)
	}
	return sum
}

// prove compares what must be equal: what containers held with what the device
// says was allocated, and the sum of all parts with the time for which the GPU was
// there.
func (f *gpuFold) prove(d *deviceTime, held *heldTime, uncovered int64) {
	uuid := f.row.UUID
	if containers, device := held.total+held.paid, d.sum[1]+sumHeld(d.charged); !usage.Agree(containers, device) {
		f.notes.Add(usage.HeldDisagrees, fmt.Sprintf("%s: containers %.3f s, device %.3f s", uuid, seconds(containers), seconds(device)))
	}
	parts, there := held.total-held.late+d.sum[2]+d.sum[3]+d.sum[4]-d.late+uncovered, d.to-d.from
	if !usage.Agree(parts, there) {
		f.notes.Add(usage.PartsDisagree, fmt.Sprintf("%s: parts %.3f s, there for %.3f s", uuid, seconds(parts), seconds(there)))
	}
}

func seconds(ms int64) float64 { return float64(ms) / 1000 }
