package ledger

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/gputally/gputally/reporter/bucket"
	"github.com/gputally/gputally/reporter/window"
)

// ErrHourMissing says that an hour is not closed. A *MissingError says which.
var ErrHourMissing = errors.New("hour is not closed")

// MissingError names the hours of a cluster that are not in the ledger, oldest
// first. It is an ErrHourMissing.
type MissingError struct {
	Cluster string
	Hours   []window.Window
}

func (e *MissingError) Error() string {
	first := e.Hours[0].From.Format(time.RFC3339)
	if n := len(e.Hours); n > 1 {
		return fmt.Sprintf("cluster %s: %d hours are not closed, from %s to %s; close them with gputally-reporter close --from=%[3]s",
			e.Cluster, n, first, e.Hours[n-1].From.Format(time.RFC3339))
	}
	return fmt.Sprintf("cluster %s: hour %s is not closed; close it with gputally-reporter close --from=%[2]s", e.Cluster, first)
}

// Unwrap makes the error an ErrHourMissing.
func (e *MissingError) Unwrap() error { return ErrHourMissing }

// CorruptError says that the object of an hour, or of a day of the daily table,
// can't be read or does not hold what its key says.
type CorruptError struct {
	Key     string
	Cluster string
	Hour    window.Window // or day
	Err     error
}

func (e *CorruptError) Error() string {
	if strings.HasPrefix(e.Key, daily) {
		return fmt.Sprintf("ledger object %s is damaged: %v; make %s of cluster %s again with %s, "+
			"after hours that it alone holds were restated with gputally-reporter close --restate, or with --give-up without them",
			e.Key, e.Err, called(e.Hour), e.Cluster, compacting(e.Cluster, e.Hour))
	}
	return fmt.Sprintf("ledger object %s is damaged: %v; restate the hour %s of cluster %s with %s",
		e.Key, e.Err, e.Hour.From.Format(time.RFC3339), e.Cluster, restating(e.Cluster, e.Hour))
}

// Unwrap gives what is wrong with the object.
func (e *CorruptError) Unwrap() error { return e.Err }

// EdgesError says that edges which an hour has stored are gone (then it is a
// bucket.ErrNotFound) or can't be read.
type EdgesError struct {
	Key     string
	Cluster string
	At      time.Time // the end of one hour and the begin of the next
	Err     error
}

func (e *EdgesError) Error() string {
	what := fmt.Sprintf("are damaged: %v", e.Err)
	if errors.Is(e.Err, bucket.ErrNotFound) {
		what = "are gone"
	}
	return fmt.Sprintf("ledger edges %s %s; restate the two hours of cluster %[4]s that meet at %[3]s, in one go, with %[5]s",
		e.Key, what, e.At.Format(time.RFC3339), e.Cluster, restating(e.Cluster, around(e.At)))
}

// Unwrap gives what is wrong with the object.
func (e *EdgesError) Unwrap() error { return e.Err }

// StrayError says that a Parquet object lies in a table under a name that the
// ledger does not know: whoever reads the table with a glob counts it.
type StrayError struct{ Key string }

func (e *StrayError) Error() string {
	return fmt.Sprintf("object %s is not named like one of the ledger's; move it away", e.Key)
}

// SchemaError says that another version of the program wrote the object in a
// schema that this one does not know.
type SchemaError struct {
	Key    string
	Schema int64
	// Columns that this version does not know keep it from copying the object,
	// not from reading it.
	Columns []string
}

func (e *SchemaError) Error() string {
	if len(e.Columns) > 0 {
		return fmt.Sprintf("ledger object %s has columns that this program does not know (%s) and would lose; use the version of gputally that wrote it, or a later one",
			e.Key, strings.Join(e.Columns, ", "))
	}
	return fmt.Sprintf("ledger object %s has schema %d and this program knows %d; use the version of gputally that wrote it, or a later one",
		e.Key, e.Schema, schemaVersion)
}

// ConflictError says that another writer closed or restated the hour, or made
// the day's table, with other content, while this one was at it. Nothing was
// changed. It is a bucket.ErrConflict.
type ConflictError struct {
	Key     string
	Cluster string
	Hour    window.Window // or day
}

func (e *ConflictError) Error() string {
	return fmt.Sprintf("%s of cluster %s was written by another process in the meantime (%s); "+
		"look for a second reporter, then write it again if it is to change",
		called(e.Hour), e.Cluster, e.Key)
}

// Unwrap makes the error a bucket.ErrConflict.
func (e *ConflictError) Unwrap() error { return bucket.ErrConflict }

// called is the hour or day as messages call it.
func called(w window.Window) string {
	if w == window.Hour(w.From) {
		return "hour " + w.From.Format(time.RFC3339)
	}
	return "day " + w.From.Format(time.DateOnly)
}
