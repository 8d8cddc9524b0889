package reporter

import (
	"context"
	"fmt"

	"github.com/alecthomas/kingpin/v2"

	"github.com/gputally/gputally/reporter/ledger"
	"github.com/gputally/gputally/reporter/window"
)

func addVerify(group *kingpin.CmdClause) (string, command) {
	c := group.Command("verify", "Read closed hours and say what is wrong: checksums, sums, edges, daily tables, the index. Changes nothing; exit code 7 if something is.")
	s := addScope(c, "Verify")
	return c.FullCommand(), func(ctx context.Context, env *environment) error {
		return s.eachCluster(ctx, env, func(c *cluster, w window.Window) error { return verify(ctx, env, c, w) })
	}
}

// verify prints what is wrong with a cluster's hours, or that nothing is.
func verify(ctx context.Context, env *environment, c *cluster, w window.Window) error {
	found, closed := 0, 0
	tell := func(f ledger.Finding) error {
		found++
		_, err := fmt.Fprintf(env.stdout, "BAD   %s\n", f)
		return err
	}
	v := ledger.Verification{Window: w}
	for object, err := range c.ledger.List(ctx, c.name, w) {
		if err != nil {
			return err
		}
		if closed == 0 && object.Window.From.After(w.From) { // no day before needs to be looked for
			v.Window.From = object.Window.From
		}
		closed++
	}
	if c.retain.Edges > 0 {
		v.EdgesSince = c.now().Add(-c.retain.Edges)
	}
	if err := c.ledger.Verify(ctx, c.name, v, tell); err != nil {
		return err
	}
	if err := c.index.Verify(ctx, c.ledger, c.name, w, tell); err != nil {
		return err
	}
	if found > 0 {
		return fmt.Errorf("%w: %d findings in %d closed hours", errFindings, found, closed)
	}
	fmt.Fprintf(env.stdout, "ok    cluster %s: %d closed hours are in order\n", c.name, closed)
	return nil
}
