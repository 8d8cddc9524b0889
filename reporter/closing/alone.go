package closing

import (
	"context"

	"github.com/gputally/gputally/reporter/ledger"
	"github.com/gputally/gputally/reporter/usage"
	"github.com/gputally/gputally/reporter/window"
)

// CloseAlone is Close for an hour that seems to have no closed neighbour. It reads
// the source first, and looks into the ledger only if there are samples. So an
// hour without samples costs the bucket no request. If the hour or a neighbour is
// closed after all, the hour is read again as Close does it.
func (c *Cluster) CloseAlone(ctx context.Context, hour window.Window) (ledger.Entry, error) {
	return c.begin().closeAlone(ctx, hour)
}

func (c *closer) closeAlone(ctx context.Context, hour window.Window) (ledger.Entry, error) {
	r, err := c.read(ctx, hour, usage.Neighbours{})
	if err != nil {
		return ledger.Entry{}, err
	}
	stored, err := c.stored(ctx, hour)
	if err != nil {
		return ledger.Entry{}, err
	}
	neighbours, err := c.ledger.Neighbours(ctx, c.cfg.Name, hour)
	if err != nil {
		return ledger.Entry{}, err
	}
	if stored.Key != "" || !isNone(neighbours) {
		return c.close(ctx, hour)
	}
	return c.commitSettled(ctx, r)
}

// isNone tells whether an hour has nothing to take over from its neighbours.
func isNone(n usage.Neighbours) bool {
	return n.Before == nil && n.After == nil && n.Carried == nil && n.Devices == nil && n.Carry == nil && n.Since.IsZero()
}
