package serve

import (
	"cmp"
	"errors"
	"slices"
	"time"

	"github.com/gputally/gputally/reporter/task"
	"github.com/gputally/gputally/reporter/window"
)

// period is one that a schedule is to report.
type period struct {
	window window.Window
	since  time.Time // when its report was found to be outdated; zero for its first report
	tries  int       // that failed
	blamed int       // tries that a server failed
	next   time.Time // when to try again
	err    error     // of the latest try
}

func (p *period) failed(now time.Time, backoff task.Backoff, err error) {
	p.tries++
	p.err, p.next = err, now.Add(backoff.After(p.tries, err))
}

// periods are those that a schedule is to report, oldest first.
type periods []*period

// add adds a period that is not there.
func (all *periods) add(w window.Window, since time.Time) {
	if slices.ContainsFunc(*all, func(p *period) bool { return p.window == w }) {
		return
	}
	*all = append(*all, &period{window: w, since: since})
	slices.SortFunc(*all, func(a, b *period) int { return a.window.From.Compare(b.window.From) })
}

// done takes a period out.
func (all *periods) done(p *period) {
	*all = slices.DeleteFunc(*all, func(other *period) bool { return other == p })
}

// ready are the periods that may be tried now, those at which a server failed most
// often last.
func (all *periods) ready(now time.Time, late func(*period) bool) []*period {
	ready := slices.DeleteFunc(slices.Clone(*all), func(p *period) bool { return now.Before(p.next) || late(p) })
	slices.SortStableFunc(ready, func(a, b *period) int { return cmp.Compare(a.blamed, b.blamed) })
	return ready
}

// next is when one of them may be tried, or when a period is released next: after
// a pause, or at the deadline of one that waits for a cluster. For all else that
// they wait for, whoever changes an hour wakes the task.
func (all *periods) next(now, released time.Time, deadline func(*period) time.Time) time.Time {
	next := released
	for _, p := range *all {
		at := p.next
		if p.err == nil {
			at = deadline(p)
		}
		if at.After(now) && at.Before(next) {
			next = at
		}
	}
	return next
}

// err is why some of them could not be reported, nil if none failed.
func (all *periods) err() error {
	var failed []error
	for _, p := range *all {
		failed = append(failed, p.err)
	}
	return errors.Join(failed...)
}
