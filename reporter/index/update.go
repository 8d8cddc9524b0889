package index

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"sync"
	"time"

	"github.com/gputally/gputally/reporter/bucket"
)

const (
	// attempts bounds an update. A round of colliding writers has one that
	// gets through, so more writers than this at once may fail.
	attempts = 40
	// The pause before another attempt is up to firstPause, and up to twice as
	// long each time, until lastPause.
	firstPause = 10 * time.Millisecond
	lastPause  = time.Second
)

// kind is what the objects of one part of the index have in common.
type kind[R comparable] struct {
	// check says what is wrong with a record of the object, and in which field.
	check func(key string, r R) (field string, err error)
	// compare orders records. No two of an object are equal.
	compare func(a, b R) int
}

// stored is an object of the index as it was read.
type stored[R comparable] struct {
	exists   bool
	etag     string
	records  []R
	unknown  unknown       // fields of the document that a later version has written
	unknowns map[R]unknown // those of records
	broken   error         // *RecordError, *VersionError: why there are no records
}

// load reads an object. One that is not there has no records.
func load[R comparable](ctx context.Context, x *Index, k kind[R], key string) (stored[R], error) {
	data, object, err := bucket.ReadAll(ctx, x.bucket, key)
	if errors.Is(err, bucket.ErrNotFound) {
		return stored[R]{}, nil
	}
	if err != nil {
		return stored[R]{}, fmt.Errorf("read index: %w", err)
	}
	s := stored[R]{exists: true, etag: object.ETag}
	var d document[R]
	if d, s.broken = parse(k, key, data); s.broken == nil {
		s.records, s.unknown, s.unknowns = d.Records, d.unknown, d.unknowns
	}
	return s, nil
}

// parse reads a document and checks its records. Errors: *RecordError,
// *VersionError.
func parse[R comparable](k kind[R], key string, data []byte) (document[R], error) {
	d, err := decode[R](key, data)
	if err != nil {
		return d, err
	}
	if field, err := k.checkAll(key, d.Records); err != nil {
		return d, &RecordError{key, "records" + field, err}
	}
	return d, nil
}

// records reads an object's records, which the caller must not alter. An object that
// is still the one that is remembered is not read again. Errors: *RecordError,
// *VersionError, the bucket's.
func records[R comparable](ctx context.Context, x *Index, k kind[R], key string) ([]R, error) {
	if old, known := x.written.of(key).(stored[R]); known {
		object, err := x.bucket.Stat(ctx, key)
		switch {
		case err == nil && object.ETag == old.etag:
			return old.records, nil
		case err != nil && !errors.Is(err, bucket.ErrNotFound):
			return nil, fmt.Errorf("read index: %w", err)
		}
	}
	s, err := load(ctx, x, k, key)
	if err == nil && s.exists && s.broken == nil {
		x.written.keep(key, s)
	}
	return s.records, errors.Join(err, s.broken)
}

// checkAll says what is wrong with the records of an object, and where.
func (k kind[R]) checkAll(key string, records []R) (field string, err error) {
	for i, r := range records {
		if field, err := k.check(key, r); err != nil {
			return fmt.Sprintf("[%d].%s", i, field), err
		}
		if i > 0 && k.compare(records[i-1], r) >= 0 {
			return fmt.Sprintf("[%d]", i), errors.New("is out of order")
		}
	}
	return "", nil
}

// update replaces an object's records by what change makes of them, and begins
// again if somebody else was faster. An object without records is removed.
// Change must not alter the slice that it gets.
//
// The first attempt begins with the object as this process has written or read it
// last, without reading it: if it is another one now, the write is refused. What needs
// no write is read before it is believed.
func update[R comparable](ctx context.Context, x *Index, k kind[R], key string, change func(stored[R]) ([]R, error)) error {
	if old, known := x.written.of(key).(stored[R]); known {
		next, err := changedRecords(k, key, old, change)
		if err == nil && !slices.Equal(old.records, next) {
			if err := replace(ctx, x, key, old, next); !errors.Is(err, bucket.ErrConflict) {
				return err
			}
		}
	}
	pause := firstPause
	for attempt := 1; ; attempt++ {
		old, err := load(ctx, x, k, key)
		if err != nil {
			return err
		}
		next, err := changedRecords(k, key, old, change)
		if err != nil {
			return err
		}
		err = replace(ctx, x, key, old, next)
		if !errors.Is(err, bucket.ErrConflict) {
			return err
		}
		if attempt == attempts {
			return &ConflictError{key, attempts}
		}
		x.config.Logger.Debug("Another writer changed the index; updating again", "object", key, "attempt", attempt)
		if err := x.config.Sleep(ctx, time.Duration(x.config.Jitter()*float64(pause))); err != nil {
			return fmt.Errorf("update index object %s: %w", key, err)
		}
		pause = min(2*pause, lastPause)
	}
}

// changedRecords are the records that change makes, in order and checked.
func changedRecords[R comparable](k kind[R], key string, old stored[R], change func(stored[R]) ([]R, error)) ([]R, error) {
	next, err := change(old)
	if err != nil {
		return nil, err
	}
	slices.SortFunc(next, k.compare)
	if field, err := k.checkAll(key, next); err != nil {
		return nil, fmt.Errorf("update index object %s: record%s: %w", key, field, err)
	}
	return next, nil
}

// replace writes the records if they differ from those that are there.
func replace[R comparable](ctx context.Context, x *Index, key string, old stored[R], next []R) error {
	switch {
	case !old.exists && len(next) == 0, old.exists && old.broken == nil && slices.Equal(old.records, next):
		return nil
	case len(next) == 0:
		x.written.forget(key)
		if err := x.bucket.Delete(ctx, key, bucket.Condition{ETag: old.etag}); err != nil {
			return fmt.Errorf("remove index object: %w", err)
		}
		return nil
	}
	d := document[R]{Records: next, Token: x.config.Token(), Version: version, unknown: old.unknown, unknowns: old.unknowns}
	if x.config.Clock != nil {
		d.Updated = x.config.Clock().UTC().Format(time.RFC3339)
	}
	data, err := encode(d)
	if err != nil {
		return fmt.Errorf("encode index object %s: %w", key, err)
	}
	x.written.forget(key)
	object, err := bucket.PutBytes(ctx, x.bucket, key, data, bucket.Condition{Absent: !old.exists, ETag: old.etag})
	if err != nil {
		return fmt.Errorf("write index: %w", err)
	}
	x.written.followed(key, old.etag, object.ETag)
	x.written.keep(key, stored[R]{exists: true, etag: object.ETag, records: slices.Clip(next), unknown: old.unknown, unknowns: old.unknowns})
	return nil
}

// written remembers the latest objects of each folder that this process wrote or
// read, as updates and questions follow each other there: the running month's, and the
// month's before, which reports are compared with.
type written struct {
	mu       sync.Mutex
	byFolder map[string][]writtenObject // at most monthsKept, the latest first
	before   map[string]string          // the ETag that an own write replaced, by key and its own ETag
	order    []string                   // of these, oldest first
}

// monthsKept is how many objects of a folder are remembered.
const monthsKept = 2

// maxFollowed is how many own writes are remembered.
const maxFollowed = 4096

// followed notes that this process replaced a version of an object by another.
func (w *written) followed(key, from, to string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.before[key+" "+to] = from
	if w.order = append(w.order, key+" "+to); len(w.order) > maxFollowed {
		delete(w.before, w.order[0])
		w.order = w.order[1:]
	}
}

// alone tells whether this process made a version of an object out of another, and
// nobody else changed it in between.
func (w *written) alone(key, from, to string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	for range maxFollowed {
		before, own := w.before[key+" "+to]
		if !own || before == from {
			return own
		}
		to = before
	}
	return false
}

type writtenObject struct {
	key    string
	stored any // a stored[R]
}

func (w *written) of(key string) any {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, o := range w.byFolder[path.Dir(key)] {
		if o.key == key {
			return o.stored
		}
	}
	return nil
}

// keep remembers an object in place of what was known of it.
func (w *written) keep(key string, stored any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.drop(key)
	folder := path.Dir(key)
	all := append(w.byFolder[folder], writtenObject{key, stored})
	slices.SortFunc(all, func(a, b writtenObject) int { return cmp.Compare(b.key, a.key) })
	w.byFolder[folder] = all[:min(len(all), monthsKept)]
}

func (w *written) forget(key string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.drop(key)
}

func (w *written) drop(key string) {
	folder := path.Dir(key)
	w.byFolder[folder] = slices.DeleteFunc(w.byFolder[folder], func(o writtenObject) bool { return o.key == key })
}
