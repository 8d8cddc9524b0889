package schedule

import (
	"slices"
	"time"

	"github.com/gputally/gputally/reporter/window"
)

// MaxDue bounds one answer of Due. What is left comes with the next answer,
// once these are done.
const MaxDue = 1000

// Due returns the periods to be reported now, oldest first, at most 1,000 of
// them. done are the windows of the reports that there are, in any order. since
// is the earliest data: a period that began before it would be incomplete and is
// never due; with the zero time there is no data and nothing is due.
//
// A period is done when the reports cover it. So one that could not be made is
// due however many later ones are done, and a schedule that changes its period or
// zone leaves no gap, rather an overlap.
func Due(s Schedule, done []window.Window, now time.Time, settle time.Duration, since time.Time) []window.Window {
	if since.IsZero() {
		return nil
	}
	var due []window.Window
	for _, gap := range gaps(done, window.Window{From: since, To: now}) {
		from := since
		if p := s.Period.Containing(gap.From, s.Zone); p.From.After(from) {
			from = p.From
		}
		for p := range s.Period.Within(window.Window{From: from, To: now}, s.Zone) {
			if len(due) == MaxDue || s.Release(p, settle).After(now) {
				return due
			}
			if !p.From.Before(gap.To) {
				break
			}
			if len(due) == 0 || due[len(due)-1] != p {
				due = append(due, p)
			}
		}
	}
	return due
}

// gaps are the parts of a window that others leave, oldest first.
func gaps(others []window.Window, w window.Window) (left []window.Window) {
	sorted := slices.SortedFunc(slices.Values(others), func(a, b window.Window) int { return a.From.Compare(b.From) })
	at := w.From
	for _, o := range sorted {
		if o.From.After(at) && at.Before(w.To) {
			left = append(left, window.Window{From: at, To: o.From})
		}
		if o.To.After(at) {
			at = o.To
		}
	}
	if at.Before(w.To) {
		left = append(left, window.Window{From: at, To: w.To})
	}
	return left
}

// Released returns the latest period that may be reported.
func (s Schedule) Released(now time.Time, settle time.Duration) window.Window {
	p := s.Period.Containing(now, s.Zone)
	for s.Release(p, settle).After(now) { // those that ended may still wait for the cron line
		p = s.Period.Previous(p, s.Zone)
	}
	return p
}

// Next returns the first instant after now at which a period is released, when
// Due is to be asked again.
func (s Schedule) Next(now time.Time, settle time.Duration) time.Time {
	return s.Release(s.Period.Next(s.Released(now, settle), s.Zone), settle)
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
