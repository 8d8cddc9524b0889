package window

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Parse reads a window as a user writes it, in the calendar of the zone:
//
//	2026-11  2026-W47  2026-11-20  2026-11-20T05       one period
//	2026-10-25T02b                                     the second hour of that name
//	today  yesterday  this-week  last-month  last-hour a period seen from now
//	2026-11-01/2026-11-15                              from … to, the end not included
//	2026-11-20T05:30:00Z/2026-11-20T06:00:00+01:00     RFC 3339, to the millisecond
//
// The ends of a range may be of any of the first forms; each stands for its
// beginning.
func Parse(text string, now time.Time, loc *time.Location) (Window, error) {
	left, right, isRange := strings.Cut(text, "/")
	if !isRange {
		return parseOne(text, now, loc)
	}
	from, err := ParseInstant(left, now, loc)
	if err != nil {
		return Window{}, fmt.Errorf("period %q: %w", text, err)
	}
	to, err := ParseInstant(right, now, loc)
	if err != nil {
		return Window{}, fmt.Errorf("period %q: %w", text, err)
	}
	w, err := New(from, to)
	if err != nil {
		return Window{}, fmt.Errorf("period %q: %w", text, err)
	}
	return w, nil
}

// ParseInstant reads an instant as a user writes it: RFC 3339 to the millisecond,
// or any period that Parse reads, which stands for its beginning in the zone's
// calendar.
func ParseInstant(text string, now time.Time, loc *time.Location) (time.Time, error) {
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		w, err := parseOne(text, now, loc)
		return w.From, err
	}
	if t.Nanosecond()%int(time.Millisecond) != 0 {
		return time.Time{}, fmt.Errorf("%s is finer than a millisecond", text)
	}
	return t.UTC(), nil
}

func parseOne(text string, now time.Time, loc *time.Location) (Window, error) {
	if w, ok := parseRelative(text, now, loc); ok {
		return w, nil
	}
	if t, err := time.Parse("2006-01", text); err == nil {
		return existing(PeriodMonth, text, t, loc)
	}
	if t, err := time.Parse(time.DateOnly, text); err == nil {
		return existing(PeriodDay, text, t, loc)
	}
	if t, ok := parseWeek(text); ok {
		return existing(PeriodWeek, text, t, loc)
	}
	if t, err := time.Parse(hourLayout, strings.TrimSuffix(text, "b")); err == nil {
		return parseHour(text, t, loc)
	}
	return Window{}, fmt.Errorf("cannot read period %q: use for example 2026-11-20, 2026-11, 2026-W47, "+
		"2026-11-20T05, 2026-11-01/2026-11-15, yesterday or last-month", text)
}

// existing returns the period that begins with the reading, unless the zone
// leaves it out.
func existing(p Period, text string, reading time.Time, loc *time.Location) (Window, error) {
	w := p.Containing(FirstReading(reading, loc), loc)
	if p.first(dateOf(w.From.In(loc))) != dateOf(reading) {
		return Window{}, fmt.Errorf("period %q does not exist in %s", text, loc)
	}
	return w, nil
}

// parseHour looks for the hour by its key, because clocks that go back show the
// same hour again some hours later.
func parseHour(text string, reading time.Time, loc *time.Location) (Window, error) {
	first := PeriodHour.Containing(FirstReading(reading, loc), loc)
	for w := first; w.From.Sub(first.From) <= 24*time.Hour; w = PeriodHour.Next(w, loc) {
		if hourKey(w.From.In(loc)) == text {
			return w, nil
		}
	}
	return Window{}, fmt.Errorf("hour %q does not exist in %s", text, loc)
}

// parseRelative reads today, yesterday, this-PERIOD and last-PERIOD.
func parseRelative(text string, now time.Time, loc *time.Location) (Window, bool) {
	switch text {
	case "today":
		text = "this-day"
	case "yesterday":
		text = "last-day"
	}
	which, name, _ := strings.Cut(text, "-")
	p, err := ParsePeriod(name)
	if err != nil || which != "this" && which != "last" {
		return Window{}, false
	}
	w := p.Containing(now, loc)
	if which == "last" {
		w = p.Previous(w, loc)
	}
	return w, true
}

// parseWeek reads 2026-W47 and returns the Monday of that week.
func parseWeek(text string) (time.Time, bool) {
	if len(text) != len("2026-W47") || text[4:6] != "-W" {
		return time.Time{}, false
	}
	year, err := strconv.ParseUint(text[:4], 10, 16)
	if err != nil {
		return time.Time{}, false
	}
	week, err := strconv.ParseUint(text[6:], 10, 8)
	if err != nil {
		return time.Time{}, false
	}
	// 4 January lies in week 1 of its year, always.
	inFirst := time.Date(int(year), time.January, 4, 0, 0, 0, 0, time.UTC)
	monday := PeriodWeek.first(dateOf(inFirst)).midnight().AddDate(0, 0, 7*(int(week)-1))
	y, w := monday.ISOWeek()
	return monday, y == int(year) && w == int(week)
}
