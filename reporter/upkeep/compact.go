package upkeep

import (
	"context"
	"errors"
	"time"

	"github.com/gputally/gputally/reporter/ledger"
	"github.com/gputally/gputally/reporter/window"
)

// CompactDue makes the daily tables of the days that DaysDue lists, and returns
// how many it wrote. A day that can't be made does not keep the others from being
// made; the errors are joined.
func (c *Cluster) CompactDue(ctx context.Context, w window.Window) (written int, err error) {
	due, err := c.DaysDue(ctx, w)
	if err != nil {
		return 0, err
	}
	return c.CompactDays(ctx, due)
}

// DaysDue lists the days of a window whose hours were closed or restated since
// their daily table was made, oldest first.
func (c *Cluster) DaysDue(ctx context.Context, w window.Window) ([]window.Window, error) {
	return c.cfg.Ledger.Due(ctx, c.cfg.Name, w)
}

// CompactDays is CompactDue for days that are known to be due.
func (c *Cluster) CompactDays(ctx context.Context, days []window.Window) (written int, err error) {
	return c.compactDays(ctx, days, false)
}

// CompactWhole makes the daily table of every whole day of a window that has
// something, due or not: a listing does not show that a table is damaged. With giveUp
// it does so also where a damaged table takes hours with it.
func (c *Cluster) CompactWhole(ctx context.Context, w window.Window, giveUp bool) (written int, err error) {
	var days []window.Window
	for object, err := range c.cfg.Ledger.List(ctx, c.cfg.Name, w) {
		if err != nil {
			return 0, err
		}
		day := window.PeriodDay.Containing(object.Window.From, time.UTC)
		if !day.From.Before(w.From) && !day.To.After(w.To) && (len(days) == 0 || days[len(days)-1] != day) {
			days = append(days, day)
		}
	}
	return c.compactDays(ctx, days, giveUp)
}

// compactDays makes the daily tables of days as far as their hours are closed,
// and returns how many it wrote.
func (c *Cluster) compactDays(ctx context.Context, days []window.Window, giveUp bool) (written int, err error) {
	var failed []error
	for _, day := range days {
		entry, err := c.cfg.Ledger.Compact(ctx, c.cfg.Name, day, ledger.Compaction{
			Partial: c.cfg.Now().After(day.To.Add(c.cfg.PartialAfter)),
			GiveUp:  giveUp,
		})
		if errors.Is(err, ledger.ErrHourMissing) {
			continue // an hour of it may still be closed
		}
		if err == nil && entry.Written {
			written++
		}
		failed = append(failed, err)
	}
	return written, errors.Join(failed...)
}
