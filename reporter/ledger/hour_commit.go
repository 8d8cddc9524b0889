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
// entry returned; so is one that another process closed since the Session saw
// that it was not closed. After an error other than one of the bucket's, the ledger is
// as before. A draft is committed once.
//
// Errors: *ConflictError if another writer got in between, *SchemaError, the
// bucket's, and those of an hour that is not fit to be kept.
func (s *Session) Commit(ctx context.Context, d *Draft, h usage.Hour) (Entry, error) {
	entry, err := s.commit(ctx, d, h)
	if err != nil {
		return Entry{}, fmt.Errorf("close hour %s of cluster %s: %w", d.hour, d.cluster, err)
	}
	return entry, nil
}

func (s *Session) commit(ctx context.Context, d *Draft, h usage.Hour) (Entry, error) {
	if d.done {
		return Entry{}, errors.New("the draft is committed already, or has failed; begin another")
	}
	d.done = true
	c := &commit{Session: s, draft: d, key: Key(d.cluster, d.hour), footer: footer{
		Cluster: d.cluster, Window: d.hour, Source: h.Source, Road: h.Road,
		Findings: h.Findings, Coverage: h.Coverage, Writer: s.ledger.version,
		Rows: d.digest.Sum(), Opening: d.opening.sum(), Closing: d.closing.sum(),
	}}
	// What the hour's object names is there before it, and still there after it.
	if err := c.putEdges(ctx); err != nil {
		return Entry{}, err
	}
	seen, looked := s.hours[c.key]
	c.old = seen.head
	entry, err := c.put(ctx)
	if errors.Is(err, bucket.ErrConflict) {
		return c.settle(ctx, looked && seen.head == nil)
	}
	if err != nil {
		return Entry{}, err
	}
	return entry, c.keepEdges(ctx)
}

// commit is one Commit while it goes on.
type commit struct {
	*Session
	draft  *Draft
	key    string
	footer footer // but for the revision
	edges  []*edgesDraft
	old    *head // the hour as the Session had seen it, nil if it was not closed
}

// put writes the hour if it does not stand there already. Errors:
// bucket.ErrConflict, *SchemaError, others of the bucket.
func (c *commit) put(ctx context.Context) (Entry, error) {
	f := c.footer
	old, err := c.head(ctx, f.Cluster, f.Window, 0)
	corrupt := (*CorruptError)(nil)
	switch {
	case errors.Is(err, ErrHourMissing):
		return c.writeNew(ctx, 0)
	case errors.As(err, &corrupt) && corrupt.Key != c.key: // its day, which has, or had, one revision more
		return c.writeNew(ctx, 1)
	case errors.As(err, &corrupt):
		return c.replaceUnsound(ctx)
	case err != nil:
		return Entry{}, err
	case old.footer.says(f):
		return old.entry, nil
	}
	file, err := c.open(ctx, f.Cluster, f.Window)
	if err != nil {
		return Entry{}, err
	}
	if !file.entry.Daily {
		return c.replace(ctx, file, c.raw)
	}
	copied, err := file.encode()
	if err != nil {
		return Entry{}, err
	}
	if err := c.ledger.keep(ctx, f, copied.Body(), file.footer.Revision, objectName); err != nil {
		return Entry{}, err
	}
	return c.writeNew(ctx, 0)
}

// replace copies the hour's object into the history and replaces it.
func (c *commit) replace(ctx context.Context, old *file, own *raw) (Entry, error) {
	if old.footer.says(c.footer) {
		return old.entry, nil
	}
	if err := c.ledger.keep(ctx, c.footer, own.body(), old.footer.Revision, objectName); err != nil {
		return Entry{}, err
	}
	return c.write(ctx, old.footer.Revision+1, bucket.Condition{ETag: own.object.ETag})
}

// replaceUnsound replaces an hour's object that was not readable, if it is not
// readable again. Its revision is unknown then: it is the one after those in the
// history.
func (c *commit) replaceUnsound(ctx context.Context) (Entry, error) {
	f := c.footer
	own, old, err := fetchSound(ctx, c.ledger.store, c.key, func(r *raw) (*file, error) { return r.open(f.Cluster, f.Window) })
	switch {
	case err == nil:
		return c.replace(ctx, old, own)
	case !errors.As(err, new(*CorruptError)):
		return Entry{}, err
	}
	last, err := c.ledger.lastReplaced(ctx, f)
	if err != nil {
		return Entry{}, err
	}
	if err := c.ledger.keep(ctx, f, own.body(), last+1, objectName+".damaged"); err != nil {
		return Entry{}, err
	}
	return c.write(ctx, last+2, bucket.Condition{ETag: own.object.ETag})
}

// writeNew writes an hour that has no object of its own: it is not closed, or only
// the daily table has it any more. lost is how many of its revisions may have left
// no copy.
func (c *commit) writeNew(ctx context.Context, lost int) (Entry, error) {
	last, err := c.ledger.lastReplaced(ctx, c.footer)
	if err != nil {
		return Entry{}, err
	}
	return c.write(ctx, last+lost+1, bucket.Condition{Absent: true})
}

// settle finds out after a conflict whether what is there now is the hour as it
// was to be written: by a second replica, or by a first try of this one whose
// answer was lost. An hour that was not closed when its closing began is closed
// now, by whom ever.
func (c *commit) settle(ctx context.Context, open bool) (Entry, error) {
	f := c.footer
	conflict := &ConflictError{Key: c.key, Cluster: f.Cluster, Hour: f.Window}
	delete(c.hours, c.key)
	now, err := c.head(ctx, f.Cluster, f.Window, 0)
	if err != nil {
		return Entry{}, errors.Join(conflict, err)
	}
	if !open && !now.footer.says(f) {
		return Entry{}, conflict
	}
	return now.entry, nil
}

// write puts the hour under the condition.
func (c *commit) write(ctx context.Context, revision int, cond bucket.Condition) (Entry, error) {
	f := c.footer
	f.Revision = revision
	pairs, err := f.pairs()
	if err != nil {
		return Entry{}, err
	}
	data, err := c.draft.rows.Finish(pairs)
	if err != nil {
		return Entry{}, err
	}
	object, err := c.ledger.bucket.Put(ctx, c.key, data.Body(), data.Size, cond)
	if err != nil {
		return Entry{}, err
	}
	entry := f.entry()
	entry.Key, entry.ETag, entry.Size, entry.SHA256 = object.Key, object.ETag, data.Size, data.SHA256
	entry.Rows = c.draft.rows.Rows()
	if cond.ETag == "" || c.old != nil && c.old.etag != cond.ETag {
		c.old = nil // it is not what this replaces
	}
	c.writes++
	h := &head{footer: f, entry: entry, etag: object.ETag, roster: roster{true, c.draft.gpus.list()}}
	c.ledger.hours.remember(h)
	seen := c.hours[c.key]
	now := look{h, c.writes, c.writes, c.writes}
	if seen.head != nil && seen.head.footer.Opening == f.Opening {
		now.opening = seen.opening
	}
	if seen.head != nil && seen.head.footer.Closing == f.Closing {
		now.closing = seen.closing
	}
	c.hours[c.key] = now
	c.body, c.raw = nil, nil
	return entry, nil
}
