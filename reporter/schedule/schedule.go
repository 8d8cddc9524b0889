package schedule

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"time"

	"github.com/gputally/gputally/reporter/window"
)

// Definition is a schedule as an operator writes it.
type Definition struct {
	Name     string   // in object keys: letters, digits, hyphens
	Cron     string   // five fields: minute, hour, day of month, month, day of week
	TimeZone string   // IANA name, "" for UTC
	Period   string   // hour, day, week, month
	GroupBy  []string // dimensions of the report, which the report knows
}

// Schedule says which periods are reported, how, and not before when.
type Schedule struct {
	Name    string
	Cron    string
	Zone    *time.Location
	Period  window.Period
	GroupBy []string

	fires timetable
}

// FieldError says what is wrong with one field of a Definition, by its name in
// the schedules' file.
type FieldError struct {
	Field string
	Err   error
}

func (e *FieldError) Error() string { return e.Field + ": " + e.Err.Error() }

// Unwrap returns what is wrong.
func (e *FieldError) Unwrap() error { return e.Err }

var validName = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)

// Parse checks a definition. All problems come back at once, joined, each a
// *FieldError.
func Parse(def Definition) (Schedule, error) {
	s := Schedule{Name: def.Name, Cron: def.Cron, Zone: time.UTC, GroupBy: def.GroupBy}
	var errs []error
	check := func(field string, err error) {
		if err != nil {
			errs = append(errs, &FieldError{field, err})
		}
	}
	if !validName.MatchString(def.Name) {
		check("name", fmt.Errorf("%q is no name: use lower-case letters, digits and hyphens, at most 63", def.Name))
	}
	var err error
	if def.TimeZone != "" {
		if s.Zone, err = window.Zone(def.TimeZone); err != nil {
			check("time_zone", err)
			s.Zone = time.UTC
		}
	}
	s.fires, err = parseCron(def.Cron, s.Zone)
	check("cron", err)
	s.Period, err = window.ParsePeriod(def.Period)
	check("period", err)
	if len(def.GroupBy) == 0 {
		check("group_by", errors.New("is required: name at least one dimension, such as project"))
	}
	if len(errs) > 0 {
		return Schedule{}, errors.Join(errs...)
	}
	return s, nil
}

// ID derives the id of a scheduled report from what it is: the same report has
// the same id whoever makes it, and however often.
func ID(name, windowKey, revision string) string {
	h := sha256.New()
	for _, part := range []string{name, windowKey, revision} {
		// Lengths keep ("a", "bc") and ("ab", "c") apart.
		fmt.Fprintf(h, "%d:%s", len(part), part)
	}
	return hex.EncodeToString(h.Sum(nil)[:8])
}
