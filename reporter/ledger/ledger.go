package ledger

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/gputally/gputally/reporter/bucket"
	"github.com/gputally/gputally/reporter/usage"
	"github.com/gputally/gputally/reporter/window"
)

// Config is what a Ledger can be told.
type Config struct {
	// Version of the program that writes, for the footer. Default "dev".
	Version string
}

// Ledger reads and writes closed hours. It may be used by many goroutines, and
// by many processes on one bucket.
type Ledger struct {
	bucket  bucket.Bucket
	version string
}

// New returns the ledger in the bucket.
func New(b bucket.Bucket, c Config) *Ledger {
	if c.Version == "" {
		c.Version = "dev"
	}
	return &Ledger{bucket: b, version: c.Version}
}

// Entry describes the object of a closed hour.
type Entry struct {
	Cluster    string
	Window     window.Window
	Revision   int // 1, 2, …
	Key        string
	ETag       string
	Size       int64 // bytes
	Rows       int64
	SHA256     string // of the object, hexadecimal
	Coverage   usage.Coverage
	Source     string
	Road       string
	Exceptions int // kinds of exceptions
}

// Put closes an hour that is in memory whole: Draft, Add and Commit in one.
func (l *Ledger) Put(ctx context.Context, h usage.Hour) (Entry, error) {
	d, err := l.Draft(h.Cluster, h.Window)
	if err != nil {
		return Entry{}, err
	}
	if err := d.Add(usage.Part{Segments: h.Segments}); err != nil {
		return Entry{}, err
	}
	return l.Commit(ctx, d, h)
}

// Commit closes an hour, or restates it as its next revision, from its draft
// and what else is known of it; h.Segments are not looked at. An hour that stands
// in the ledger as it is given is left alone and its entry returned. After an
// error other than one of the bucket's, the ledger is as before.
//
// Errors: *ConflictError if another writer got in between, *SchemaError, the
// bucket's, and those of an hour that is not fit to be kept.
func (l *Ledger) Commit(ctx context.Context, d *Draft, h usage.Hour) (Entry, error) {
	h.Cluster, h.Window, h.Segments = d.cluster, d.hour, d.segments
	h, err := prepare(h)
	if err != nil {
		return Entry{}, fmt.Errorf("close hour %s of cluster %s: %w", h.Window, h.Cluster, err)
	}
	entry, err := l.put(ctx, h)
	if errors.Is(err, bucket.ErrConflict) {
		return l.settle(ctx, h)
	}
	if err != nil {
		return Entry{}, fmt.Errorf("close hour %s of cluster %s: %w", h.Window, h.Cluster, err)
	}
	return entry, nil
}

func (l *Ledger) put(ctx context.Context, h usage.Hour) (Entry, error) {
	var missing *MissingError
	old, err := l.fetch(ctx, h.Cluster, h.Window)
	if errors.As(err, &missing) {
		return l.putFirst(ctx, h)
	}
	if err != nil {
		return Entry{}, err
	}
	stored, same, err := old.holds(h)
	var corrupt *CorruptError
	if errors.As(err, &corrupt) {
		return l.replaceDamaged(ctx, h, old)
	}
	if err != nil || same {
		return stored, err
	}
	if err := l.keep(ctx, old, stored.Revision, objectName); err != nil {
		return Entry{}, err
	}
	return l.write(ctx, h, stored.Revision+1, bucket.Condition{ETag: old.object.ETag})
}

// putFirst writes an hour that has no object.
func (l *Ledger) putFirst(ctx context.Context, h usage.Hour) (Entry, error) {
	last, err := l.lastReplaced(ctx, h)
	if err != nil {
		return Entry{}, err
	}
	return l.write(ctx, h, last+1, bucket.Condition{Absent: true})
}

// replaceDamaged writes an hour whose object can't be read, so neither can its
// revision: the one after those in the history.
func (l *Ledger) replaceDamaged(ctx context.Context, h usage.Hour, old *raw) (Entry, error) {
	last, err := l.lastReplaced(ctx, h)
	if err != nil {
		return Entry{}, err
	}
	if err := l.keep(ctx, old, last+1, objectName+".damaged"); err != nil {
		return Entry{}, err
	}
	return l.write(ctx, h, last+2, bucket.Condition{ETag: old.object.ETag})
}

// settle finds out after a conflict whether what is there now is the hour as it
// was to be written: by a second replica, or by a first try of this one whose
// answer was lost.
func (l *Ledger) settle(ctx context.Context, h usage.Hour) (Entry, error) {
	conflict := &ConflictError{Key: Key(h.Cluster, h.Window), Cluster: h.Cluster, Hour: h.Window}
	now, err := l.fetch(ctx, h.Cluster, h.Window)
	if err != nil {
		return Entry{}, errors.Join(conflict, err)
	}
	stored, same, err := now.holds(h)
	if err != nil {
		return Entry{}, errors.Join(conflict, err)
	}
	if !same {
		return Entry{}, conflict
	}
	return stored, nil
}

// write puts the hour under the condition.
func (l *Ledger) write(ctx context.Context, h usage.Hour, revision int, cond bucket.Condition) (Entry, error) {
	f := l.footer(h)
	f.Revision = revision
	data, err := encode(h.Segments, f)
	if err != nil {
		return Entry{}, err
	}
	object, err := bucket.PutBytes(ctx, l.bucket, Key(h.Cluster, h.Window), data, cond)
	if err != nil {
		return Entry{}, err
	}
	return newEntry(f, object, data, int64(len(h.Segments))), nil
}

func (l *Ledger) footer(h usage.Hour) footer {
	return footer{
		Cluster: h.Cluster, Window: h.Window, Source: h.Source, Road: h.Road,
		Exceptions: h.Exceptions, Coverage: h.Coverage, Writer: l.version,
	}
}

// holds tells whether the object says the same as the hour, whatever its
// revision and writer. Errors: *CorruptError, *SchemaError.
func (r *raw) holds(h usage.Hour) (stored Entry, same bool, err error) {
	f, err := r.open()
	if err != nil {
		return Entry{}, false, err
	}
	same = f.footer.Source == h.Source && f.footer.Road == h.Road &&
		f.footer.Coverage == h.Coverage && slices.EqualFunc(f.footer.Exceptions, h.Exceptions, equalExceptions)
	rest := h.Segments
	err = f.segments(func(segments []usage.Segment) error {
		n := min(len(segments), len(rest))
		same = same && slices.Equal(segments, rest[:n])
		rest = rest[n:]
		return nil
	})
	return f.entry(), same && len(rest) == 0, err
}

func equalExceptions(a, b usage.Exception) bool {
	return a.Kind == b.Kind && a.Count == b.Count && slices.Equal(a.Named, b.Named)
}
