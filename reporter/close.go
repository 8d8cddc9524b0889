package reporter

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/alecthomas/kingpin/v2"

	"github.com/gputally/gputally/reporter/ledger"
	"github.com/gputally/gputally/reporter/usage"
	"github.com/gputally/gputally/reporter/window"
)

func addClose(app *kingpin.Application) (string, command) {
	c := app.Command("close", "Close the hours that have settled and are not closed yet, oldest first.")
	from := c.Flag("from", "Close from the hour that contains this time on (RFC 3339). Default: 24 hours back, or after the last closed hour if that is longer ago.").String()
	to := c.Flag("to", "Close up to this time (RFC 3339). Default: all that has settled.").String()
	restate := c.Flag("restate", "Read closed hours again and replace those that changed; needs --from and --to.").Bool()
	return c.FullCommand(), func(ctx context.Context, env *environment) error {
		if *restate && (*from == "" || *to == "") {
			return usageError{fmt.Errorf("close --restate needs --from and --to")}
		}
		begin, err := parseTime("--from", *from)
		if err != nil {
			return err
		}
		end, err := parseTime("--to", *to)
		if err != nil {
			return err
		}
		if *from != "" && *to != "" && !begin.Before(end) {
			return usageError{fmt.Errorf("--from %s is not before --to %s", *from, *to)}
		}
		b, err := openBooks(ctx, env)
		if err != nil {
			return err
		}
		hours, err := b.toClose(ctx, begin, end, *restate)
		if err != nil {
			return err
		}
		work := b.closeHour
		if *restate {
			work = b.restateHour
		}
		return closeAll(ctx, env, b.cluster, hours, work)
	}
}

// toClose lists the hours that a closing from begin to end takes, oldest first.
// Zero times stand for the defaults.
func (b *books) toClose(ctx context.Context, begin, end time.Time, restate bool) ([]window.Window, error) {
	if begin.IsZero() {
		var err error
		if begin, err = b.resume(ctx); err != nil {
			return nil, err
		}
	}
	var hours []window.Window
	if restate {
		for h := range (window.Window{From: begin, To: end}).Hours() {
			if window.Closed(h, b.now(), b.settle) {
				hours = append(hours, h)
			}
		}
		return hours, nil
	}
	due, err := b.hoursDue(ctx, begin)
	if err != nil {
		return nil, err
	}
	for _, h := range due {
		if end.IsZero() || h.From.Before(end) {
			hours = append(hours, h)
		}
	}
	return hours, nil
}

// closeAll closes hour by hour. An hour of which no collector left a sample is
// named and passed over; any other failure ends the closing.
func closeAll(ctx context.Context, env *environment, cluster string, hours []window.Window,
	work func(context.Context, window.Window) (ledger.Entry, error),
) error {
	step, wipe := env.progress("closing")
	rows, began := int64(0), env.opts.Now()
	var empty []error
	for i, hour := range hours {
		step(fmt.Sprintf("hour %d of %d: %s", i+1, len(hours), hour.From.Format("2006-01-02 15:04")))
		entry, err := work(ctx, hour)
		if errors.Is(err, usage.ErrNoData) {
			empty = append(empty, err)
			continue
		}
		if err != nil {
			wipe()
			return fmt.Errorf("%d of %d hours closed: %w", i-len(empty), len(hours), err)
		}
		rows += entry.Rows
	}
	wipe()
	if len(hours) == 0 {
		fmt.Fprintln(env.stdout, "No hour to close.")
		return nil
	}
	closed := len(hours) - len(empty)
	fmt.Fprintf(env.stdout, "Closed %d hours of cluster %s, %s to %s: %d segments in %s.\n",
		closed, cluster, hours[0].From.Format(time.RFC3339), hours[len(hours)-1].To.Format(time.RFC3339),
		rows, env.opts.Now().Sub(began).Round(10*time.Millisecond))
	if len(empty) > 0 {
		return fmt.Errorf("%d of %d hours have no samples; the first: %w", len(empty), len(hours), empty[0])
	}
	return nil
}

func parseTime(flag, text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return t, usageError{fmt.Errorf("%s: %q is no time like 2026-11-20T00:00:00Z", flag, text)}
	}
	return t.UTC(), nil
}
