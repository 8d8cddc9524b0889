//go:build linux && cgo

package nvml

import (
	"math"

	"github.com/NVIDIA/go-nvml/pkg/nvml"
)

// No card can be set to less than minWatts or more than maxWatts: an answer beyond
// them is none.
const (
	minWatts = 5
	maxWatts = 10_000
)

// limit is the highest power limit that a GPU can be set to.
type limit struct {
	known bool // the driver said it, or can't
	watts *float64
}

// maxPower asks for the highest power limit in watts until the driver answers;
// where it does not know that, the card's default limit is the next best.
func (q *query) maxPower(h nvml.Device) *float64 {
	l := &q.past.limit
	if l.known {
		return l.watts
	}
	most, ret := call(q, fnMaxPower, func() (uint32, nvml.Return) {
		_, most, ret := h.GetPowerManagementLimitConstraints()
		return most, ret
	})
	if unsupported(ret) {
		most, ret = call(q, fnDefaultPower, h.GetPowerManagementDefaultLimit)
	}
	watts := math.Round(float64(most)) / 1000
	switch {
	case ret == nvml.SUCCESS && watts >= minWatts && watts <= maxWatts:
		*l = limit{known: true, watts: &watts}
	case unsupported(ret):
		l.known = true
	}
	return l.watts
}
