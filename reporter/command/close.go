package command

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/alecthomas/kingpin/v2"

	"github.com/gputally/gputally/reporter/closing"
	"github.com/gputally/gputally/reporter/source"
	"github.com/gputally/gputally/reporter/window"
)

// mostParallel bounds how many hours are closed at once, for the sake of the
// memory of each and of the server that all of them read.
const mostParallel = 16

func addClose(app *kingpin.Application, add adder) {
	c := app.Command("close", "Close the hours that have settled and are not closed yet, oldest first.")
	f := &closeFlags{
		from:     c.Flag("from", "Close from the hour that contains this time on ("+timeHelp+"). Default: 24 hours back, or after the last closed hour if that is longer ago.").String(),
		to:       c.Flag("to", "Close up to this time, in the same forms. Default: all that has settled.").String(),
		clusters: c.Flag("cluster", "Close this cluster only; may be repeated.").Strings(),
		parallel: c.Flag("parallel", "How many days to close at once, to backfill many hours sooner. Each takes the memory of one closing.").Default("1").Int(),
		restate:  c.Flag("restate", "Read closed hours again and replace those that changed; needs --from and --to.").Bool(),
		dry:      c.Flag("dry-run", "Say which hours would be closed, or read again with --restate, and change nothing.").Bool(),
		accept:   c.Flag("accept-incomplete", "Close also hours for which the server's answers lack series that must be there. What lacks is the finding read_incomplete. Only for series that are lost for good.").Bool(),
		force:    c.Flag("force", "With --restate: also hours older than ledger.restate_within, and also if samples account for less of an hour now than when it was closed.").Bool(),
	}
	add(c, f.run)
}

type closeFlags struct {
	from, to       *string
	clusters       *[]string
	parallel       *int
	restate, force *bool
	dry            *bool
	accept         *bool
}

// times parses and checks the flags. Zero times stand for the defaults.
func (f *closeFlags) times(env *Env) (begin, end time.Time, err error) {
	switch {
	case *f.restate && (*f.from == "" || *f.to == ""):
		return begin, end, misused("close --restate needs --from and --to")
	case *f.force && !*f.restate:
		return begin, end, misused("close --force needs --restate")
	case *f.parallel < 1 || *f.parallel > mostParallel:
		return begin, end, misused("--parallel: %d is not between 1 and %d", *f.parallel, mostParallel)
	case *f.restate && *f.parallel > 1:
		return begin, end, misused("close --restate goes hour by hour; leave --parallel away")
	}
	if begin, err = env.parseTime("--from", *f.from); err != nil {
		return begin, end, err
	}
	if err := env.begun(begin); err != nil {
		return begin, end, err
	}
	if end, err = env.parseTime("--to", *f.to); err != nil {
		return begin, end, err
	}
	if *f.from != "" && *f.to != "" && !begin.Before(end) {
		return begin, end, misused("--from %s is not before --to %s", *f.from, *f.to)
	}
	return begin, end, nil
}

// outagePatience is how long close waits for a Prometheus that goes away: the restart
// of a big one takes some minutes.
const outagePatience = 5 * time.Minute

// run closes cluster by cluster. What fails for one does not keep the others
// from being closed.
func (f *closeFlags) run(ctx context.Context, env *Env) error {
	begin, end, err := f.times(env)
	if err != nil {
		return err
	}
	env.Patience = outagePatience
	p, err := env.open(ctx)
	if err != nil {
		return err
	}
	clusters, err := p.chosen(*f.clusters)
	if err != nil {
		return err
	}
	var failed []error
	for _, c := range clusters {
		if *f.accept {
			c.Closing = c.Closing.Accepting()
		}
		if err := f.close(ctx, env, p, c, begin, end); err != nil {
			if len(clusters) > 1 {
				err = fmt.Errorf("cluster %s: %w", c.Name, err)
			}
			failed = append(failed, err)
		}
	}
	return errors.Join(failed...)
}

func (f *closeFlags) close(ctx context.Context, env *Env, p *Program, c Cluster, begin, end time.Time) error {
	if *f.restate {
		return f.restateHours(ctx, env, p, c, window.Window{From: begin, To: end})
	}
	if begin.IsZero() {
		var err error
		if begin, err = c.Closing.Resume(ctx); err != nil {
			return err
		}
	}
	if end.IsZero() {
		end = env.Now().UTC()
	}
	if !begin.Before(end) { // of a --to alone; both flags are compared in times
		fmt.Fprintf(env.Stdout, "No hour to close%s: --to %s is not after %s, where closing goes on. For earlier hours, give --from, too.\n",
			ofCluster(p, c), *f.to, begin.Format(time.RFC3339))
		return nil
	}
	err := f.closeDue(ctx, env, p, c, window.Window{From: begin, To: end})
	if *f.parallel > 1 && !*f.dry {
		_, alignErr := c.Closing.AlignDays(ctx, window.Window{From: begin, To: end})
		err = errors.Join(err, alignErr)
	}
	if *f.from == "" && (err == nil || errors.Is(err, source.ErrNoData)) {
		sayOlder(ctx, env, p, c, begin)
	}
	return err
}

// closeDue closes the hours that begin in a window and are due.
func (f *closeFlags) closeDue(ctx context.Context, env *Env, p *Program, c Cluster, w window.Window) error {
	hours, err := c.Closing.Due(ctx, w.From)
	if err != nil {
		return err
	}
	hours = slices.DeleteFunc(hours, func(d closing.Due) bool { return !d.Hour.From.Before(w.To) })
	hours, empty, err := within(ctx, env, p, c, hours, func(d closing.Due) window.Window { return d.Hour })
	if err != nil {
		return err
	}
	if len(hours) == 0 {
		fmt.Fprintf(env.Stdout, "No hour to close%s from %s to %s.\n", ofCluster(p, c), w.From.Format(time.RFC3339), w.To.UTC().Truncate(time.Second).Format(time.RFC3339))
		return lacking(empty, len(empty))
	}
	if *f.dry {
		sayHours(env, "close", c.Name, hours, func(d closing.Due) window.Window { return d.Hour })
		return nil
	}
	step, wipe := env.progress("closing")
	began := env.Now()
	done, err := c.Closing.CloseAll(ctx, hours, *f.parallel, func(n int, hour window.Window) { step(hourOf(n, len(hours), hour)) })
	wipe()
	if err != nil {
		return fmt.Errorf("%d of %d hours closed: %w", done.Closed, len(hours), err)
	}
	fmt.Fprintf(env.Stdout, "Closed %d hours of cluster %s, %s to %s: %d segments in %s.\n",
		done.Closed, c.Name, hours[0].Hour.From.Format(time.RFC3339), hours[len(hours)-1].Hour.To.Format(time.RFC3339),
		done.Segments, env.Now().Sub(began).Round(10*time.Millisecond))
	return lacking(append(done.Empty, empty...), len(hours)+len(empty))
}

// sayHours says which hours of a cluster a dry run would work on: each run of
// consecutive ones on a line.
func sayHours[H any](env *Env, verb, cluster string, hours []H, of func(H) window.Window) {
	fmt.Fprintf(env.Stdout, "Would %s %d hours of cluster %s:\n", verb, len(hours), cluster)
	for i := 0; i < len(hours); {
		run := of(hours[i])
		for i++; i < len(hours) && of(hours[i]).From.Equal(run.To); i++ {
			run.To = of(hours[i]).To
		}
		fmt.Fprintf(env.Stdout, "  %s to %s: %d hours\n", run.From.Format(time.RFC3339), run.To.Format(time.RFC3339), int(run.Duration()/time.Hour))
	}
}

// hourOf says how far a long work has come.
func hourOf(n, all int, hour window.Window) string {
	return fmt.Sprintf("hour %d of %d: %s", n, all, hour.From.Format("2006-01-02 15:04"))
}

// ofCluster names the cluster where there are more than one.
func ofCluster(p *Program, c Cluster) string {
	if len(p.Clusters) == 1 {
		return ""
	}
	return " of cluster " + c.Name
}
