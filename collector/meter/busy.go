package meter

import (
	"time"

	"github.com/gputally/gputally/collector/device"
)

// maxLate is the most busy time that is carried to the next step when the driver's
// samples come late. The driver takes one each second at the least.
const maxLate = 1.0 // seconds

// busy follows a source's own integral of busy time (device.Reading.Active).
type busy struct {
	last float64
	late float64 // seconds that did not fit into the steps before
	open bool    // last is of the step before
}

// ratio is the share of the step d during which the GPU or the instance was
// busy: by the integral if it was known at both ends, else by the rate at the
// end; nil if neither is known. An integral that fell has begun again.
func (b *busy) ratio(r device.Reading, d time.Duration) *float64 {
	if r.Active == nil {
		*b = busy{}
		return r.Utilization
	}
	grown := *r.Active - b.last
	if !b.open || grown < 0 {
		*b = busy{last: *r.Active, open: true}
		return r.Utilization
	}
	if d <= 0 {
		return r.Utilization
	}
	b.last = *r.Active
	most := d.Seconds()
	pending := b.late + grown
	done := min(pending, most)
	b.late = min(pending-done, maxLate)
	done /= most
	return &done
}

// lose closes the current stretch.
func (b *busy) lose() { *b = busy{} }
