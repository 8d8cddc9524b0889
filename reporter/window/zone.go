package window

import (
	"fmt"
	"time"

	_ "time/tzdata" // images without a zone database must know the schedules' zones too
)

// Zone returns the zone of an IANA name such as Europe/Berlin. Local is
// refused, because what it means depends on the machine.
func Zone(name string) (*time.Location, error) {
	if name == "" || name == "Local" {
		return nil, fmt.Errorf("unknown time zone %q: use a name of the IANA database such as Europe/Berlin, or UTC", name)
	}
	loc, err := time.LoadLocation(name)
	if err != nil {
		return nil, fmt.Errorf("unknown time zone %q: use a name of the IANA database such as Europe/Berlin, or UTC", name)
	}
	return loc, nil
}

// FirstReading returns the first instant at which the zone's clock shows
// reading or later. The date and time of reading count, its own zone does not.
// A reading that the clock skips gives the instant of the skip, and one that it
// shows twice gives the first.
func FirstReading(reading time.Time, loc *time.Location) time.Time {
	y, m, d := reading.Date()
	civil := time.Date(y, m, d, reading.Hour(), reading.Minute(), reading.Second(), reading.Nanosecond(), time.UTC)
	// No zone is, or ever was, 48 hours from UTC: the clock shows less than
	// reading then, and from there the zone's offsets are tried in order.
	for t := civil.Add(-48 * time.Hour).In(loc); ; {
		_, offset := t.Zone()
		start, end := t.ZoneBounds()
		at := civil.Add(-time.Duration(offset) * time.Second)
		if at.Before(start) {
			at = start
		}
		if end.IsZero() || at.Before(end) {
			return at.UTC()
		}
		t = end
	}
}

// offsetBounds is ZoneBounds without the changes that change only the name.
func offsetBounds(t time.Time) (start, end time.Time) {
	_, offset := t.Zone()
	start, end = t.ZoneBounds()
	for !start.IsZero() {
		before := start.Add(-time.Nanosecond)
		if _, o := before.Zone(); o != offset {
			break
		}
		start, _ = before.ZoneBounds()
	}
	for !end.IsZero() {
		if _, o := end.Zone(); o != offset {
			break
		}
		_, end = end.ZoneBounds()
	}
	return start, end
}

// date is a day of the calendar, in no zone.
type date struct {
	year  int
	month time.Month
	day   int
}

func dateOf(t time.Time) date {
	y, m, d := t.Date()
	return date{y, m, d}
}

// midnight is the date's beginning on a clock that nobody changes.
func (d date) midnight() time.Time { return time.Date(d.year, d.month, d.day, 0, 0, 0, 0, time.UTC) }

// boundary is the instant at which the date begins in the zone.
func boundary(d date, loc *time.Location) time.Time { return FirstReading(d.midnight(), loc) }

// first returns the first date of the period that contains d.
func (p Period) first(d date) date {
	switch p {
	case PeriodWeek:
		sinceMonday := (int(d.midnight().Weekday()) + 6) % 7
		return dateOf(d.midnight().AddDate(0, 0, -sinceMonday))
	case PeriodMonth:
		return date{d.year, d.month, 1}
	default:
		return d
	}
}

// add moves the first date of a period by n periods.
func (p Period) add(d date, n int) date {
	switch p {
	case PeriodWeek:
		return dateOf(d.midnight().AddDate(0, 0, 7*n))
	case PeriodMonth:
		return dateOf(d.midnight().AddDate(0, n, 0))
	default:
		return dateOf(d.midnight().AddDate(0, 0, n))
	}
}
