package closing

import (
	"context"
	"fmt"
	"time"

	"github.com/gputally/gputally/reporter/usage"
	"github.com/gputally/gputally/reporter/window"
)

// Restated is what became of hours that were read again. It is filled as far as
// the work came, also if there is an error.
type Restated struct {
	Changed    []window.Window // hours of the run whose object changed
	Neighbours []window.Window // hours outside the run that changed with their edge
	Kept       []error         // one for each hour that stays as it is stored, oldest first
	Empty      []error         // one for each hour that is not closed and has no samples, oldest first

	Rewrites  int // of hours; an hour of the run counts twice if it took over a neighbour's edge
	Disagreed int // edges on which neighbours did not agree
}

// Hours are all hours that changed.
func (r Restated) Hours() []window.Window {
	return append(r.Changed[:len(r.Changed):len(r.Changed)], r.Neighbours...)
}

// Restate reads a run of consecutive hours again, oldest first, and replaces
// those that changed, as far as the guard allows. Then it makes the neighbours of
// the run agree with it. An edge that was pruned can't disagree.
//
// Restate changes nothing if it can't read an edge that the neighbours of the run
// are bound to. Every step leaves whole hours behind, so to repeat a Restate that
// was cut off completes it. begin is called before each hour.
func (c *Cluster) Restate(ctx context.Context, run []window.Window, guard Guard, begin func(window.Window)) (Restated, error) {
	return c.begin().restate(ctx, run, guard, begin)
}

func (c *closer) restate(ctx context.Context, run []window.Window, guard Guard, begin func(window.Window)) (Restated, error) {
	var done Restated
	if err := c.checkEdges(ctx, run); err != nil {
		return done, err
	}
	for i, hour := range run {
		begin(hour)
		neighbours, err := c.openingEdge(ctx, run[:i], hour)
		if err != nil {
			return done, err
		}
		changed, err := c.rewrite(ctx, hour, neighbours, guard, &done)
		switch {
		case stays(err):
			if err := c.keep(ctx, hour, err, &done); err != nil {
				return done, err
			}
		case err != nil:
			return done, err
		case changed:
			done.Changed = append(done.Changed, hour)
		}
	}
	return done, c.alignAll(ctx, run, &done)
}

// openingEdge is the edge with which an hour of a run begins. It is the closing
// edge of the previous hour if that is part of the run. The first hour takes its
// edge from the samples; the previous hour's edge counts only for series that
// have no sample near the edge.
func (c *closer) openingEdge(ctx context.Context, done []window.Window, hour window.Window) (usage.Neighbours, error) {
	stored, err := c.stored(ctx, window.Hour(hour.From.Add(-1)))
	if err != nil || stored.Key == "" {
		return usage.Neighbours{}, err
	}
	if len(done) == 0 || !done[len(done)-1].To.Equal(hour.From) {
		return c.ledger.Carried(ctx, c.cfg.Name, hour)
	}
	return c.ledger.Before(ctx, c.cfg.Name, hour)
}

// rewrite reads an hour again and tells whether its object changed. Errors:
// *LessError if the guard keeps the stored hour, and those of Close.
func (c *closer) rewrite(ctx context.Context, hour window.Window, neighbours usage.Neighbours, guard Guard, done *Restated) (changed bool, err error) {
	stored, err := c.stored(ctx, hour)
	if err != nil {
		return false, err
	}
	r, err := c.read(ctx, hour, neighbours)
	if err != nil {
		return false, err
	}
	if err := c.check(ctx, guard, stored, r.known); err != nil {
		return false, err
	}
	entry, err := c.commit(ctx, r)
	if err != nil || entry.SHA256 == stored.SHA256 {
		return false, err
	}
	done.Rewrites++
	return true, nil
}

// keep notes an hour that could not be read again, and why.
func (c *closer) keep(ctx context.Context, hour window.Window, why error, done *Restated) error {
	stored, err := c.stored(ctx, hour)
	switch {
	case err != nil:
		return err
	case stored.Key == "":
		done.Empty = append(done.Empty, why)
	default:
		done.Kept = append(done.Kept, why)
	}
	return nil
}

// Restatable lists the hours of a window that have settled, oldest first. Hours
// that are too old are refused, since somebody may have paid for reports that
// were made from them: the error is an *AgeError. force allows them.
func (c *Cluster) Restatable(w window.Window, force bool) ([]window.Window, error) {
	var hours []window.Window
	now := c.cfg.Now()
	for h := range w.Hours() {
		if !window.Closed(h, now, c.cfg.Settle) {
			break
		}
		if age := now.Sub(h.To); !force && age > c.cfg.RestateWithin {
			return nil, &AgeError{h, age, c.cfg.RestateWithin}
		}
		hours = append(hours, h)
	}
	return hours, nil
}

// AgeError says that an hour is too old to be restated.
type AgeError struct {
	Hour        window.Window
	Age, Within time.Duration // since its end, and at most
}

func (e *AgeError) Error() string {
	return fmt.Sprintf("hour %s ended %d days ago and ledger.restate_within allows %d; --force restates it all the same",
		e.Hour.From.Format(time.RFC3339), int(e.Age.Hours()/24), int(e.Within.Hours()/24))
}
