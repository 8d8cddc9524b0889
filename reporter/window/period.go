package window

import (
	"fmt"
	"iter"
	"strings"
	"time"
)

// Period is a kind of calendar period.
type Period int

// The periods. A week is an ISO 8601 week, which begins on Monday.
const (
	PeriodHour Period = iota + 1
	PeriodDay
	PeriodWeek
	PeriodMonth
)

var periodNames = [...]string{PeriodHour: "hour", PeriodDay: "day", PeriodWeek: "week", PeriodMonth: "month"}

// ParsePeriod reads hour, day, week or month.
func ParsePeriod(text string) (Period, error) {
	for p, name := range periodNames {
		if name != "" && name == text {
			return Period(p), nil
		}
	}
	return 0, fmt.Errorf("unknown period %q: use one of %s", text, strings.Join(periodNames[PeriodHour:], ", "))
}

func (p Period) String() string {
	if p < PeriodHour || p > PeriodMonth {
		return fmt.Sprintf("Period(%d)", int(p))
	}
	return periodNames[p]
}

// MarshalText gives the name that UnmarshalText reads.
func (p Period) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// UnmarshalText reads what ParsePeriod reads.
func (p *Period) UnmarshalText(text []byte) error {
	parsed, err := ParsePeriod(string(text))
	if err != nil {
		return err
	}
	*p = parsed
	return nil
}

// Containing returns the period of the zone's calendar that contains t. The
// periods of one kind and zone tile all time: each instant lies in exactly one.
//
// A day begins when the zone's clock first shows its midnight or a later time,
// and ends where the next begins: a day on which the clock is changed has 23 or
// 25 hours, and a day that the zone leaves out has no window. An hour is a
// stretch in which neither the hour on the clock nor its offset from UTC
// changes, so that 02:00 to 03:00 in autumn is two of them.
func (p Period) Containing(t time.Time, loc *time.Location) Window {
	if p == PeriodHour {
		return hourContaining(t.In(loc))
	}
	// The clock shows this period at t, so it has begun, and clocks that were
	// put back over its beginning may show it again in the next one.
	d := p.first(dateOf(t.In(loc)))
	for !boundary(p.next(d), loc).After(t) {
		d = p.next(d)
	}
	return Window{boundary(d, loc), boundary(p.next(d), loc)}
}

// Next returns the period that begins where w ends.
func (p Period) Next(w Window, loc *time.Location) Window { return p.Containing(w.To, loc) }

// Previous returns the period that ends where w begins, if w is a period.
func (p Period) Previous(w Window, loc *time.Location) Window {
	return p.Containing(w.From.Add(-time.Nanosecond), loc)
}

// Within yields the periods that lie wholly in w, oldest first.
func (p Period) Within(w Window, loc *time.Location) iter.Seq[Window] {
	return func(yield func(Window) bool) {
		if !w.From.Before(w.To) {
			return
		}
		c := p.Containing(w.From, loc)
		if c.From.Before(w.From) {
			c = p.Next(c, loc)
		}
		for ; !c.To.After(w.To); c = p.Next(c, loc) {
			if !yield(c) {
				return
			}
		}
	}
}

// Closed tells whether w is over and the settle delay has passed, so that late
// samples are in and its numbers can be final.
func Closed(w Window, now time.Time, settle time.Duration) bool {
	return !now.Before(w.To.Add(settle))
}

// whole tells whether w is one period of the zone's calendar.
func (p Period) whole(w Window, loc *time.Location) bool {
	c := p.Containing(w.From, loc)
	return c.From.Equal(w.From) && c.To.Equal(w.To)
}

// hourContaining cuts the hour on the clock where the zone changes its offset.
func hourContaining(local time.Time) Window {
	into := time.Duration(local.Minute())*time.Minute + time.Duration(local.Second())*time.Second +
		time.Duration(local.Nanosecond())
	from := local.Add(-into)
	return Window{sameOffsetSince(local, from).UTC(), sameOffsetUntil(local, from.Add(time.Hour)).UTC()}
}
