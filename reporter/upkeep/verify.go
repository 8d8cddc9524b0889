package upkeep

import (
	"context"

	"github.com/gputally/gputally/reporter/ledger"
	"github.com/gputally/gputally/reporter/window"
)

// Verify reads the closed hours of a window and calls yield with whatever is
// wrong: in the hours, their edges, the daily tables, and the index. It changes
// nothing and returns how many hours are closed. Errors: yield's, and those that
// keep it from going on.
func (c *Cluster) Verify(ctx context.Context, w window.Window, yield func(ledger.Finding) error) (closed int, err error) {
	v := ledger.Verification{Window: w}
	for object, err := range c.cfg.Ledger.List(ctx, c.cfg.Name, w) {
		if err != nil {
			return closed, err
		}
		if closed == 0 && object.Window.From.After(w.From) { // no earlier day has anything
			v.Window.From = object.Window.From
		}
		closed++
	}
	if c.cfg.Retain.Edges > 0 {
		v.EdgesSince = c.cfg.Now().Add(-c.cfg.Retain.Edges)
	}
	if err := c.cfg.Ledger.Verify(ctx, c.cfg.Name, v, yield); err != nil {
		return closed, err
	}
	return closed, c.cfg.Index.Verify(ctx, c.cfg.Ledger, c.cfg.Name, w, yield)
}
