package reporter

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/alecthomas/kingpin/v2"

	"github.com/gputally/gputally/reporter/ledger"
	"github.com/gputally/gputally/reporter/window"
)

// addLedger adds the commands about the closed hours in the bucket.
func addLedger(app *kingpin.Application) map[string]command {
	group := app.Command("ledger", "The closed hours in the bucket.")
	commands := map[string]command{}
	for _, add := range []func(*kingpin.CmdClause) (string, command){addVerify, addCompact, addPrune, addCoverage} {
		name, c := add(group)
		commands[name] = c
	}
	return commands
}

// scope says which hours a command is about.
type scope struct {
	clusters *[]string
	from, to *string
}

func addScope(c *kingpin.CmdClause, what string) scope {
	return scope{
		clusters: c.Flag("cluster", what+" this cluster only; may be repeated. Default: all that have closed hours.").Strings(),
		from:     c.Flag("from", "From the hour that contains this time on (RFC 3339). Default: the first closed hour.").String(),
		to:       c.Flag("to", "Up to this time (RFC 3339). Default: now.").String(),
	}
}

// window is the time of the scope.
func (s scope) window(env *environment) (window.Window, error) {
	from, err := parseTime("--from", *s.from)
	if err != nil {
		return window.Window{}, err
	}
	to, err := parseTime("--to", *s.to)
	if err != nil {
		return window.Window{}, err
	}
	if to.IsZero() {
		to = env.opts.Now().UTC()
	}
	if !from.Before(to) {
		return window.Window{}, usageError{fmt.Errorf("--from %s is not before --to %s", from.Format(time.RFC3339), to.Format(time.RFC3339))}
	}
	return window.Window{From: from, To: to}, nil
}

// kept are the clusters of the bucket with these names, or all of the
// configuration and of the ledger. Those that are not configured can be looked
// at all the same.
func (b *books) kept(ctx context.Context, names []string) ([]*cluster, error) {
	known, err := b.known(ctx)
	if err != nil {
		return nil, err
	}
	if err := areAmong(names, known); err != nil {
		return nil, err
	}
	if len(names) == 0 {
		names = known
	}
	var all []*cluster
	for _, name := range slices.Sorted(slices.Values(names)) {
		c := b.cluster(name)
		if c == nil {
			c = &cluster{books: b, name: name, meter: newMeter()}
		}
		all = append(all, c)
	}
	return all, nil
}

// known are the clusters of the configuration and those that have closed hours.
func (b *books) known(ctx context.Context) ([]string, error) {
	known, err := b.index.Clusters(ctx)
	if err != nil {
		return nil, err
	}
	known = append(known, b.names()...)
	slices.Sort(known)
	return slices.Compact(known), nil
}

// eachCluster runs a command for the clusters of a scope. What fails for one
// does not keep it from the others.
func (s scope) eachCluster(ctx context.Context, env *environment, do func(*cluster, window.Window) error) error {
	w, err := s.window(env)
	if err != nil {
		return err
	}
	b, err := openBooks(ctx, env)
	if err != nil {
		return err
	}
	clusters, err := b.kept(ctx, *s.clusters)
	if err != nil {
		return err
	}
	var failed []error
	for _, c := range clusters {
		if err := do(c, w); err != nil {
			failed = append(failed, fmt.Errorf("cluster %s: %w", c.name, err))
		}
	}
	return errors.Join(failed...)
}

func addCompact(group *kingpin.CmdClause) (string, command) {
	c := group.Command("compact", "Make the daily table of the days whose hours are closed, or were restated since. Serve does so every night.")
	s := addScope(c, "Compact")
	giveUp := c.Flag("give-up", "Of each whole day from --from to --to whose table is damaged, give up the hours that it alone held and can't be restated. What is left of it moves to the history.").Bool()
	return c.FullCommand(), func(ctx context.Context, env *environment) error {
		if *giveUp && (*s.from == "" || *s.to == "") {
			return usageError{errors.New("compact --give-up needs --from and --to")}
		}
		return s.eachCluster(ctx, env, func(c *cluster, w window.Window) error {
			compact := c.compactDue
			if *giveUp {
				compact = c.compactGivingUp
			}
			days, err := compact(ctx, w)
			fmt.Fprintf(env.stdout, "Compacted %d days of cluster %s.\n", days, c.name)
			return err
		})
	}
}

func addPrune(group *kingpin.CmdClause) (string, command) {
	c := group.Command("prune", "Delete what is older than ledger.retain keeps it, and edges that no hour names. Serve does so every night.")
	clusters := c.Flag("cluster", "Prune this cluster only; may be repeated. Default: all that have closed hours.").Strings()
	dry := c.Flag("dry-run", "Say what would be deleted, and delete nothing.").Bool()
	return c.FullCommand(), func(ctx context.Context, env *environment) error {
		s := scope{clusters: clusters, from: new(string), to: new(string)}
		return s.eachCluster(ctx, env, func(c *cluster, _ window.Window) error {
			pruned, err := c.prune(ctx, *dry)
			did := "Deleted"
			if *dry {
				did = "Would delete"
			}
			fmt.Fprintf(env.stdout, "%s %d objects of cluster %s, %d bytes: %s.\n", did, objects(pruned), c.name, size(pruned), parts(pruned))
			return err
		})
	}
}

// parts tells what a pruning deleted.
func parts(p ledger.Pruned) string {
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
