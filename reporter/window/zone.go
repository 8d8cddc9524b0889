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
		start, _ := t.ZoneBounds()
		end := zoneEnd(t)
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

// sameOffsetSince returns the instant from which on the zone had the offset
// that it has at t, but not before earliest. Not every bound of a zone changes
// the offset: some change the name only, and some are a new year.
func sameOffsetSince(t, earliest time.Time) time.Time {
	_, offset := t.Zone()
	for {
		start, _ := t.ZoneBounds()
		if start.IsZero() || !start.After(earliest) {
			return earliest
		}
		t = start.Add(-time.Nanosecond)
		if _, o := t.Zone(); o != offset {
			return start
		}
	}
}

// sameOffsetUntil is the instant at which the offset at t ends, but not after latest.
func sameOffsetUntil(t, latest time.Time) time.Time {
	_, offset := t.Zone()
	for {
		t = zoneEnd(t)
		if t.IsZero() || !t.Before(latest) {
			return latest
		}
		if _, o := t.Zone(); o != offset {
			return t
		}
	}
}

// zoneEnd is the end of ZoneBounds, zero if there is none, and after t. In
// years beyond the last change that a zone's table lists, ZoneBounds ends a
// year after 365 days: on the last day of a leap year that end is past already.
func zoneEnd(t time.Time) time.Time {
	_, end := t.ZoneBounds()
	if !end.IsZero() && !end.After(t) {
		return time.Date(t.UTC().Year()+1, time.January, 1, 0, 0, 0, 0, time.UTC).In(t.Location())
	}
	return end
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

// next returns the first date of the period after the one that begins with d.
func (p Period) next(d date) date {
	switch p {
	case PeriodWeek:
		return dateOf(d.midnight().AddDate(0, 0, 7))
	case PeriodMonth:
		return dateOf(d.midnight().AddDate(0, 1, 0))
	default:
		return dateOf(d.midnight().AddDate(0, 0, 1))
	}
}
