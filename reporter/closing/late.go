package closing

import (
	"context"
	"time"

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

// Rereads lists the closed hours with gaps for which a time of RereadAfter has
// come, oldest first. It does not know which of them were read again already.
func (c *Cluster) Rereads(ctx context.Context) ([]Reread, error) {
	now := c.cfg.Now()
	closed, err := c.cfg.Index.Hours(ctx, c.cfg.Name, window.Window{From: now.UTC().Add(-RereadReach), To: now.UTC()})
	if err != nil {
		return nil, err
	}
	var all []Reread
	for _, h := range closed {
		if h.Coverage.Uncovered == 0 {
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
	return all, nil
}
