package closing

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gputally/gputally/reporter/ledger"
	"github.com/gputally/gputally/reporter/window"
)

// AlignEdges makes the closed hours of a window agree with their neighbours on
// the edges between them. A process may have ended after it restated an hour and
// before it restated the neighbour. Errors: those of Restate.
func (c *Cluster) AlignEdges(ctx context.Context, w window.Window) (Restated, error) {
	var done Restated
	closed, err := c.cfg.Index.Hours(ctx, c.cfg.Name, w)
	if err != nil {
		return done, err
	}
	r := c.begin()
	for _, h := range closed {
		if err := r.align(ctx, h.Window(), &done); err != nil {
			return done, err
		}
	}
	return done, nil
}

// AlignDays makes the days of a window agree on the edges between them, where
// hours that were closed at once met. They agree unless samples arrived while two
// such hours were read. The hours need not be of this process: one that was cut
// off leaves edges that nobody compared.
func (c *Cluster) AlignDays(ctx context.Context, w window.Window) (Restated, error) {
	var done Restated
	closed, err := c.cfg.Index.Hours(ctx, c.cfg.Name, w)
	if err != nil {
		return done, err
	}
	var first []window.Window
	for i, h := range closed {
		if i > 0 && h.From.Hour() == 0 && closed[i-1].To.Equal(h.From) {
			first = append(first, h.Window())
		}
	}
	return done, c.begin().alignAll(ctx, first, &done)
}

// checkEdges makes sure that the neighbours of a run can be made to agree with
// it: that their edges can be read, and those of the hours beyond them. The run's
// own edges are going to be replaced.
func (c *closer) checkEdges(ctx context.Context, run []window.Window) error {
	if len(run) == 0 {
		return nil
	}
	whole := window.Window{From: run[0].From, To: run[len(run)-1].To}
	if keep := c.cfg.KeepEdges; keep > 0 && c.cfg.Now().Sub(whole.From) > keep {
		c.cfg.Log.Warn("The edges of restated hours are no longer kept; hours without edges are not compared with their neighbours",
			"cluster", c.cfg.Name, "hours", whole, "kept", keep)
	}
	if _, err := c.ledger.Neighbours(ctx, c.cfg.Name, whole); err != nil {
		return err
	}
	previous, next := window.Hour(whole.From.Add(-1)), window.Hour(whole.To)
	if stored, err := c.stored(ctx, previous); err != nil {
		return err
	} else if stored.Key != "" {
		if _, err := c.ledger.PreviousClosing(ctx, c.cfg.Name, previous); err != nil {
			return err
		}
	}
	stored, err := c.stored(ctx, next)
	if err == nil && stored.Key != "" {
		_, err = c.ledger.NextOpening(ctx, c.cfg.Name, next)
	}
	return err
}

// alignAll aligns the neighbours of many hours. An object that can't be read does
// not keep the other hours from being aligned; any other failure does.
func (c *closer) alignAll(ctx context.Context, hours []window.Window, done *Restated) error {
	var failed []error
	for _, hour := range hours {
		err := c.align(ctx, hour, done)
		if err == nil {
			continue
		}
		failed = append(failed, fmt.Errorf("compare the edges of hour %s: %w", hour.From.Format(time.RFC3339), err))
		if edges := (*ledger.EdgesError)(nil); !errors.As(err, &edges) && !isDamaged(err) {
			break
		}
	}
	return errors.Join(failed...)
}

// align restates the neighbours of an hour that have another edge than the hour
// itself, and goes on to their neighbours: a restated hour may change on its far
// side too, because it carries time on. A neighbour whose samples are gone keeps
// its edge, and the hour takes it over.
func (c *closer) align(ctx context.Context, hour window.Window, done *Restated) error {
	if stored, err := c.stored(ctx, hour); err != nil || stored.Key == "" {
		return err // an hour without samples has no edges
	}
	neighbours, err := c.ledger.Disagree(ctx, c.cfg.Name, hour)
	if err != nil {
		return err
	}
	for _, neighbour := range neighbours {
		done.Disagreed++
		changed, err := c.rewriteBetween(ctx, neighbour, KeepIfLess, done)
		if err == nil && changed {
			done.Neighbours = append(done.Neighbours, neighbour)
			if err := c.align(ctx, neighbour, done); err != nil {
				return err
			}
		}
		if err == nil {
			continue
		}
		if !stays(err) {
			return err
		}
		c.cfg.Log.Warn("The samples of an hour are gone; it keeps its edge, and its restated neighbour takes the edge over",
			"cluster", c.cfg.Name, "kept", neighbour, "restated", hour, "why", err)
		if _, err = c.rewriteBetween(ctx, hour, nil, done); err != nil {
			return err
		}
	}
	return nil
}

// rewriteBetween rewrites an hour with the stored edges of both neighbours.
func (c *closer) rewriteBetween(ctx context.Context, hour window.Window, guard Guard, done *Restated) (changed bool, err error) {
	neighbours, err := c.ledger.Neighbours(ctx, c.cfg.Name, hour)
	if err != nil {
		return false, err
	}
	return c.rewrite(ctx, hour, neighbours, guard, done)
}
