package upkeep

import (
	"context"

	"github.com/gputally/gputally/reporter/ledger"
	"github.com/gputally/gputally/reporter/window"
)

// Prune deletes what is older than its retention and takes hours that are gone
// for good out of the index. With dry it only finds out what it would delete. The
// result is good also if there is an error. Errors: those of ledger.Prune, the index's.
func (c *Cluster) Prune(ctx context.Context, dry bool) (ledger.Pruned, error) {
	p := ledger.Pruning{Retention: c.cfg.Retain, Now: c.cfg.Now(), DryRun: dry}
	if !dry {
		p.Forget = func(ctx context.Context, hours []window.Window) error {
			return c.cfg.Index.ForgetHours(ctx, c.cfg.Name, hours)
		}
	}
	return c.cfg.Ledger.Prune(ctx, c.cfg.Name, p)
}
