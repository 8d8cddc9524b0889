package ledger

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gputally/gputally/reporter/bucket"
	"github.com/gputally/gputally/reporter/checksum"
	"github.com/gputally/gputally/reporter/window"
)

// Retention says how long what is kept, from the end of its hour or day; 0 is
// for ever.
type Retention struct {
	Hourly  time.Duration // hours' own objects, if the daily table has them
	Daily   time.Duration // days, and with them hours that are older than Hourly too
	History time.Duration // what was replaced, from then on if that was later
	Edges   time.Duration // edges between hours
}

// Pruning is one run of Prune.
type Pruning struct {
	Retention
	// Now is the time that ages are counted to.
	Now time.Time
	// DryRun finds out what would be deleted, and deletes nothing.
	DryRun bool
	// Forget is called with hours that are about to be closed no more, a day's at a
	// time, before anything of them is deleted: the place to take them out of the
	// index. It may be called with the same hours again. May be nil.
	Forget func(ctx context.Context, hours []window.Window) error
}

// Pruned is what was deleted, or would be.
type Pruned struct {
	Hourly, Daily, History, Edges Deleted
	// Kept counts hours that are older than Retention.Hourly and stay, because
	// the daily table does not have them at their revision.
	Kept int
	// Forgotten counts hours that are not closed any more.
	Forgotten int
}

// Deleted counts objects.
type Deleted struct {
	Objects int
	Bytes   int64
}

// Total counts the objects of all kinds.
func (p Pruned) Total() Deleted {
	var all Deleted
	for _, d := range []Deleted{p.Hourly, p.Daily, p.History, p.Edges} {
		all.Objects += d.Objects
		all.Bytes += d.Bytes
	}
	return all
}

// grace is how long edges that no hour names are left, because their hour may
// be about to be written.
const grace = 24 * time.Hour

// Prune removes what is older than it is to be kept, and edges that no hour
// names. What it looked at is deleted only if it is still the same, where the
// store can tell. It may be interrupted and begun again at will. What was
// deleted before an error is in the result. Errors: *CorruptError,
// *SchemaError, *StrayError, Forget's, the bucket's.
func (l *Ledger) Prune(ctx context.Context, cluster string, p Pruning) (Pruned, error) {
	if err := CheckCluster(cluster); err != nil {
		return Pruned{}, err
	}
	run := &pruning{Pruning: p, ledger: l, cluster: cluster}
	for _, step := range []func(context.Context) error{run.tables, run.history, run.edges} {
		if err := step(ctx); err != nil {
			return run.done, fmt.Errorf("prune cluster %s: %w", cluster, err)
		}
	}
	return run.done, nil
}

// pruning is a run under way.
type pruning struct {
	Pruning
	ledger  *Ledger
	cluster string
	done    Pruned
}

// over tells whether what ended then is older than it is kept.
func (p *pruning) over(end time.Time, age time.Duration) bool {
	return age > 0 && !p.Now.Before(end.Add(age))
}

// delete removes an object if it is still the one that was looked at. One that
// somebody changed meanwhile is left for the next run.
func (p *pruning) delete(ctx context.Context, object bucket.Object, count *Deleted) error {
	if !p.DryRun {
		err := p.ledger.bucket.Delete(ctx, object.Key, bucket.Condition{ETag: object.ETag})
		if errors.Is(err, bucket.ErrConflict) {
			return nil
		}
		if err != nil {
			return err
		}
	}
	count.Objects++
	count.Bytes += object.Size
	return nil
}

// tables prunes hours and days.
func (p *pruning) tables(ctx context.Context) error {
	if p.Hourly == 0 && p.Daily == 0 {
		return nil
	}
	var days []listedDay // deleting while listing may make a store skip keys
	for d, err := range p.ledger.listDays(ctx, hourly+"cluster="+p.cluster+"/", daily+"cluster="+p.cluster+"/") {
		if err != nil {
			return err
		}
		days = append(days, d)
	}
	for _, d := range days {
		if err := p.day(ctx, d); err != nil {
			return err
		}
	}
	return nil
}

// day prunes a day and its hours.
func (p *pruning) day(ctx context.Context, d listedDay) error {
	if p.over(d.window.To, p.Daily) {
		return p.wholeDay(ctx, d)
	}
	if d.daily.Key == "" {
		for _, o := range d.hourly {
			if p.over(o.window.To, p.Hourly) {
				p.done.Kept++
			}
		}
		return nil
	}
	var held *day
	for _, o := range d.hourly {
		if !p.over(o.window.To, p.Hourly) {
			continue
		}
		if held == nil {
			var err error
			if held, err = p.ledger.days.open(ctx, d.cluster, d.window); err != nil {
				return err
			}
		}
		if err := p.hour(ctx, held, o); err != nil {
			return err
		}
	}
	return nil
}

// hour removes an hour's own object if the day has the hour as it is.
func (p *pruning) hour(ctx context.Context, held *day, o listed) error {
	r, err := p.ledger.fetch(ctx, o.object.Key)
	if errors.Is(err, bucket.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	f, ok := held.hour(o.window)
	if !ok || f.entry.SHA256 != checksum.SHA256(r.data) {
		p.done.Kept++
		return nil
	}
	return p.delete(ctx, r.object, &p.done.Hourly)
}

// wholeDay removes a day that is too old for the daily table, and its hours as
// far as they are too old too.
func (p *pruning) wholeDay(ctx context.Context, d listedDay) error {
	closed, err := p.ledger.hoursOf(ctx, d, d.window)
	if err != nil {
		return err
	}
	var forgotten []window.Window
	for _, o := range closed {
		if o.Daily || p.over(o.Window.To, p.Hourly) {
			forgotten = append(forgotten, o.Window)
		}
	}
	if p.Forget != nil && !p.DryRun && len(forgotten) > 0 {
		if err := p.Forget(ctx, forgotten); err != nil {
			return fmt.Errorf("forget hours: %w", err)
		}
	}
	for _, o := range d.hourly {
		if !p.over(o.window.To, p.Hourly) {
			continue
		}
		if err := p.delete(ctx, o.object, &p.done.Hourly); err != nil {
			return err
		}
	}
	if d.daily.Key != "" {
		if err := p.delete(ctx, d.daily, &p.done.Daily); err != nil {
			return err
		}
	}
	p.done.Forgotten += len(forgotten)
	return nil
}
