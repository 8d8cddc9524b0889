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
	same, err := l.holds(ctx, key, old)
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
