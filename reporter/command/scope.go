package command

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/alecthomas/kingpin/v2"

	"github.com/gputally/gputally/reporter/upkeep"
	"github.com/gputally/gputally/reporter/window"
)

// scope says which hours a command is about.
type scope struct {
	clusters *[]string
	from, to *string
}

func addScope(c *kingpin.CmdClause, what string) scope {
	return scope{
		clusters: c.Flag("cluster", what+" this cluster only; may be repeated. Default: all that have closed hours.").Strings(),
		from:     c.Flag("from", "From the hour that contains this time on ("+timeHelp+"). Default: the first closed hour.").String(),
		to:       c.Flag("to", "Up to this time, in the same forms. Default: now.").String(),
	}
}

// window is the time of the scope.
func (s scope) window(env *Env) (window.Window, error) {
	from, err := env.parseTime("--from", *s.from)
	if err != nil {
		return window.Window{}, err
	}
	to, err := env.parseTime("--to", *s.to)
	if err != nil {
		return window.Window{}, err
	}
	if err := env.begun(from); err != nil {
		return window.Window{}, err
	}
	if to.IsZero() {
		to = env.Now().UTC()
	}
	if !from.Before(to) {
		return window.Window{}, misused("--from %s is not before --to %s", from.Format(time.RFC3339), to.Format(time.RFC3339))
	}
	return window.Window{From: from, To: to}, nil
}

// eachCluster runs a command for the clusters of a scope. What fails for one does
// not keep it from the others.
func (s scope) eachCluster(ctx context.Context, env *Env, do func(*upkeep.Cluster, window.Window) error) error {
	return s.eachAndAll(ctx, env, do, func(*Program, window.Window, []string) error { return nil })
}

// eachAndAll is eachCluster that runs another command for all clusters of the
// bucket together afterwards.
func (s scope) eachAndAll(ctx context.Context, env *Env, do func(*upkeep.Cluster, window.Window) error, together func(p *Program, w window.Window, all []string) error) error {
	w, err := s.window(env)
	if err != nil {
		return err
	}
	p, err := env.open(ctx)
	if err != nil {
		return err
	}
	all, err := p.allNames(ctx)
	if err != nil {
		return err
	}
	if err := checkNames(*s.clusters, all); err != nil {
		return err
	}
	names := slices.Sorted(slices.Values(*s.clusters))
	if len(names) == 0 {
		names = all
	}
	var failed []error
	for _, name := range names {
		if err := do(p.Upkeep(name), w); err != nil {
			failed = append(failed, fmt.Errorf("cluster %s: %w", name, err))
		}
	}
	return errors.Join(append(failed, together(p, w, all))...)
}
