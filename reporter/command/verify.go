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
	c := group.Command("verify", "Read closed hours and say what is wrong: checksums, sums, edges, daily tables, the index, GPUs in two clusters. Changes nothing; exit code 7 if something is.")
	s := addScope(c, "Verify")
	add(c, func(ctx context.Context, env *Env) error {
		return s.eachAndAll(ctx, env,
			func(c *upkeep.Cluster, w window.Window) error { return verify(ctx, env, c, w) },
			func(p *Program, w window.Window, all []string) error { return s.verifyClusters(ctx, env, p, w, all) })
	})
}

// verify prints what is wrong with a cluster's hours, or that nothing is.
func verify(ctx context.Context, env *Env, c *upkeep.Cluster, w window.Window) error {
	var found findings
	closed, err := c.Verify(ctx, w, found.printer(env))
	if err != nil {
		return err
	}
	if found > 0 {
		return fmt.Errorf("%w: %d findings in %d closed hours", ErrFindings, found, closed)
	}
	fmt.Fprintf(env.Stdout, "ok    cluster %s: %d closed hours are in order\n", c.Name(), closed)
	return nil
}

// verifyClusters prints the GPUs that two clusters of the bucket have for the same
// time. With --cluster, one of the two is named there.
func (s scope) verifyClusters(ctx context.Context, env *Env, p *Program, w window.Window, all []string) error {
	var found findings
	if err := p.Ledger.VerifyClusters(ctx, all, *s.clusters, w, found.printer(env)); err != nil {
		return err
	}
	if found > 0 {
		return fmt.Errorf("%w: %d findings between clusters", ErrFindings, found)
	}
	return nil
}

// findings counts what was found.
type findings int

// printer prints a finding and counts it.
func (n *findings) printer(env *Env) func(ledger.Finding) error {
	return func(f ledger.Finding) error {
		*n++
		_, err := fmt.Fprintf(env.Stdout, "BAD   %s\n", f)
		return err
	}
}
