package command

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/gputally/gputally/collector/metric"
	"github.com/gputally/gputally/reporter/closing"
	"github.com/gputally/gputally/reporter/config"
	"github.com/gputally/gputally/reporter/series"
	"github.com/gputally/gputally/reporter/source"
	"github.com/gputally/gputally/reporter/window"
)

const (
	// lookFirst is how many hours are asked for without a look whether there is
	// anything.
	lookFirst = 48
	// firstWithin is how exactly the first samples are found, as far as the server's
	// index goes, and holesWithin how long a hole must be to be found. What is left is
	// asked for hour by hour. That costs two questions for each day with samples, and
	// to read its hours takes a hundred.
	firstWithin = time.Hour
	holesWithin = 24 * time.Hour
)

// extent is where a cluster may have something to close or to read again.
type extent struct {
	begin  time.Time // of the first samples or the first closed hour; the zero time if there is neither
	parts  []window.Window
	closed map[time.Time]bool // the begins of closed hours
}

// has tells whether there may be something of an hour.
func (e *extent) has(hour window.Window) bool {
	if e.closed[hour.From] {
		return true
	}
	for _, part := range e.parts {
		if hour.Overlaps(part) {
			return true
		}
	}
	return false
}

// within leaves out of many hours those that are not in the ledger and of which
// Prometheus has no samples, so that they are not asked for one by one. Hours before
// the first of anything are said to be left out; for each of the later ones there is
// an error in empty. Where Prometheus can't say what it has, all hours are returned.
func within[H any](ctx context.Context, env *Env, p *Program, c Cluster, hours []H, of func(H) window.Window) (there []H, empty []error, err error) {
	e, err := extentOfAll(ctx, env, p, c, hours, of)
	if err != nil || e == nil {
		return hours, nil, err
	}
	before := 0
	for _, h := range hours {
		switch hour := of(h); {
		case e.has(hour):
			there = append(there, h)
		case !hour.To.After(e.begin):
			before++
		default:
			empty = append(empty, noSamples(c, hour))
		}
	}
	if before > 0 {
		fmt.Fprintf(env.Stdout, "Left out %d hours of cluster %s, %s to %s: no samples and no closed hours are from so long ago.\n",
			before, c.Name, of(hours[0]).From.Format(time.RFC3339), e.begin.Format(time.RFC3339))
	}
	return there, empty, nil
}

// extentOfAll is the extent of a cluster around many hours, nil if they are few, or if
// Prometheus can't say.
func extentOfAll[H any](ctx context.Context, env *Env, p *Program, c Cluster, hours []H, of func(H) window.Window) (*extent, error) {
	if len(hours) <= lookFirst {
		return nil, nil
	}
	e, err := extentOf(ctx, p, c, window.Window{From: of(hours[0]).From, To: of(hours[len(hours)-1]).To})
	if answer := (*noAnswerError)(nil); errors.As(err, &answer) && ctx.Err() == nil {
		env.Log.Warn("Can't find out from when on there are samples; all hours are asked for", "cluster", c.Name, "err", err)
		return nil, nil
	}
	return e, err
}

// dueOf leaves out of the hours that are due for the service those that have nothing,
// as after a long time in which it did not run.
func dueOf(ctx context.Context, env *Env, p *Program, c Cluster, due []closing.Due) ([]closing.Due, error) {
	e, err := extentOfAll(ctx, env, p, c, due, func(d closing.Due) window.Window { return d.Hour })
	if err != nil || e == nil {
		return due, err
	}
	there := slices.DeleteFunc(slices.Clone(due), func(d closing.Due) bool { return !e.has(d.Hour) })
	if n := len(due) - len(there); n > 0 {
		env.Log.Warn("Left out hours without samples", "cluster", c.Name, "hours", n, "of", len(due), "first", due[0].Hour, "last", due[len(due)-1].Hour)
	}
	return there, nil
}

// sampledIn returns what tells whether an hour of a window may have samples, so that a
// preview of a long time does not ask for each hour.
func sampledIn(ctx context.Context, env *Env, p *Program, w window.Window) (func(cluster string, hour window.Window) bool, error) {
	extents := map[string]*extent{}
	if w.Duration() > lookFirst*time.Hour {
		for _, c := range p.Clusters {
			e, err := extentOf(ctx, p, c, w)
			if answer := (*noAnswerError)(nil); errors.As(err, &answer) && ctx.Err() == nil {
				env.Log.Warn("Can't find out from when on there are samples; all hours are asked for", "cluster", c.Name, "err", err)
				continue
			}
			if err != nil {
				return nil, err
			}
			extents[c.Name] = e
		}
	}
	return func(cluster string, hour window.Window) bool {
		e := extents[cluster]
		return e == nil || e.has(hour)
	}, nil
}

// noAnswerError says that no server of a cluster can say whether it has samples.
type noAnswerError struct{ err error }

func (e *noAnswerError) Error() string { return e.err.Error() }

// Unwrap gives the reason.
func (e *noAnswerError) Unwrap() error { return e.err }

// extentOf asks the index, the ledger and the servers of a cluster. Errors:
// *noAnswerError, the index's, the ledger's.
func extentOf(ctx context.Context, p *Program, c Cluster, w window.Window) (*extent, error) {
	e := &extent{closed: map[time.Time]bool{}}
	first, found, err := p.Index.FirstHour(ctx, c.Name)
	if err != nil {
		return nil, err
	}
	if found {
		e.begin = first.From
	}
	for object, err := range p.Ledger.List(ctx, c.Name, w) { // the index may have lost some
		if err != nil {
			return nil, err
		}
		if e.closed[object.Window.From] = true; e.begin.IsZero() || object.Window.From.Before(e.begin) {
			e.begin = object.Window.From
		}
	}
	// Hours before the first sample of a collector have nothing. After it, one without
	// such samples has something if its targets are known to be down.
	collectors := func(w window.Window) (bool, error) {
		return c.present(ctx, w.From, w.To.Add(config.Lookahead), metric.CollectorStartTime.Name)
	}
	targets := func(w window.Window) (bool, error) {
		return c.present(ctx, w.From.Add(-time.Hour), w.To.Add(time.Hour), metric.CollectorStartTime.Name+"|up")
	}
	var begin time.Time
	err = search(w, firstWithin, collectors, func(part window.Window) bool {
		begin = part.From
		return false
	})
	if err != nil || begin.IsZero() {
		return e, err
	}
	if e.begin.IsZero() || begin.Before(e.begin) {
		e.begin = begin
	}
	return e, search(window.Window{From: begin, To: w.To}, holesWithin, targets, func(part window.Window) bool {
		if last := len(e.parts) - 1; last >= 0 && e.parts[last].To.Equal(part.From) {
			e.parts[last].To = part.To
		} else {
			e.parts = append(e.parts, part)
		}
		return true
	})
}

// present tells whether any of the cluster's servers may have samples of some families.
func (c Cluster) present(ctx context.Context, from, to time.Time, names string) (bool, error) {
	var errs []error
	for _, server := range c.Servers {
		is, err := server.Present(ctx, series.Query{
			From: from, To: to, Matchers: []series.Matcher{{Name: series.NameLabel, Op: series.Match, Value: names}},
		})
		switch {
		case errors.Is(err, series.Timeout): // shorter ones may be answered
			return true, nil
		case err != nil:
			errs = append(errs, err)
		case is:
			return true, nil
		}
	}
	if len(errs) == len(c.Servers) { // of replicas, those that can be read count
		return false, &noAnswerError{errors.Join(errs...)}
	}
	return false, nil
}

// search calls found with the parts of a window for which has holds, oldest first,
// until that returns false. It halves what has something down to the length of leaf,
// so that a long time without anything costs few questions.
func search(w window.Window, leaf time.Duration, has func(window.Window) (bool, error), found func(window.Window) bool) error {
	_, err := halve(w, leaf, false, has, found)
	return err
}

// halve is search; certain says that has is known to hold.
func halve(w window.Window, leaf time.Duration, certain bool, has func(window.Window) (bool, error), found func(window.Window) bool) (more bool, err error) {
	if !certain {
		if is, err := has(w); err != nil || !is {
			return true, err
		}
	}
	if w.Duration() <= leaf {
		return found(w), nil
	}
	middle := w.From.Add(w.Duration() / 2).Truncate(time.Hour)
	early := false
	more, err = halve(window.Window{From: w.From, To: middle}, leaf, false, has, func(part window.Window) bool {
		early = true
		return found(part)
	})
	if err != nil || !more {
		return more, err
	}
	return halve(window.Window{From: middle, To: w.To}, leaf, !early, has, found)
}

// lacking is the error of a command for which some hours have no samples, nil if all have.
func lacking(empty []error, all int) error {
	if len(empty) == 0 {
		return nil
	}
	return fmt.Errorf("%d of %d hours have no samples; one of them: %w", len(empty), all, empty[0])
}

// noSamples is the error of an hour of a cluster that has none.
func noSamples(c Cluster, hour window.Window) error {
	return fmt.Errorf("hour %s of cluster %s: %w: check that %s is there for this time, "+
		"that the server scraped the collectors then, and that its retention and the selector cover them",
		hour.From.Format(time.RFC3339), c.Name, source.ErrNoData, metric.CollectorStartTime.Name)
}
