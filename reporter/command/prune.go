package command

import (
	"context"
	"fmt"

	"github.com/alecthomas/kingpin/v2"

	"github.com/gputally/gputally/reporter/ledger"
	"github.com/gputally/gputally/reporter/upkeep"
	"github.com/gputally/gputally/reporter/window"
)

func addPrune(group *kingpin.CmdClause, add adder) {
	c := group.Command("prune", "Delete what is older than ledger.retain keeps it, and edges that no hour names. Serve does so every night.")
	clusters := c.Flag("cluster", "Prune this cluster only; may be repeated. Default: all that have closed hours.").Strings()
	dry := c.Flag("dry-run", "Say what would be deleted, and delete nothing.").Bool()
	add(c, func(ctx context.Context, env *Env) error {
		s := scope{clusters: clusters, from: new(string), to: new(string)}
		return s.eachCluster(ctx, env, func(c *upkeep.Cluster, _ window.Window) error {
			pruned, err := c.Prune(ctx, *dry)
			did := "Deleted"
			if *dry {
				did = "Would delete"
			}
			total := pruned.Total()
			fmt.Fprintf(env.Stdout, "%s %d objects of cluster %s, %d bytes: %s.\n", did, total.Objects, c.Name(), total.Bytes, kinds(pruned))
			return err
		})
	})
}

// kinds says which kinds of objects a pruning deleted.
func kinds(p ledger.Pruned) string {
	text := fmt.Sprintf("%d hourly, %d daily, %d of the history, %d of edges",
		p.Hourly.Objects, p.Daily.Objects, p.History.Objects, p.Edges.Objects)
	if p.Kept > 0 {
		text += fmt.Sprintf("; %d hours stay until they are compacted", p.Kept)
	}
	if p.Forgotten > 0 {
		text += fmt.Sprintf("; %d hours are closed no more", p.Forgotten)
	}
	return text
}
