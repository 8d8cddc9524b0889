package ledger

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/gputally/gputally/reporter/bucket"
	"github.com/gputally/gputally/reporter/window"
)

// Object is a closed hour as far as listings, and footers of the daily table,
// tell.
type Object struct {
	Cluster string
	Window  window.Window
	Key     string // of its own object, or of its day's
	Size    int64  // bytes of its own object, also when that is gone
	Daily   bool   // only the daily table has it
}

// List yields the closed hours of a cluster that overlap the window, oldest
// first. It stops after the first error.
func (l *Ledger) List(ctx context.Context, cluster string, w window.Window) iter.Seq2[Object, error] {
	return func(yield func(Object, error) bool) {
		if err := CheckCluster(cluster); err != nil {
			yield(Object{}, err)
			return
		}
		if !w.From.Before(w.To) {
			return
		}
		first, last := window.Hour(w.From), window.Hour(w.To.Add(-time.Nanosecond))
		days := l.listDays(ctx,
			commonPrefix(Key(cluster, first), Key(cluster, last)),
			commonPrefix(daily+dayPlace(cluster, first.From), daily+dayPlace(cluster, last.From)))
		for d, err := range days {
			if err == nil && !d.window.From.Before(w.To) {
				return
			}
			if !l.yieldHours(ctx, d, err, w, yield) {
				return
			}
		}
	}
}

// All yields every closed hour, by cluster and time. It stops after the first
// error.
func (l *Ledger) All(ctx context.Context) iter.Seq2[Object, error] {
	return func(yield func(Object, error) bool) {
		for d, err := range l.listDays(ctx, hourly, daily) {
			if !l.yieldHours(ctx, d, err, d.window, yield) {
				return
			}
		}
	}
}

// yieldHours yields the hours of a listed day that overlap the window.
func (l *Ledger) yieldHours(ctx context.Context, d listedDay, err error, w window.Window, yield func(Object, error) bool) bool {
	var hours []Object
	if err == nil {
		hours, err = l.hoursOf(ctx, d, w)
	}
	if err != nil {
		yield(Object{}, err)
		return false
	}
	for _, hour := range hours {
		if !yield(hour, nil) {
			return false
		}
	}
	return true
}

// listedDay is what the tables have of a day as listings tell.
type listedDay struct {
	cluster string
	window  window.Window
	hourly  []listed      // oldest first
	daily   bucket.Object // zero if there is none
}

// listDays walks through both tables side by side, by cluster and day. The prefixes
// are those of the tables, or longer. It stops after the first error.
func (l *Ledger) listDays(ctx context.Context, hourlyPrefix, dailyPrefix string) iter.Seq2[listedDay, error] {
	return func(yield func(listedDay, error) bool) {
		nextHour, stopHours := iter.Pull2(objects(ctx, l.bucket, hourlyPrefix, parseKey))
		defer stopHours()
		nextDay, stopDays := iter.Pull2(objects(ctx, l.bucket, dailyPrefix, parseDayKey))
		defer stopDays()
		hour, hourErr, hours := nextHour()
		day, dayErr, days := nextDay()
		for hours || days {
			if err := errors.Join(hourErr, dayErr); err != nil {
				yield(listedDay{}, err)
				return
			}
			// Keys begin with cluster and date, so the first in either listing is next.
			var d listedDay
			at := ""
			if hours {
				d.cluster, d.window = hour.cluster, dayOf(hour.window.From)
				at = dayPlace(d.cluster, d.window.From)
			}
			if there := days && (!hours || dayPlace(day.cluster, day.window.From) <= at); there {
				d.cluster, d.window, d.daily = day.cluster, day.window, day.object
				at = dayPlace(d.cluster, d.window.From)
				day, dayErr, days = nextDay()
			}
			for hours && hourErr == nil && dayPlace(hour.cluster, hour.window.From) == at {
				d.hourly = append(d.hourly, hour)
				hour, hourErr, hours = nextHour()
			}
			if !yield(d, nil) {
				return
			}
		}
	}
}

// listed is an object of a table.
type listed struct {
	cluster string
	window  window.Window
	object  bucket.Object
}

// objects yields the objects of a table. Errors: *StrayError, the bucket's.
func objects(ctx context.Context, b bucket.Bucket, prefix string, parse func(key string) (string, window.Window, bool)) iter.Seq2[listed, error] {
	return func(yield func(listed, error) bool) {
		for object, err := range b.List(ctx, prefix) {
			if err != nil {
				yield(listed{}, fmt.Errorf("list %s: %w", prefix, err))
				return
			}
			cluster, w, ok := parse(object.Key)
			if !ok {
				// A Parquet object with another name would be counted by whoever
				// reads the tables with a glob, and by nobody else.
				if strings.HasSuffix(object.Key, ".parquet") {
					yield(listed{}, &StrayError{object.Key})
					return
				}
				continue
			}
			if !yield(listed{cluster, w, object}, nil) {
				return
			}
		}
	}
}

// hoursOf are the closed hours of a listed day that overlap the window. The
// day's own object is read only if hours have none of their own.
func (l *Ledger) hoursOf(ctx context.Context, d listedDay, w window.Window) ([]Object, error) {
	own := map[window.Window]Object{}
	for _, o := range d.hourly {
		own[o.window] = Object{Cluster: o.cluster, Window: o.window, Key: o.object.Key, Size: o.object.Size}
	}
	w, _ = w.Intersect(d.window)
	wanted := slices.Collect(w.Hours())
	var held map[window.Window]Object
	if d.daily.Key != "" && slices.ContainsFunc(wanted, func(h window.Window) bool { return own[h].Key == "" }) {
		var err error
		if held, err = l.heldByDay(ctx, d); err != nil {
			return nil, err
		}
	}
	var hours []Object
	for _, hour := range wanted {
		o, ok := own[hour]
		if !ok {
			o, ok = held[hour]
		}
		if ok {
			hours = append(hours, o)
		}
	}
	return hours, nil
}

// heldByDay are the hours in the object of a listed day. One that is damaged may
// hold every hour, and reading them gives the error.
func (l *Ledger) heldByDay(ctx context.Context, d listedDay) (map[window.Window]Object, error) {
	held := map[window.Window]Object{}
	heads, err := l.days.heads(ctx, d.cluster, d.window)
	switch {
	case err == nil:
		for hour, h := range heads.hours {
			held[hour] = Object{d.cluster, hour, d.daily.Key, h.entry.Size, true}
		}
	case errors.As(err, new(*CorruptError)), errors.As(err, new(*SchemaError)):
		for hour := range d.window.Hours() {
			held[hour] = Object{Cluster: d.cluster, Window: hour, Key: d.daily.Key, Daily: true}
		}
	case !errors.Is(err, bucket.ErrNotFound): // deleted since it was listed
		return nil, err
	}
	return held, nil
}

func commonPrefix(a, b string) string {
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return a[:i]
		}
	}
	return a[:min(len(a), len(b))]
}
