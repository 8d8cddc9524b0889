package window

import (
	"fmt"
	"strings"
	"time"
)

// Key names the window in object keys: 2026-11 for a month, 2026-W47 for a
// week, 2026-11-20 for a day and 2026-11-20T05 for an hour of the zone's
// calendar, with _Europe.Berlin behind it when the zone is not UTC. The second
// hour of the same name, when clocks go back, is 2026-10-25T02b. Any other
// window is written with both ends in UTC.
//
// The key has letters, digits and - _ . ! only, and keys of days, weeks and months
// of one zone sort by time. The zone must be one of the IANA database.
func Key(w Window, loc *time.Location) string {
	local := w.From.In(loc)
	switch {
	case PeriodMonth.whole(w, loc):
		return local.Format("2006-01") + zoneSuffix(loc)
	case PeriodWeek.whole(w, loc):
		year, week := local.ISOWeek()
		return fmt.Sprintf("%04d-W%02d", year, week) + zoneSuffix(loc)
	case PeriodDay.whole(w, loc):
		return local.Format(time.DateOnly) + zoneSuffix(loc)
	case PeriodHour.whole(w, loc):
		return hourKey(local) + zoneSuffix(loc)
	default:
		return instantKey(w.From) + "-" + instantKey(w.To)
	}
}

const hourLayout = "2006-01-02T15"

func hourKey(local time.Time) string {
	if repeats(local) {
		return local.Format(hourLayout) + "b"
	}
	return local.Format(hourLayout)
}

// repeats tells whether the clock showed this hour before it was put back.
func repeats(local time.Time) bool {
	y, m, d := local.Date()
	first := FirstReading(time.Date(y, m, d, local.Hour(), 0, 0, 0, time.UTC), local.Location())
	return !PeriodHour.Containing(first, local.Location()).To.After(local)
}

func instantKey(t time.Time) string {
	if t.Nanosecond() != 0 {
		return t.UTC().Format("20060102T150405.000000000Z")
	}
	return t.UTC().Format("20060102T150405Z")
}

func zoneSuffix(loc *time.Location) string {
	switch name := loc.String(); name {
	case "UTC", "Etc/UTC":
		return ""
	default:
		// A zone's name has neither . nor !, so this can be read back.
		return "_" + strings.NewReplacer("/", ".", "+", "!").Replace(name)
	}
}
