package reporter

import (
	"context"

	"github.com/gputally/gputally/reporter/closing"
	"github.com/gputally/gputally/reporter/prom"
	"github.com/gputally/gputally/reporter/usage"
	"github.com/gputally/gputally/reporter/window"
)

// previewer reads hours that are not closed.
type previewer interface {
	Hour(ctx context.Context, w window.Window) (usage.Hour, error)
}

// cluster is one whose hours this process closes.
type cluster struct {
	*books
	name    string
	hours   *closing.Cluster
	preview previewer
	clients []*prom.Client // one for each server, to ask what it is
	meter   *meter
}

// counted counts what became of hours that were read again.
func (c *cluster) counted(r closing.Restated) closing.Restated {
	c.meter.restated.Add(int64(r.Rewrites))
	c.meter.disagreed.Add(int64(r.Disagreed))
	return r
}
