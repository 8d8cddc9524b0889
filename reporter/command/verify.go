package command

import (
	"context"
	"fmt"

	"github.com/alecthomas/kingpin/v2"

	"github.com/gputally/gputally/reporter/ledger"
	"github.com/gputally/gputally/reporter/upkeep"
	"github.com/gputally/gputally/reporter/window"
)

func addVerify(group *kingpin.CmdClause, add adder) {
	c := group.Command("verify", "Read closed hours and say what is wrong: checksums, sums, edges, daily tables, the index. Changes nothing; exit code 7 if something is.")
	s := addScope(c, "Verify")
	add(c, func(ctx context.Context, env *Env) error {
		return s.eachCluster(ctx, env, func(c *upkeep.Cluster, w window.Window) error { return verify(ctx, env, c, w) })
	})
}

// verify prints what is wrong with a cluster's hours, or that nothing is.
func verify(ctx context.Context, env *Env, c *upkeep.Cluster, w window.Window) error {
	found := 0
	closed, err := c.Verify(ctx, w, func(f ledger.Finding) error {
		found++
		_, err := fmt.Fprintf(env.Stdout, "BAD   %s\n", f)
		return err
	})
	if err != nil {
		return err
	}
	if found > 0 {
		return fmt.Errorf("%w: %d findings in %d closed hours", ErrFindings, found, closed)
	}
	fmt.Fprintf(env.Stdout, "ok    cluster %s: %d closed hours are in order\n", c.Name(), closed)
	return nil
}
