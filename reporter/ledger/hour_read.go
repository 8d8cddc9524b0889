package ledger

import (
	"context"
	"slices"

	"github.com/gputally/gputally/reporter/usage"
	"github.com/gputally/gputally/reporter/window"
)

// Hour reads a closed hour whole, as it was put, with the entry of the object
// that it was read from. A caller that can do without hours asks for each and
// notes those that are missing. Errors: as Stat.
func (l *Ledger) Hour(ctx context.Context, cluster string, hour window.Window) (usage.Hour, Entry, error) {
	f, err := l.hours.open(ctx, cluster, hour)
	if err != nil {
		return usage.Hour{}, Entry{}, err
	}
	h := f.hour()
	err = f.segments(func(segments []usage.Segment) error {
		h.Segments = append(h.Segments, segments...)
		return nil
	})
	if err != nil {
		return usage.Hour{}, Entry{}, err
	}
	return h, f.entry, nil
}

// Segments yields what a cluster's GPUs did in the window: hour by hour, and
// sorted within the hour. Segments of the first and last hour are cut at the
// window's edges. The slice is valid only during the call; memory is one
// object and one row group. After an error the caller discards what it got.
//
// Every hour that overlaps the window must be closed: if some are not, a
// *MissingError names all of them before anything is yielded. Other errors: as
// Stat, and what yield returns, as it is.
func (l *Ledger) Segments(ctx context.Context, cluster string, w window.Window, yield func([]usage.Segment) error) error {
	missing, err := l.Missing(ctx, cluster, w)
	if err != nil {
		return err
	}
	if len(missing) > 0 {
		return &MissingError{Cluster: cluster, Hours: missing}
	}
	from, to := w.From.UnixMilli(), w.To.UnixMilli()
	r := l.Reader(nil, nil)
	for hour := range w.Hours() {
		inside := !hour.From.Before(w.From) && !hour.To.After(w.To)
		err := r.Segments(ctx, cluster, hour, func(segments []usage.Segment) error {
			if !inside {
				segments = cut(segments, from, to)
			}
			if len(segments) == 0 {
				return nil
			}
			return yield(segments)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// Missing returns the hours that overlap the window and are not closed, oldest
// first.
func (l *Ledger) Missing(ctx context.Context, cluster string, w window.Window) ([]window.Window, error) {
	closed := map[window.Window]bool{}
	for object, err := range l.List(ctx, cluster, w) {
		if err != nil {
			return nil, err
		}
		closed[object.Window] = true
	}
	hours := slices.Collect(w.Hours())
	return slices.DeleteFunc(hours, func(h window.Window) bool { return closed[h] }), nil
}

// cut cuts the segments to [from, to), in place.
func cut(segments []usage.Segment, from, to int64) []usage.Segment {
	kept := segments[:0]
	for _, seg := range segments {
		if part, ok := seg.Cut(from, to); ok {
			kept = append(kept, part)
		}
	}
	return kept
}
