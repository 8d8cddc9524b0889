package closing

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/gputally/gputally/reporter/index"
	"github.com/gputally/gputally/reporter/ledger"
	"github.com/gputally/gputally/reporter/usage"
	"github.com/gputally/gputally/reporter/window"
)

// Close closes an hour and returns its entry in the ledger. An hour that is in
// the ledger is not read again, only noted in the index, which may have lost it.
// So no crash and no lost index changes a closed hour. An hour whose object is
// damaged is closed again. Errors: source.ErrNoData, *EarlyError, the source's, the ledger's,
// the index's.
func (c *Cluster) Close(ctx context.Context, hour window.Window) (ledger.Entry, error) {
	return c.begin().close(ctx, hour)
}

func (c *closer) close(ctx context.Context, hour window.Window) (ledger.Entry, error) {
	stored, err := c.stored(ctx, hour)
	if err != nil {
		return stored, err
	}
	if stored.Key != "" {
		return stored, c.note(ctx, stored)
	}
	neighbours, err := c.ledger.Neighbours(ctx, c.cfg.Name, hour)
	if err != nil {
		return ledger.Entry{}, err
	}
	r, err := c.read(ctx, hour, neighbours)
	if err != nil {
		return ledger.Entry{}, err
	}
	return c.commitSettled(ctx, r)
}

// stored is the entry of a closed hour. It is the zero entry if the hour is not
// closed, or if its object is damaged and is to be replaced.
func (c *closer) stored(ctx context.Context, hour window.Window) (ledger.Entry, error) {
	entry, err := c.ledger.Stat(ctx, c.cfg.Name, hour)
	if errors.Is(err, ledger.ErrHourMissing) || isDamaged(err) {
		return ledger.Entry{}, nil
	}
	return entry, err
}

// reading is an hour that was read and is not in the ledger yet.
type reading struct {
	draft *ledger.Draft
	usage usage.Hour
	known Known
}

// read reads an hour from the source, again after an outage that passes. The edges
// that it shares with its neighbours are given.
func (c *closer) read(ctx context.Context, hour window.Window, neighbours usage.Neighbours) (reading, error) {
	for {
		r, err := c.readOnce(ctx, hour, neighbours)
		if !c.outage.sitOut(ctx, err) {
			return r, err
		}
	}
}

// readOnce begins the draft with the first part, because an hour without samples,
// which is asked for time and again, needs none.
func (c *closer) readOnce(ctx context.Context, hour window.Window, neighbours usage.Neighbours) (reading, error) {
	var draft *ledger.Draft
	begin := func() (err error) {
		if draft == nil {
			draft, err = c.ledger.Draft(c.cfg.Name, hour)
		}
		return err
	}
	known := newKnownTime(hour)
	read, err := c.cfg.Source.Close(ctx, hour, neighbours, func(p usage.Part) error {
		if err := begin(); err != nil {
			return err
		}
		known.add(p.Segments)
		return draft.Add(p)
	})
	if err == nil {
		err = begin()
	}
	if err != nil {
		return reading{}, err
	}
	return reading{draft, read, known.sum()}, nil
}

// commitSettled is commit for an hour that was not closed before. What was read may
// have shown that the clock is ahead. Errors: *EarlyError.
func (c *closer) commitSettled(ctx context.Context, r reading) (ledger.Entry, error) {
	if now := c.cfg.Now(); r.usage.Window.To.Add(c.cfg.Settle).After(now) {
		return ledger.Entry{}, &EarlyError{c.cfg.Name, r.usage.Window, now}
	}
	return c.commit(ctx, r)
}

// EarlyError says that an hour has not settled by the cluster's clock although it
// was due before.
type EarlyError struct {
	Cluster string
	Hour    window.Window
	Now     time.Time
}

func (e *EarlyError) Error() string {
	return fmt.Sprintf("hour %s of cluster %s is not closed: for the metrics server it is %s, and the hour has not settled; set this machine's clock",
		e.Hour.From.UTC().Format(time.RFC3339), e.Cluster, e.Now.UTC().Format(time.RFC3339))
}

// commit puts an hour into the ledger, unless it is there like that, and into
// the index.
func (c *closer) commit(ctx context.Context, r reading) (ledger.Entry, error) {
	for _, f := range r.usage.Findings {
		c.cfg.Log.Warn("Closed an hour with findings", "cluster", c.cfg.Name, "hour", r.usage.Window,
			"code", f.Code, "count", f.Count, "named", strings.Join(f.Named, "; "), "see", "docs/findings.md")
	}
	entry, err := c.ledger.Commit(ctx, r.draft, r.usage)
	if err != nil {
		return entry, err
	}
	return entry, c.note(ctx, entry)
}

// note puts the entry of a closed hour into the index.
func (c *closer) note(ctx context.Context, entry ledger.Entry) error {
	if err := c.cfg.Index.PutHour(ctx, index.Hour(entry)); err != nil {
		return fmt.Errorf("index the hour %s: %w", entry.Window, err)
	}
	return nil
}
