package reporter

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

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

// verify prints what is wrong with a cluster's hours, and a line that says how
// many hours were looked at.
func verify(ctx context.Context, env *environment, c *cluster, w window.Window) error {
	found := 0
	tell := func(f fmt.Stringer) error {
		found++
		_, err := fmt.Fprintf(env.stdout, "BAD   %s\n", f)
		return err
	}
	closed := map[time.Time]bool{}
	first := w
	for object, err := range c.ledger.List(ctx, c.name, w) {
		if err != nil {
			return inBucket(err)
		}
		if len(closed) == 0 { // no day before the first hour needs to be looked for
			first.From = object.Window.From
		}
		closed[object.Window.From] = true
	}
	if first.From.Before(w.From) {
		first.From = w.From
	}
	v := ledger.Verification{Window: first}
	if c.retain.Edges > 0 {
		v.EdgesSince = c.now().Add(-c.retain.Edges)
	}
	if err := c.ledger.Verify(ctx, c.name, v, func(f ledger.Finding) error { return tell(f) }); err != nil {
		return inBucket(err)
	}
	if err := c.verifyIndex(ctx, w, closed, tell); err != nil {
		return err
	}
	if found > 0 {
		return fmt.Errorf("%w: %d findings in %d hours", errFindings, found, len(closed))
	}
	fmt.Fprintf(env.stdout, "ok    cluster %s: %d closed hours are in order\n", c.name, len(closed))
	return nil
}

// verifyIndex compares which hours are closed with what the index says.
func (c *cluster) verifyIndex(ctx context.Context, w window.Window, closed map[time.Time]bool, tell func(fmt.Stringer) error) error {
	records, err := c.index.Hours(ctx, c.name, w)
	if err != nil {
		return inBucket(err)
	}
	known := map[time.Time]bool{}
	for _, r := range records {
		known[r.From] = true
		if !closed[r.From] {
			if err := tell(unindexed{r.Window(), "is in the index and not in the ledger"}); err != nil {
				return err
			}
		}
	}
	for _, from := range slices.SortedFunc(maps.Keys(closed), time.Time.Compare) {
		if !known[from] {
			if err := tell(unindexed{window.Hour(from), "is closed and not in the index"}); err != nil {
				return err
			}
		}
	}
	return nil
}

// unindexed is an hour of which index and ledger say different things.
type unindexed struct {
	hour window.Window
	what string
}

func (u unindexed) String() string {
	return fmt.Sprintf("index: hour %s %s; make the index again with gputally-reporter index rebuild", u.hour.From.Format(time.RFC3339), u.what)
}
