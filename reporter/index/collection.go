package index

import (
	"context"
	"errors"

	"github.com/gputally/gputally/reporter/bucket"
)

// Collection is a kind of objects that are kept as the index keeps its own: JSON
// objects of records in order, changed by compare-and-swap. It may be used by many
// goroutines, and by many processes on one bucket.
type Collection[R comparable] struct {
	index *Index
	kind  kind[R]
}

// NewCollection returns the collection whose objects are in a bucket. Check says
// what is wrong with a record of an object, and in which field. Compare orders
// records; no two of an object are equal. R is written by encoding/json, with its
// fields in the order of their names.
func NewCollection[R comparable](b bucket.Bucket, c Config, check func(key string, r R) (field string, err error), compare func(a, b R) int) *Collection[R] {
	return &Collection[R]{New(b, c), kind[R]{check, compare}}
}

// Stored is an object as it was read.
type Stored[R comparable] struct {
	Records []R    // in order
	ETag    string // "" if there is no such object
}

// Load reads an object. One that is not there has no records. Errors:
// *RecordError, *VersionError, the bucket's.
func (c *Collection[R]) Load(ctx context.Context, key string) (Stored[R], error) {
	s, err := load(ctx, c.index, c.kind, key)
	if err = errors.Join(err, s.broken); err != nil {
		return Stored[R]{}, err
	}
	return Stored[R]{s.records, s.etag}, nil
}

// Update replaces an object's records by what change makes of them, and begins
// again if somebody else was faster. An object without records is removed. Change
// must not alter the slice that it gets. Errors: change's, *ConflictError,
// *RecordError, *VersionError, the bucket's.
func (c *Collection[R]) Update(ctx context.Context, key string, change func(old []R) ([]R, error)) error {
	return update(ctx, c.index, c.kind, key, func(old stored[R]) ([]R, error) {
		if old.broken != nil {
			return nil, old.broken
		}
		return change(old.records)
	})
}

// Replace is Update without regard to what is there, also if that is damaged; but
// an object of a later version stays. Errors: as Update, without *RecordError.
func (c *Collection[R]) Replace(ctx context.Context, key string, next func() ([]R, error)) error {
	return update(ctx, c.index, c.kind, key, func(old stored[R]) ([]R, error) {
		if err := old.ofLaterVersion(); err != nil {
			return nil, err
		}
		return next()
	})
}
