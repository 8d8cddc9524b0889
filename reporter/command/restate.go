package command

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gputally/gputally/reporter/closing"
	"github.com/gputally/gputally/reporter/ledger"
	"github.com/gputally/gputally/reporter/window"
)

// restateHours is close --restate of one cluster.
func (f *closeFlags) restateHours(ctx context.Context, env *Env, p *Program, c Cluster, w window.Window) error {
	hours, err := c.Closing.Restatable(w, *f.force)
	if err != nil {
		return err
	}
	hours, empty, err := within(ctx, env, p, c, hours, func(hour window.Window) window.Window { return hour })
	if err != nil {
		return err
	}
	if len(hours) == 0 {
		fmt.Fprintf(env.Stdout, "No hour to restate%s.\n", ofCluster(p, c))
		return lacking(empty, len(empty))
	}
	if *f.dry {
		sayHours(env, "read again", c.Name, hours, func(hour window.Window) window.Window { return hour })
		return nil
	}
	guard := closing.Guard(closing.KeepIfLess)
	if *f.force {
		guard = nil
	}
	step, wipe := env.progress("restating")
	n := 0
	done, err := c.Closing.Restate(ctx, hours, guard, func(hour window.Window) {
		n++
		step(hourOf(n, len(hours), hour))
	})
	wipe()
	if edges := (*ledger.EdgesError)(nil); errors.As(err, &edges) {
		return fmt.Errorf("%d of %d hours changed: %w", len(done.Changed), len(hours), err)
	}
	if err != nil {
		return fmt.Errorf("restating stopped after %d of %d hours changed; do it again to complete it: %w", len(done.Changed), len(hours), err)
	}
	fmt.Fprintf(env.Stdout, "Read %d hours of cluster %s again, %s to %s: %d changed",
		len(hours), c.Name, hours[0].From.Format(time.RFC3339), hours[len(hours)-1].To.Format(time.RFC3339), len(done.Changed))
	if n := len(done.Neighbours); n > 0 {
		fmt.Fprintf(env.Stdout, ", and %d neighbours with their edges", n)
	}
	fmt.Fprintln(env.Stdout, ".")
	done.Empty = append(done.Empty, empty...)
	return errors.Join(unlike(done, len(hours)+len(empty)), sayOutdated(ctx, env, p, done.Hours()))
}

// unlike is the error of a command after which some hours are not what was
// asked for, nil if all are.
func unlike(r closing.Restated, hours int) error {
	if n := len(r.Kept); n > 0 {
		return fmt.Errorf("%d of %d hours stay as they were closed; the first: %w", n, hours, r.Kept[0])
	}
	return lacking(r.Empty, hours)
}
