package usage

import (
	"cmp"
	"math"
	"slices"
)

// Tolerance is by how much a GPU's parts may miss the whole, in
// GPU-milliseconds, in addition to a thousandth of it: a scrape may show a poll of up
// to a second ago, meters round, and clocks differ.
const Tolerance = 2000

// drift is that thousandth.
const drift = 0.001

// Agree says whether two sums of GPU-milliseconds that should be equal are so
// within the tolerance.
func Agree(a, b int64) bool {
	return math.Abs(float64(a)-float64(b)) <= Tolerance+drift*float64(max(a, b))
}

// Holding is a share of one GPU that was held for a time.
type Holding struct {
	From, To int64 // Unix ms
	Share    float64
}

// Overheld is for how many GPU-milliseconds more was held of one GPU than there
// is, in a window of so many milliseconds: 0 within the tolerance.
func Overheld(holdings []Holding, window int64) float64 {
	if len(holdings) < 2 {
		return 0
	}
	type change struct {
		at int64
		by float64
	}
	changes := make([]change, 0, 2*len(holdings))
	for _, h := range holdings {
		changes = append(changes, change{h.From, h.Share}, change{h.To, -h.Share})
	}
	slices.SortFunc(changes, func(a, b change) int { return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.by, b.by)) })
	var sum, excess float64
	for i, c := range changes {
		if i > 0 && sum > 1 {
			excess += (sum - 1) * float64(c.at-changes[i-1].at)
		}
		sum += c.by
	}
	if excess <= Tolerance+drift*float64(window) {
		return 0
	}
	return excess
}
