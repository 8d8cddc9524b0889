package reporter

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gputally/gputally/reporter/ledger"
	"github.com/gputally/gputally/reporter/usage"
	"github.com/gputally/gputally/reporter/window"
)

// restated is what became of hours that were read again.
type restated struct {
	changed []window.Window // those of the run whose object is another one now
	beside  []window.Window // hours beside the run that changed with their edge
	kept    []error         // why hours stay as they are booked, oldest first
	empty   []error         // hours that are not closed and have no samples, oldest first
}

// restate reads a run of hours again, oldest first, and replaces those that
// changed. The edges within the run and at its ends are taken from the samples
// anew. Where a closed hour beside the run has another edge, that hour is read
// again too, with the new edge on this side and what is booked on its other
// side. If it can't be, because its samples are gone, its booked edge stays and
// the hour of the run takes it over. So hours add up in every case.
//
// Nothing is changed if an edge can't be read to which the hours beside the run
// are bound. Edges that were pruned bind nobody. Each step leaves whole hours
// behind, and doing it again does what a crash left undone.
func (c *cluster) restate(ctx context.Context, run []window.Window, may standard, step func(window.Window)) (restated, error) {
	var done restated
	if err := c.canAgree(ctx, run); err != nil {
		return done, err
	}
	for i, hour := range run {
		step(hour)
		beside, err := c.newEdge(ctx, run[:i], hour)
		if err != nil {
			return done, err
		}
		changed, err := c.rewrite(ctx, hour, beside, may)
		switch {
		case stays(err):
			if err := done.stay(ctx, c, hour, err); err != nil {
				return done, err
			}
		case err != nil:
			return done, err
		case changed:
			done.changed = append(done.changed, hour)
		}
	}
	return done, c.agreeAll(ctx, run, &done)
}

// canAgree makes sure that the hours beside a run can be made to agree with it:
// that the edges on both sides of them can be read.
func (c *cluster) canAgree(ctx context.Context, run []window.Window) error {
	if len(run) == 0 {
		return nil
	}
	whole := window.Window{From: run[0].From, To: run[len(run)-1].To}
	if c.pruned(whole.From) {
		c.log.Warn("Hours are restated whose edges are kept no longer; those that are gone are not compared with the hours beside them",
			"cluster", c.name, "hours", whole, "kept", c.retain.Edges)
	}
	if _, err := c.ledger.Neighbours(ctx, c.name, whole); err != nil {
		return err
	}
	for _, beside := range []window.Window{window.Hour(whole.From.Add(-1)), window.Hour(whole.To)} {
		booked, err := c.booked(ctx, beside)
		if err == nil && booked.Key != "" {
			_, err = c.ledger.Neighbours(ctx, c.name, beside)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// agreeAll is agree for many hours. Objects that can't be read don't keep the
// others from it.
func (c *cluster) agreeAll(ctx context.Context, hours []window.Window, done *restated) error {
	var failed []error
	for _, hour := range hours {
		err := c.agree(ctx, hour, done)
		if err == nil {
			continue
		}
		failed = append(failed, fmt.Errorf("compare the edges of hour %s: %w", hour.From.Format(time.RFC3339), err))
		edges, corrupt := (*ledger.EdgesError)(nil), (*ledger.CorruptError)(nil)
		if !errors.As(err, &edges) && !errors.As(err, &corrupt) {
			break
		}
	}
	return errors.Join(failed...)
}

// newEdge is the edge that the hours of a run so far have with the next one. If
// that is the first, its edge is free, but for what no sample near it tells of.
func (c *cluster) newEdge(ctx context.Context, run []window.Window, hour window.Window) (n usage.Neighbours, err error) {
	booked, err := c.booked(ctx, window.Hour(hour.From.Add(-1)))
	if err != nil || booked.Key == "" {
		return n, err
	}
	if len(run) == 0 || !run[len(run)-1].To.Equal(hour.From) {
		n, err = c.ledger.Carried(ctx, c.name, hour)
		return n, err
	}
	n, err = c.ledger.Before(ctx, c.name, hour)
	return n, err
}

// stay notes an hour that could not be read again.
func (r *restated) stay(ctx context.Context, c *cluster, hour window.Window, why error) error {
	booked, err := c.booked(ctx, hour)
	switch {
	case err != nil:
		return err
	case booked.Key == "":
		r.empty = append(r.empty, why)
	default:
		r.kept = append(r.kept, why)
	}
	return nil
}

// rewrite reads an hour again and tells whether its object is another one now.
func (c *cluster) rewrite(ctx context.Context, hour window.Window, beside usage.Neighbours, may standard) (changed bool, err error) {
	booked, err := c.booked(ctx, hour)
	if err != nil {
		return false, err
	}
	entry, err := c.write(ctx, hour, beside, func(now told) error { return may.check(ctx, c, booked, now) })
	if err != nil || entry.SHA256 == booked.SHA256 {
		return false, err
	}
	c.meter.restated.Add(1)
	return true, nil
}

// agree makes the hours beside one that was read anew agree with it on the edge
// between them. One that had no samples has no edges.
func (c *cluster) agree(ctx context.Context, anew window.Window, done *restated) error {
	if booked, err := c.booked(ctx, anew); err != nil || booked.Key == "" {
		return err
	}
	others, err := c.ledger.Disagree(ctx, c.name, anew)
	if err != nil {
		return err
	}
	for _, old := range others {
		c.meter.disagreed.Add(1)
		changed, err := c.rewriteBeside(ctx, old, noLess)
		if err == nil && changed {
			// What an hour carries on goes through it: its other edge has changed, too.
			done.beside = append(done.beside, old)
			if err := c.agree(ctx, old, done); err != nil {
				return err
			}
		}
		if err == nil {
			continue
		}
		if !stays(err) {
			return err
		}
		c.log.Warn("The samples of an hour are gone, so the hour beside it takes over the edge that it has booked",
			"cluster", c.name, "booked", old, "restated", anew, "why", err)
		if _, err = c.rewriteBeside(ctx, anew, nil); err != nil {
			return err
		}
	}
	return nil
}

// rewriteBeside rewrites an hour with the edges that the hours on both sides
// have booked.
func (c *cluster) rewriteBeside(ctx context.Context, hour window.Window, may standard) (changed bool, err error) {
	beside, err := c.ledger.Neighbours(ctx, c.name, hour)
	if err != nil {
		return false, err
	}
	return c.rewrite(ctx, hour, beside, may)
}

// restateCommand is close --restate of one cluster.
func restateCommand(ctx context.Context, env *environment, c *cluster, w window.Window, force bool) error {
	hours, err := c.toRestate(w, force)
	if err != nil {
		return err
	}
	if len(hours) == 0 {
		fmt.Fprintf(env.stdout, "No hour to restate%s.\n", ofSeveral(c))
		return nil
	}
	may := standard(noLess)
	if force {
		may = nil
	}
	step, wipe := env.progress("restating")
	n := 0
	done, err := c.restate(ctx, hours, may, func(hour window.Window) {
		n++
		step(fmt.Sprintf("hour %d of %d: %s", n, len(hours), hour.From.Format("2006-01-02 15:04")))
	})
	wipe()
	if edges := (*ledger.EdgesError)(nil); errors.As(err, &edges) {
		return fmt.Errorf("%d of %d hours changed: %w", len(done.changed), len(hours), err)
	}
	if err != nil {
		return fmt.Errorf("restating stopped after %d of %d hours changed; do it again to complete it: %w", len(done.changed), len(hours), err)
	}
	fmt.Fprintf(env.stdout, "Read %d hours of cluster %s again, %s to %s: %d changed",
		len(hours), c.name, hours[0].From.Format(time.RFC3339), hours[len(hours)-1].To.Format(time.RFC3339), len(done.changed))
	if n := len(done.beside); n > 0 {
		fmt.Fprintf(env.stdout, ", and %d beside them with their edges", n)
	}
	fmt.Fprintln(env.stdout, ".")
	return errors.Join(done.failure(len(hours)), c.tellOutdated(ctx, env.stdout, append(done.changed, done.beside...)))
}

// failure is the error of a command after which some hours are not what was
// asked for, nil if all are.
func (r restated) failure(hours int) error {
	if n := len(r.kept); n > 0 {
		return fmt.Errorf("%d of %d hours stay as they are booked; the first: %w", n, hours, r.kept[0])
	}
	if n := len(r.empty); n > 0 {
		return fmt.Errorf("%d of %d hours have no samples; the first: %w", n, hours, r.empty[0])
	}
	return nil
}

// toRestate lists the hours of a window that have settled, oldest first. Hours
// that are too old are refused, since reports that were made of them may have
// been paid for; none of the window is restated then.
func (c *cluster) toRestate(w window.Window, force bool) ([]window.Window, error) {
	var hours []window.Window
	now := c.now()
	for h := range w.Hours() {
		if !window.Closed(h, now, c.settle) {
			break
		}
		if age := now.Sub(h.To); !force && age > c.restateWithin {
			return nil, usageError{fmt.Errorf("hour %s ended %d days ago and ledger.restate_within allows %d; --force restates it all the same",
				h.From.Format(time.RFC3339), int(age.Hours()/24), int(c.restateWithin.Hours()/24))}
		}
		hours = append(hours, h)
	}
	return hours, nil
}
