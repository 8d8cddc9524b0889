package ledger

import (
	"errors"
	"fmt"
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
		return fmt.Sprintf("cluster %s: %d hours are not closed, from %s to %s; close them with gputally-reporter close",
			e.Cluster, n, first, e.Hours[n-1].From.Format(time.RFC3339))
	}
	return fmt.Sprintf("cluster %s: hour %s is not closed; close it with gputally-reporter close", e.Cluster, first)
}

// Unwrap makes the error an ErrHourMissing.
func (e *MissingError) Unwrap() error { return ErrHourMissing }

// CorruptError says that the object of an hour can't be read or does not hold
// what its key says.
type CorruptError struct {
	Key     string
	Cluster string
	Hour    window.Window
	Err     error
}

func (e *CorruptError) Error() string {
	return fmt.Sprintf("ledger object %s is damaged: %v; restate the hour %s of cluster %s with gputally-reporter close",
		e.Key, e.Err, e.Hour.From.Format(time.RFC3339), e.Cluster)
}

// Unwrap gives what is wrong with the object.
func (e *CorruptError) Unwrap() error { return e.Err }

// SchemaError says that another version of the program wrote the object in a
// schema that this one does not know.
type SchemaError struct {
	Key    string
	Schema int64
}

func (e *SchemaError) Error() string {
	return fmt.Sprintf("ledger object %s has schema %d and this program knows %d; use the version of gputally that wrote it, or a later one",
		e.Key, e.Schema, schemaVersion)
}

// ConflictError says that another writer closed or restated the hour, with
// other content, while this one was at it. Nothing was changed. It is a
// bucket.ErrConflict.
type ConflictError struct {
	Key     string
	Cluster string
	Hour    window.Window
}

func (e *ConflictError) Error() string {
	return fmt.Sprintf("hour %s of cluster %s was written by another process in the meantime (%s); "+
		"look for a second reporter, then restate the hour if it is to change",
		e.Hour.From.Format(time.RFC3339), e.Cluster, e.Key)
}

// Unwrap makes the error a bucket.ErrConflict.
func (e *ConflictError) Unwrap() error { return bucket.ErrConflict }
