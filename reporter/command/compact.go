package command

import (
	"context"
	"fmt"

	"github.com/alecthomas/kingpin/v2"

	"github.com/gputally/gputally/reporter/upkeep"
	"github.com/gputally/gputally/reporter/window"
)

func addCompact(group *kingpin.CmdClause, add adder) {
	c := group.Command("compact", "Make the daily table of the days whose hours are closed, or were restated since. Serve does so every night.")
	s := addScope(c, "Compact")
	giveUp := c.Flag("give-up", "Of each whole day from --from to --to whose table is damaged, give up the hours that it alone held and can't be restated. What is left of it moves to the history.").Bool()
	add(c, func(ctx context.Context, env *Env) error {
		if *giveUp && (*s.from == "" || *s.to == "") {
			return misused("compact --give-up needs --from and --to")
		}
		return s.eachCluster(ctx, env, func(c *upkeep.Cluster, w window.Window) error {
			compact := c.CompactDue
			if *giveUp {
				compact = c.CompactGivingUp
			}
			days, err := compact(ctx, w)
			fmt.Fprintf(env.Stdout, "Compacted %d days of cluster %s.\n", days, c.Name())
			return err
		})
	})
}
