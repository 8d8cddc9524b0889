package window

import (
	"fmt"
	"iter"
	"time"
)

// Window is the half-open range [From, To) of time, in UTC.
type Window struct {
	From, To time.Time
}

// New returns the window [from, to) in UTC, or an error if it is empty or reversed.
func New(from, to time.Time) (Window, error) {
	if !from.Before(to) {
		return Window{}, fmt.Errorf("window from %s to %s is empty: from must be before to",
			from.UTC().Format(time.RFC3339), to.UTC().Format(time.RFC3339))
	}
	return Window{from.UTC(), to.UTC()}, nil
}

// Hour returns the hour that contains t.
func Hour(t time.Time) Window {
	from := t.UTC().Truncate(time.Hour)
	return Window{from, from.Add(time.Hour)}
}

// Duration is the length of the window.
func (w Window) Duration() time.Duration { return w.To.Sub(w.From) }

// Contains tells whether t lies in the window.
func (w Window) Contains(t time.Time) bool { return !t.Before(w.From) && t.Before(w.To) }

// Overlaps tells whether the windows have time in common.
func (w Window) Overlaps(o Window) bool { return w.From.Before(o.To) && o.From.Before(w.To) }

// Intersect returns the time that the windows have in common, and whether there
// is any.
func (w Window) Intersect(o Window) (Window, bool) {
	if o.From.After(w.From) {
		w.From = o.From
	}
	if o.To.Before(w.To) {
		w.To = o.To
	}
	if !w.From.Before(w.To) {
		return Window{}, false
	}
	return w, true
}

// Span returns the shortest window that has all of both.
func (w Window) Span(o Window) Window {
	if o.From.Before(w.From) {
		w.From = o.From
	}
	if o.To.After(w.To) {
		w.To = o.To
	}
	return w
}

// Hours yields the UTC hours that overlap the window, oldest first, uncut.
func (w Window) Hours() iter.Seq[Window] {
	return func(yield func(Window) bool) {
		for h := Hour(w.From); h.From.Before(w.To); h = Hour(h.To) {
			if !yield(h) {
				return
			}
		}
	}
}

// String formats the window as an ISO 8601 interval.
func (w Window) String() string {
	return w.From.Format(time.RFC3339) + "/" + w.To.Format(time.RFC3339)
}
