package schedule

import (
	"time"

	"github.com/gputally/gputally/reporter/window"
)

// MaxDue bounds one answer of Due. What is left comes with the next answer,
// once these are done.
const MaxDue = 1000

// Due returns the periods to be reported now, oldest first, at most 1,000 of
// them. lastDone is the latest period that is done, the zero Window if none is.
// since is the earliest data: a period that began before it would be incomplete
// and is never due; with the zero time there is no data and nothing is due.
//
// A period is done when it ends no later than lastDone. So a schedule that
// changes its period or zone leaves no gap, rather an overlap.
func Due(s Schedule, lastDone window.Window, now time.Time, settle time.Duration, since time.Time) []window.Window {
	if since.IsZero() {
		return nil
	}
	from := since
	if p := s.Period.Containing(lastDone.To, s.Zone); !lastDone.To.IsZero() && p.From.After(from) {
		from = p.From
	}
	var due []window.Window
	for p := range s.Period.Within(window.Window{From: from, To: now}, s.Zone) {
		if len(due) == MaxDue || s.Release(p, settle).After(now) {
			break
		}
		if p.To.After(lastDone.To) {
			due = append(due, p)
		}
	}
	return due
}

// Next returns the first instant after now at which a period is released, when
// Due is to be asked again.
func (s Schedule) Next(now time.Time, settle time.Duration) time.Time {
	p := s.Period.Containing(now, s.Zone)
	next := s.Release(p, settle)
	// The periods before p have ended and may still wait for the cron line.
	for {
		p = s.Period.Previous(p, s.Zone)
		at := s.Release(p, settle)
		if !at.After(now) {
			return next
		}
		next = at
	}
}

// Release is when a period may be reported: when the cron line fires next after
// its end, and its last hour has settled. It grows with the period.
func (s Schedule) Release(p window.Window, settle time.Duration) time.Time {
	fires, settled := s.fires.firstAt(p.To), p.To.Add(settle)
	if fires.After(settled) {
		return fires
	}
	return settled
}

// HoursDue returns the hours to be closed now, oldest first: those from the one
// that contains from, the earliest data, to the last that has settled, without
// those that are closed.
func HoursDue(closed func(window.Window) bool, from, now time.Time, settle time.Duration) []window.Window {
	if from.IsZero() || !from.Before(now) {
		return nil
	}
	var due []window.Window
	for h := range (window.Window{From: from, To: now}).Hours() {
		if !window.Closed(h, now, settle) {
			break
		}
		if !closed(h) {
			due = append(due, h)
		}
	}
	return due
}
