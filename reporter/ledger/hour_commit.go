package ledger

import (
	"context"
	"errors"
	"fmt"

	"github.com/gputally/gputally/reporter/bucket"
	"github.com/gputally/gputally/reporter/usage"
)

// Commit closes an hour, or restates it as its next revision, from its draft
// and what else is known of it; h's cluster, window and segments are not looked
// at. An hour that stands in the ledger as it is given is left alone and its
// entry returned. After an error other than one of the bucket's, the ledger is
// as before. A draft is committed once.
//
// Errors: *ConflictError if another writer got in between, *SchemaError, the
// bucket's, and those of an hour that is not fit to be kept.
func (l *Ledger) Commit(ctx context.Context, d *Draft, h usage.Hour) (Entry, error) {
	entry, err := l.commit(ctx, d, h)
	if err != nil {
		return Entry{}, fmt.Errorf("close hour %s of cluster %s: %w", d.hour, d.cluster, err)
	}
	return entry, nil
}

func (l *Ledger) commit(ctx context.Context, d *Draft, h usage.Hour) (Entry, error) {
	if d.done {
		return Entry{}, errors.New("the draft is committed already, or has failed; begin another")
	}
	d.done = true
	f := footer{
		Cluster: d.cluster, Window: d.hour, Source: h.Source, Road: h.Road,
		Findings: h.Findings, Coverage: h.Coverage, Writer: l.version,
		Rows: d.digest.Sum(), Opening: d.opening.sum(), Closing: d.closing.sum(),
	}
	// What the hour's object names is there before it, and still there after it.
	edges, err := l.putEdges(ctx, d)
	if err != nil {
		return Entry{}, err
	}
	entry, err := l.put(ctx, d, f)
	if errors.Is(err, bucket.ErrConflict) {
		entry, err = l.settle(ctx, f)
	}
	if err != nil {
		return Entry{}, err
	}
	return entry, l.keepEdges(ctx, edges)
}

func (l *Ledger) put(ctx context.Context, d *Draft, f footer) (Entry, error) {
	own, old, err := fetchSound(ctx, l, Key(f.Cluster, f.Window), func(r *raw) (*file, error) { return r.open(f.Cluster, f.Window) })
	switch {
	case errors.Is(err, bucket.ErrNotFound):
		return l.putAbsent(ctx, d, f)
	case errors.As(err, new(*CorruptError)):
		return l.replaceDamaged(ctx, d, f, own)
	case err != nil:
		return Entry{}, err
	case old.footer.says(f):
		return old.entry, nil
	}
	if err := l.keep(ctx, f, own.body(), old.footer.Revision, objectName); err != nil {
		return Entry{}, err
	}
	return l.write(ctx, d, f, old.footer.Revision+1, bucket.Condition{ETag: own.object.ETag})
}

// putAbsent writes an hour that has no object of its own: it is not closed, or
// only the daily table has it any more.
func (l *Ledger) putAbsent(ctx context.Context, d *Draft, f footer) (Entry, error) {
	old, err := l.openInDay(ctx, f.Cluster, f.Window)
	corrupt := (*CorruptError)(nil)
	switch {
	case err == nil && old.footer.says(f):
		return old.entry, nil
	case err == nil:
		data, err := old.encode()
		if err != nil {
			return Entry{}, err
		}
		if err := l.keep(ctx, f, data.Body(), old.footer.Revision, objectName); err != nil {
			return Entry{}, err
		}
	case errors.As(err, &corrupt), errors.Is(err, ErrHourMissing):
	default:
		return Entry{}, err
	}
	last, err := l.lastReplaced(ctx, f)
	if err != nil {
		return Entry{}, err
	}
	if corrupt != nil {
		last++ // the table has, or had, one more
	}
	return l.write(ctx, d, f, last+1, bucket.Condition{Absent: true})
}

// replaceDamaged writes an hour whose object can't be read, so neither can its
// revision: the one after those in the history.
func (l *Ledger) replaceDamaged(ctx context.Context, d *Draft, f footer, own *raw) (Entry, error) {
	last, err := l.lastReplaced(ctx, f)
	if err != nil {
		return Entry{}, err
	}
	if err := l.keep(ctx, f, own.body(), last+1, objectName+".damaged"); err != nil {
		return Entry{}, err
	}
	return l.write(ctx, d, f, last+2, bucket.Condition{ETag: own.object.ETag})
}

// settle finds out after a conflict whether what is there now is the hour as it
// was to be written: by a second replica, or by a first try of this one whose
// answer was lost.
func (l *Ledger) settle(ctx context.Context, f footer) (Entry, error) {
	conflict := &ConflictError{Key: Key(f.Cluster, f.Window), Cluster: f.Cluster, Hour: f.Window}
	now, err := l.openHour(ctx, f.Cluster, f.Window)
	if err != nil {
		return Entry{}, errors.Join(conflict, err)
	}
	if !now.footer.says(f) {
		return Entry{}, conflict
	}
	return now.entry, nil
}

// write puts the hour under the condition.
func (l *Ledger) write(ctx context.Context, d *Draft, f footer, revision int, cond bucket.Condition) (Entry, error) {
	f.Revision = revision
	pairs, err := f.pairs()
	if err != nil {
		return Entry{}, err
	}
	data, err := d.rows.Finish(pairs)
	if err != nil {
		return Entry{}, err
	}
	object, err := l.bucket.Put(ctx, Key(f.Cluster, f.Window), data.Body(), data.Size, cond)
	if err != nil {
		return Entry{}, err
	}
	entry := f.entry()
	entry.Key, entry.ETag, entry.Size, entry.SHA256 = object.Key, object.ETag, data.Size, data.SHA256
	entry.Rows = d.rows.Rows()
	return entry, nil
}
