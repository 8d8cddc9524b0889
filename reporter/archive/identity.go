package archive

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"

	"github.com/gputally/gputally/reporter/schedule"
)

// Publication says as what a table is published.
type Publication struct {
	Name   string // of the report or its schedule: "showback"
	Period string // key of the period: "2026-11"
}

// Identity is what a report is given when it is published. No two reports of an
// archive have the same, and what has one never changes.
type Identity struct {
	Publication
	Revision int    // 1, 2, … among the reports of the period
	ID       string // derived from name, period and revision
	// Supersedes is the ID of the report that this one replaces, "" for none.
	Supersedes string
}

// NameError says that a name or period can't be part of a key.
type NameError struct {
	Field string // "name" or "period"
	Text  string
}

func (e *NameError) Error() string {
	return fmt.Sprintf("report: %s %q: must be 1 to 128 letters, digits and . _ ! -, the first a letter or digit", e.Field, e.Text)
}

var keySegment = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._!-]{0,127}$`)

// Check says all that is wrong with the publication. Errors: *NameError.
func (p Publication) Check() error {
	var errs []error
	for _, part := range []NameError{{"name", p.Name}, {"period", p.Period}} {
		if !keySegment.MatchString(part.Text) {
			errs = append(errs, &part)
		}
	}
	return errors.Join(errs...)
}

// id is the ID of a revision: the same whoever makes it, and however often.
func (p Publication) id(revision int) string {
	return schedule.ID(p.Name, p.Period, strconv.Itoa(revision))
}
