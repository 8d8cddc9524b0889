package ledger

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/gputally/gputally/reporter/bucket"
)

// keep copies what is about to be replaced into the history. A copy that is
// there already, from an attempt that did not get further, is left.
func (l *Ledger) keep(ctx context.Context, f footer, old *io.SectionReader, revision int, name string) error {
	key := historyKey(f.Cluster, f.Window, revision, name)
	_, err := l.bucket.Put(ctx, key, old, old.Size(), bucket.Condition{Absent: true})
	if err == nil {
		return nil
	}
	if !errors.Is(err, bucket.ErrConflict) {
		return fmt.Errorf("copy revision %d to %s: %w", revision, key, err)
	}
	_, same, err := l.holds(ctx, key, old)
	if err != nil {
		return fmt.Errorf("read history: %w", err)
	}
	if !same {
		return fmt.Errorf("%s is there and differs from revision %d of %s; move it away, then restate the hour",
			key, revision, Key(f.Cluster, f.Window))
	}
	return nil
}

// lastReplaced is the highest revision of the hour in the history, 0 if none.
func (l *Ledger) lastReplaced(ctx context.Context, f footer) (int, error) {
	never, err := l.neverReplaced(ctx, f)
	if err != nil || never {
		return 0, err
	}
	prefix := historyPrefix(f.Cluster, f.Window)
	last := 0
	for object, err := range l.bucket.List(ctx, prefix) {
		if err != nil {
			return 0, fmt.Errorf("list %s: %w", prefix, err)
		}
		n, err := historyRevision(object.Key, prefix)
		if err != nil {
			return 0, err
		}
		last = max(last, n)
	}
	return last, nil
}

// neverReplaced tells whether no revision of an hour was ever replaced, without
// a list: the first revision would be in the history, whole or damaged. If it is
// old enough to have been pruned, that is not known.
func (l *Ledger) neverReplaced(ctx context.Context, f footer) (bool, error) {
	if l.history > 0 && (l.now == nil || l.now().Sub(f.Window.To) >= l.history) {
		return false, nil
	}
	for _, name := range []string{objectName, objectName + ".damaged"} {
		there, err := l.exists(ctx, historyKey(f.Cluster, f.Window, 1, name))
		if err != nil || there {
			return false, err
		}
	}
	return true, nil
}
