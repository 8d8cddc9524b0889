package schedule

import (
	"fmt"
	"strings"
	"time"

	"github.com/robfig/cron/v3"

	"github.com/gputally/gputally/reporter/window"
)

// timetable is a cron line in a zone.
type timetable struct {
	// line is read on a clock that nobody changes: on a zone's clock the parser
	// looks for ever when the zone leaves out a day.
	line cron.Schedule
	loc  *time.Location
}

const cronParts = cron.Minute | cron.Hour | cron.Dom | cron.Month | cron.Dow | cron.Descriptor

var cronFields = [...]string{"minute", "hour", "day of month", "month", "day of week"}

// parseCron reads a line of five fields, or @hourly, @daily, @weekly, @monthly,
// @yearly.
func parseCron(line string, loc *time.Location) (timetable, error) {
	line = strings.TrimSpace(line)
	if strings.HasPrefix(line, "TZ=") || strings.HasPrefix(line, "CRON_TZ=") {
		return timetable{}, fmt.Errorf("%q sets a time zone: use time_zone instead", line)
	}
	if strings.HasPrefix(line, "@every") {
		return timetable{}, fmt.Errorf("%q counts from the start of the process: use five fields or @hourly, @daily, @weekly, @monthly", line)
	}
	if !strings.HasPrefix(line, "@") {
		if err := checkFields(line); err != nil {
			return timetable{}, err
		}
	}
	spec, err := cron.NewParser(cronParts).Parse(line)
	if err != nil {
		return timetable{}, fmt.Errorf("%q: %w", line, err)
	}
	parsed, ok := spec.(*cron.SpecSchedule)
	if !ok {
		return timetable{}, fmt.Errorf("%q is not a cron line of five fields", line)
	}
	parsed.Location = time.UTC
	// From a fixed date with a leap year in the five years that the parser looks
	// ahead, so that the answer doesn't depend on the clock.
	if parsed.Next(time.Date(2026, time.January, 1, 0, 0, 0, 0, time.UTC)).IsZero() {
		return timetable{}, fmt.Errorf("%q never fires: there is no such day", line)
	}
	return timetable{line: parsed, loc: loc}, nil
}

// checkFields names the field that is wrong, which the parser does not.
func checkFields(line string) error {
	fields := strings.Fields(line)
	if len(fields) != len(cronFields) {
		return fmt.Errorf("%q has %d fields, not the five of %s", line, len(fields), strings.Join(cronFields[:], ", "))
	}
	for i, field := range fields {
		alone := []string{"*", "*", "*", "*", "*"}
		alone[i] = field
		if _, err := cron.NewParser(cronParts).Parse(strings.Join(alone, " ")); err != nil {
			return fmt.Errorf("%s %q of %q: %w", cronFields[i], field, line, err)
		}
	}
	return nil
}

// firstAt returns the first time at or after t at which the line fires. A time
// of day that the clock shows twice counts when it is shown first, and one that
// the clock skips when it is skipped.
func (tt timetable) firstAt(t time.Time) time.Time {
	// What the clock shows just before t, because the parser's Next is strictly
	// later, and because what is skipped at t counts at t.
	local := t.Add(-time.Nanosecond).In(tt.loc)
	reading := time.Date(local.Year(), local.Month(), local.Day(),
		local.Hour(), local.Minute(), local.Second(), local.Nanosecond(), time.UTC)
	for {
		next := tt.line.Next(reading)
		if next.IsZero() { // the parser looks five years ahead, and 2100 has no 29 February
			reading = reading.AddDate(4, 0, 0)
			continue
		}
		if at := window.FirstReading(next, tt.loc); !at.Before(t) {
			return at
		}
		reading = next
	}
}
