package serve

import (
	"slices"
	"time"

	"github.com/gputally/gputally/reporter/task"
	"github.com/gputally/gputally/reporter/window"
)

const (
	// emptyPause is how long an hour without samples is left alone.
	emptyPause = 10 * time.Minute
	// asideAfter is how many tries of an hour hold back later hours.
	asideAfter = 3
	// insistAfter is how many failures of a server in a row, all at one hour, are
	// reason to try another hour: the server may fail at this hour only.
	insistAfter = 5
)

// trouble is an hour that could not be closed.
type trouble struct {
	hour  window.Window
	tries int       // that failed, by fault of the hour
	next  time.Time // when to try again
	err   error     // of the latest try
	empty bool      // it has no samples
}

// aside tells whether later hours go on without it.
func (t *trouble) aside() bool { return !t.empty && t.tries >= asideAfter }

// troubles are the hours of a cluster that could not be closed, by their begin.
type troubles map[time.Time]*trouble

func (h troubles) of(hour window.Window) *trouble { return h[hour.From.UTC()] }

// empty notes that an hour has no samples, and tells whether that is new.
func (h troubles) empty(hour window.Window, now time.Time, err error) (isNew bool) {
	before := h.of(hour)
	h[hour.From.UTC()] = &trouble{hour: hour, next: now.Add(emptyPause), err: err, empty: true}
	return before == nil || !before.empty
}

// failed notes that an hour failed by itself.
func (h troubles) failed(hour window.Window, now time.Time, backoff task.Backoff, err error) *trouble {
	t := h.of(hour)
	if t == nil || t.empty {
		t = &trouble{hour: hour}
		h[hour.From.UTC()] = t
	}
	t.tries++
	t.err, t.next = err, now.Add(backoff.After(t.tries, err))
	return t
}

// putAside sets an hour aside at once.
func (h troubles) putAside(hour window.Window, now time.Time, backoff task.Backoff, err error) *trouble {
	t := h.failed(hour, now, backoff, err)
	t.tries = max(t.tries, asideAfter)
	return t
}

func (h troubles) forget(hour window.Window) { delete(h, hour.From.UTC()) }

// setAside lists the hours that are set aside, oldest first.
func (h troubles) setAside() (all []*trouble) {
	for _, t := range h {
		if t.aside() {
			all = append(all, t)
		}
	}
	slices.SortFunc(all, func(a, b *trouble) int { return a.hour.From.Compare(b.hour.From) })
	return all
}

// hold tells whether an hour is to be left alone for now.
func (t *trouble) hold(now time.Time) bool { return t != nil && now.Before(t.next) }
