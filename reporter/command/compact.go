package command

import (
	"context"
	"fmt"

	"github.com/alecthomas/kingpin/v2"

	"github.com/gputally/gputally/reporter/upkeep"
	"github.com/gputally/gputally/reporter/window"
)

func addCompact(group *kingpin.CmdClause, add adder) {
	c := group.Command("compact", "Make the daily table of the days whose hours are closed, or were restated since, and with --from and --to of each whole day between them, as after damage. Serve does so every night.")
	s := addScope(c, "Compact")
	giveUp := c.Flag("give-up", "Of each whole day from --from to --to whose table is damaged, give up the hours that it alone held and can't be restated. What is left of it moves to the history.").Bool()
	add(c, func(ctx context.Context, env *Env) error {
		between := *s.from != "" && *s.to != ""
		if *giveUp && !between {
			return misused("compact --give-up needs --from and --to")
		}
		return s.eachCluster(ctx, env, func(c *upkeep.Cluster, w window.Window) error {
			compact := c.CompactDue
			if between {
				compact = func(ctx context.Context, w window.Window) (int, error) { return c.CompactWhole(ctx, w, *giveUp) }
			}
			days, err := compact(ctx, w)
			fmt.Fprintf(env.Stdout, "Compacted %d days of cluster %s.\n", days, c.Name())
			return err
		})
	})
}
