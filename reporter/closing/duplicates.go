package closing

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/gputally/gputally/reporter/ledger"
	"github.com/gputally/gputally/reporter/usage"
	"github.com/gputally/gputally/reporter/window"
)

// movedMillis is the time for which two clusters may both have a GPU that moved
// from one to the other: what a restart hides.
const movedMillis = int64(5 * time.Minute / time.Millisecond)

// duplicateGPUs are the GPUs of an hour that another cluster has closed the same
// hour with. The configuration refuses clusters that read the same series as far
// as it can see; this sees the rest. It is nil where there is no other cluster.
type duplicateGPUs struct {
	clusters map[string]string // by GPU, the other cluster that has it
	millis   map[string]int64  // by GPU, the time in that cluster and in this one
}

// duplicateGPUs reads what the other clusters of the bucket have of the hour.
func (c *Cluster) duplicateGPUs(ctx context.Context, hour window.Window) (*duplicateGPUs, error) {
	known, err := c.cfg.Others.Clusters(ctx)
	if err != nil {
		return nil, err
	}
	known = slices.DeleteFunc(known, func(name string) bool { return name == c.cfg.Name })
	if len(known) == 0 {
		return nil, nil
	}
	d := &duplicateGPUs{clusters: map[string]string{}, millis: map[string]int64{}}
	for _, name := range known {
		err := c.cfg.Hours.Segments(ctx, name, hour, func(segments []usage.Segment) error {
			for _, s := range segments {
				if s.State != usage.Absent && s.UUID != "" {
					d.clusters[s.UUID] = name
					d.millis[s.UUID] += s.GPUMillis
				}
			}
			return nil
		})
		switch {
		case errors.Is(err, ledger.ErrHourMissing):
		case isDamaged(err): // that hour's own closing names it
			c.cfg.Log.Warn("An hour of another cluster can't be compared", "cluster", c.cfg.Name, "hour", hour, "err", err)
		case err != nil:
			return nil, err
		}
	}
	return d, nil
}

// add adds the time of this cluster.
func (d *duplicateGPUs) add(segments []usage.Segment) {
	if d == nil {
		return
	}
	for _, s := range segments {
		if _, both := d.clusters[s.UUID]; both && s.State != usage.Absent {
			d.millis[s.UUID] += s.GPUMillis
		}
	}
}

// note adds the GPUs that both have for more than the hour in all to the hour's
// findings, which are sorted by code.
func (d *duplicateGPUs) note(hour window.Window, all []usage.Finding) []usage.Finding {
	if d == nil {
		return all
	}
	var twice []string
	for uuid, millis := range d.millis {
		if millis > hour.Duration().Milliseconds()+movedMillis {
			twice = append(twice, fmt.Sprintf("%s (cluster %s)", uuid, d.clusters[uuid]))
		}
	}
	if len(twice) == 0 {
		return all
	}
	slices.Sort(twice)
	all = append(all, usage.Finding{Code: usage.GPUInTwoClusters, Count: len(twice), Named: twice[:min(len(twice), usage.MostNamed)]})
	usage.SortFindings(all)
	return all
}
