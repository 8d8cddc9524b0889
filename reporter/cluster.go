package reporter

import (
	"context"
	"errors"
	"fmt"

	"github.com/gputally/gputally/reporter/index"
	"github.com/gputally/gputally/reporter/ledger"
	"github.com/gputally/gputally/reporter/prom"
	"github.com/gputally/gputally/reporter/usage"
	"github.com/gputally/gputally/reporter/window"
)

// closer reads the samples of a window and folds them into segments.
type closer interface {
	// Close emits the usage of the window in sorted parts and returns the rest
	// of the hour. Errors: usage.ErrNoData, *prom.Error, emit's.
	Close(ctx context.Context, w window.Window, n usage.Neighbours, emit func(usage.Part) error) (usage.Hour, error)
	// Hour is Close for a window that is not to be closed.
	Hour(ctx context.Context, w window.Window) (usage.Hour, error)
}

// cluster is one whose hours this process closes.
type cluster struct {
	*books
	name    string
	closer  closer
	clients []*prom.Client // one for each server, to ask what it is
	meter   *meter
}

// closeHour closes an hour: it goes on where the hour before ended, and ends
// where the hour after went on, as far as these are closed. An hour that is in
// the ledger is not read again, only noted in the index, which may have lost
// it: so a crash in between, or an index that is gone, changes no closed hour.
func (c *cluster) closeHour(ctx context.Context, hour window.Window) (ledger.Entry, error) {
	booked, err := c.booked(ctx, hour)
	if err != nil {
		return booked, err
	}
	if booked.Key != "" {
		return booked, c.note(ctx, booked)
	}
	beside, err := c.ledger.Neighbours(ctx, c.name, hour)
	if err != nil {
		return ledger.Entry{}, err
	}
	return c.write(ctx, hour, beside, func(told) error { return nil })
}

// booked is the entry of a closed hour, the zero entry of one that is not, or
// whose object is damaged: then it is to be replaced.
func (c *cluster) booked(ctx context.Context, hour window.Window) (ledger.Entry, error) {
	entry, err := c.ledger.Stat(ctx, c.name, hour)
	if corrupt := (*ledger.CorruptError)(nil); errors.Is(err, ledger.ErrHourMissing) || errors.As(err, &corrupt) {
		return ledger.Entry{}, nil
	}
	return entry, err
}

// write reads an hour with the edges that the hours beside it have booked,
// checks it, and puts it into the ledger, unless it is there like that, and into
// the index. Errors: check's, the closer's, the bucket's.
func (c *cluster) write(ctx context.Context, hour window.Window, beside usage.Neighbours, check func(told) error) (ledger.Entry, error) {
	elsewhere, err := c.elsewhere(ctx, hour)
	if err != nil {
		return ledger.Entry{}, err
	}
	draft, err := c.ledger.Draft(c.name, hour)
	if err != nil {
		return ledger.Entry{}, err
	}
	telling := newTelling(hour)
	usage, err := c.closer.Close(ctx, hour, beside, func(p usage.Part) error {
		elsewhere.see(p.Segments)
		telling.see(p.Segments)
		return draft.Add(p)
	})
	if err != nil {
		return ledger.Entry{}, err
	}
	if err := check(telling.told()); err != nil {
		return ledger.Entry{}, err
	}
	usage.Exceptions = elsewhere.note(hour, usage.Exceptions)
	for _, e := range usage.Exceptions {
		c.log.Warn("The samples of an hour are odd", "cluster", c.name, "hour", hour, "what", e.String())
	}
	entry, err := c.ledger.Commit(ctx, draft, usage)
	if err != nil {
		return entry, err
	}
	return entry, c.note(ctx, entry)
}

func (c *cluster) note(ctx context.Context, entry ledger.Entry) error {
	if err := c.index.PutHour(ctx, index.Hour(entry)); err != nil {
		return fmt.Errorf("index the hour %s: %w", entry.Window, err)
	}
	return nil
}
