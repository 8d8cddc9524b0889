package ledger

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/gputally/gputally/reporter/bucket"
)

// keep copies what is about to be replaced into the history. A copy that is
// there already, from an attempt that did not get further, is left.
func (l *Ledger) keep(ctx context.Context, f footer, old []byte, revision int, name string) error {
	key := historyKey(f.Cluster, f.Window, revision, name)
	_, err := bucket.PutBytes(ctx, l.bucket, key, old, bucket.Condition{Absent: true})
	if err == nil {
		return nil
	}
	if !errors.Is(err, bucket.ErrConflict) {
		return fmt.Errorf("copy revision %d to %s: %w", revision, key, err)
	}
	kept, _, err := bucket.ReadAll(ctx, l.bucket, key)
	if err != nil {
		return fmt.Errorf("read history: %w", err)
	}
	if !bytes.Equal(kept, old) {
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
