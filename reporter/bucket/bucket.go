package bucket

import (
	"context"
	"errors"
	"io"
	"iter"
	"time"
)

// The errors of a Bucket, to be asked for with errors.Is. Any other error is
// of the store or the way to it, and may pass.
var (
	// ErrNotFound says that there is no object with this key.
	ErrNotFound = errors.New("object not found")
	// ErrConflict says that a condition of a Put or Delete did not hold and nothing changed.
	ErrConflict = errors.New("object changed by another writer")
	// ErrDenied says that the store refuses the operation to these credentials.
	ErrDenied = errors.New("access denied")
)

// Object describes a stored object.
type Object struct {
	Key      string
	Size     int64
	ETag     string // opaque; equal for equal content, so a compare-and-swap needs a unique token inside
	Modified time.Time
}

// Condition restricts a Put or Delete. The zero Condition is none.
type Condition struct {
	// Absent: the object must not exist (Put only).
	Absent bool
	// ETag: the object must exist with this ETag.
	ETag string
}

// Bucket stores objects under slash-separated keys without a leading slash.
//
// A Put is atomic: a reader sees the old object or the whole new one, never a
// part, also after a crash. Once a Put returned, every Get and List shows it.
type Bucket interface {
	// Get opens an object. The caller closes the reader. Errors: ErrNotFound, ErrDenied.
	Get(ctx context.Context, key string) (io.ReadCloser, Object, error)
	// Put stores an object and returns its description. size is the number of
	// bytes that body gives. Errors: ErrConflict, ErrDenied.
	Put(ctx context.Context, key string, body io.ReadSeeker, size int64, cond Condition) (Object, error)
	// Delete removes an object; to remove one that is not there is no error
	// unless cond has an ETag. Errors: ErrConflict, ErrDenied.
	Delete(ctx context.Context, key string, cond Condition) error
	// List yields the objects whose keys begin with prefix, sorted by key.
	// It stops after the first error. Errors: ErrDenied.
	List(ctx context.Context, prefix string) iter.Seq2[Object, error]
}
