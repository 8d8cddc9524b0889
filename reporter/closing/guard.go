package closing

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gputally/gputally/reporter/ledger"
	"github.com/gputally/gputally/reporter/source"
	"github.com/gputally/gputally/reporter/usage"
	"github.com/gputally/gputally/reporter/window"
)

// Guard says whether a restated hour may replace the stored one. Nil allows it
// always.
type Guard func(stored, now Known) bool

// KeepIfLess keeps the stored hour if the samples know less of it now: the server
// may have forgotten samples, or the configuration may ask for others. A second
// for each GPU is how far edges may move.
func KeepIfLess(stored, now Known) bool { return now.Millis >= stored.Millis-1000*stored.GPUs }

// OnlyIfMore replaces the stored hour only if the samples know more of it now.
func OnlyIfMore(stored, now Known) bool { return now.Millis > stored.Millis }

// check returns a *LessError if the guard keeps the stored hour. An hour that is
// not stored, or is damaged, may always be written.
func (c *closer) check(ctx context.Context, allows Guard, stored ledger.Entry, now Known) error {
	if allows == nil || stored.Key == "" {
		return nil
	}
	known := newKnownTime(stored.Window)
	err := c.ledger.Segments(ctx, c.cfg.Name, stored.Window, func(segments []usage.Segment) error {
		known.add(segments)
		return nil
	})
	if isDamaged(err) {
		return nil
	}
	if err != nil {
		return err
	}
	if before := known.sum(); !allows(before, now) {
		return &LessError{c.cfg.Name, stored.Window, before, now}
	}
	return nil
}

// LessError says that an hour stays as it is stored, because the guard refused
// what the samples say now.
type LessError struct {
	Cluster     string
	Hour        window.Window
	Stored, Now Known
}

func (e *LessError) Error() string {
	const gpuHour = 3_600_000.0 // milliseconds
	return fmt.Sprintf("hour %s of cluster %s stays as it was closed: samples account for %.3f GPU-hours now, and for %.3f then; "+
		"look at the server's retention and at prometheus.selector; close --restate --force replaces it all the same",
		e.Hour.From.Format(time.RFC3339), e.Cluster, float64(e.Now.Millis)/gpuHour, float64(e.Stored.Millis)/gpuHour)
}

// stays tells whether an hour can't be read again and so stays as it is stored:
// it has no samples, or too few.
func stays(err error) bool {
	less := (*LessError)(nil)
	return errors.Is(err, source.ErrNoData) || errors.As(err, &less)
}

// isDamaged tells whether an hour's object can't be read.
func isDamaged(err error) bool {
	damage := (*ledger.CorruptError)(nil)
	return errors.As(err, &damage)
}
