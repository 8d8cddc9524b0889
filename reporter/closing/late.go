package closing

import (
	"time"

	"github.com/gputally/gputally/reporter/index"
	"github.com/gputally/gputally/reporter/window"
)

// RereadReach is how long after its end an hour may be read again because samples
// may have arrived late.
const RereadReach = 48 * time.Hour

// RereadAfter lists how long after it settled an hour with gaps is read again. By
// the first time a remote write that was held up has arrived, by the second a
// block that was shipped to an object store.
func RereadAfter() []time.Duration { return []time.Duration{time.Hour, 24 * time.Hour} }

// Reread is an hour that is to be read again.
type Reread struct {
	Hour window.Window
	Turn int // 1 for the first time of RereadAfter, and so on; missed turns are not made up
}

// rereads lists those of the closed hours that have gaps and for which a time of
// RereadAfter has come. Nobody remembers here which of them were read again.
func (c *Cluster) rereads(closed []index.HourRecord) (all []Reread) {
	now := c.cfg.Now()
	for _, h := range closed {
		if h.Coverage.Uncovered == 0 || !h.To.After(now.Add(-RereadReach)) {
			continue
		}
		turn := 0
		for i, wait := range RereadAfter() {
			if now.Sub(h.To)-c.cfg.Settle >= wait {
				turn = i + 1
			}
		}
		if turn > 0 {
			all = append(all, Reread{h.Window(), turn})
		}
	}
	return all
}
