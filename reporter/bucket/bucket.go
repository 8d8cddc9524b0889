package bucket

import (
	"context"
	"errors"
	"io"
	"iter"
	"time"
)

// The errors of a Bucket, to be asked for with errors.Is. Any other error is
// of the store or the way to it, and may pass; whether the Put or Delete that
// returned it took place is then unknown.
var (
	// ErrNotFound says that there is no object with this key.
	ErrNotFound = errors.New("object not found")
	// ErrNoBucket says that there is no such bucket at all. It is not an
	// ErrNotFound, so that a wrong name is never taken for an empty bucket.
	ErrNoBucket = errors.New("bucket not found")
	// ErrConflict says that a condition of a Put or Delete did not hold, so
	// that it changed nothing.
	ErrConflict = errors.New("object changed by another writer")
	// ErrDenied says that the store refuses the operation to these credentials.
	ErrDenied = errors.New("access denied")
	// ErrNoSpace says that the store is full. The object is as it was.
	ErrNoSpace = errors.New("no space left")
	// ErrInvalidKey says that a key breaks the rules of CheckKey.
	ErrInvalidKey = errors.New("invalid object key")
	// ErrInvalidCondition says that a Condition contradicts itself or its operation.
	ErrInvalidCondition = errors.New("invalid condition")
	// ErrSize says that the body of a Put did not give the bytes that were
	// announced. The object is as it was.
	ErrSize = errors.New("body and announced size differ")
)

// Object describes a stored object.
type Object struct {
	Key  string
	Size int64
	// ETag is opaque. It may be the same for the same content, so that
	// A-B-A passes for unchanged: what is compared and swapped carries a
	// unique token inside. Get, Stat and Put always give it. List leaves it
	// empty where a store would have to read the object to know it; where List
	// does give it, it is the one of Get.
	ETag string
	// Modified is by the store's own clock, to the second or better. Put
	// leaves it zero.
	Modified time.Time
}

// Condition restricts a Put or Delete. The zero Condition is none.
type Condition struct {
	// Absent: the object must not exist (Put only).
	Absent bool
	// ETag: the object must exist with this ETag (for a Delete: if it exists).
	ETag string
}

// Bucket stores objects under slash-separated keys without a leading slash.
// Every store refuses the keys that CheckKey refuses, with ErrInvalidKey, and
// lists no others. No key is the folder of another ("a" and "a/b"): a store
// may refuse the second of them with ErrInvalidKey.
//
// A Put is atomic: a reader sees the old object or the whole new one, never a
// part, also after a crash. Once a Put returned, every Get and List shows it.
// Conditions hold against every writer of the store, of other processes too.
// All methods may be called concurrently and return early, with the error of
// the context, once that has ended.
type Bucket interface {
	// Get opens an object. The caller closes the reader, which fails rather
	// than give less than the object. The context ends the reading too.
	// Errors: ErrNotFound, ErrDenied, ErrNoBucket, ErrInvalidKey.
	Get(ctx context.Context, key string) (io.ReadCloser, Object, error)
	// Stat describes an object as Get does, without its content. A reader finds
	// out with it that what it holds is still what is stored: the ETag is the one
	// of Get and Put. Errors: as Get.
	Stat(ctx context.Context, key string) (Object, error)
	// Put stores an object and returns its description. body is read from
	// where it stands and gives exactly size bytes; it may be rewound.
	// A conflict under cond means that the condition did not hold: for ETag
	// also that the object is gone. Errors: ErrConflict, ErrDenied,
	// ErrNoSpace, ErrNoBucket, ErrSize, ErrInvalidKey, ErrInvalidCondition.
	Put(ctx context.Context, key string, body io.ReadSeeker, size int64, cond Condition) (Object, error)
	// Delete removes an object. To remove one that is not there is no error,
	// also if cond has an ETag: stores don't agree on that case, so a Delete
	// never says who removed an object. Errors: ErrConflict, ErrDenied,
	// ErrNoBucket, ErrInvalidKey, ErrInvalidCondition.
	Delete(ctx context.Context, key string, cond Condition) error
	// List yields the objects whose keys begin with prefix, sorted by the
	// bytes of their keys. It is no snapshot: what is written or deleted
	// meanwhile may show or not. It stops after the first error. Errors:
	// ErrDenied, ErrNoBucket, ErrInvalidKey.
	List(ctx context.Context, prefix string) iter.Seq2[Object, error]
}
