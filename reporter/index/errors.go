package index

import (
	"fmt"

	"github.com/gputally/gputally/reporter/bucket"
)

// RecordError says that an object of the index is not what this program writes.
type RecordError struct {
	Key   string // of the object
	Field string // "records[3].revision", "" if it is the whole
	Err   error
}

func (e *RecordError) Error() string {
	where := e.Key
	if e.Field != "" {
		where += ": " + e.Field
	}
	return fmt.Sprintf("index object %s: %v; make the index again with gputally-reporter index rebuild", where, e.Err)
}

// Unwrap gives what is wrong.
func (e *RecordError) Unwrap() error { return e.Err }

// VersionError says that a later version of the program wrote an object.
type VersionError struct {
	Key     string
	Version int
}

func (e *VersionError) Error() string {
	return fmt.Sprintf("index object %s has version %d and this program knows %d; use the version of gputally that wrote it, or a later one",
		e.Key, e.Version, version)
}

// ConflictError says that others changed an object each time before an update
// could be written. Nothing was changed. It is a bucket.ErrConflict.
type ConflictError struct {
	Key      string
	Attempts int
}

func (e *ConflictError) Error() string {
	return fmt.Sprintf("index object %s was changed by others in each of %d attempts to update it; "+
		"look for more reporters than there should be, then try again", e.Key, e.Attempts)
}

// Unwrap makes the error a bucket.ErrConflict.
func (e *ConflictError) Unwrap() error { return bucket.ErrConflict }
