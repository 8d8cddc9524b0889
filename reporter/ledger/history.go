package ledger

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/gputally/gputally/reporter/bucket"
	"github.com/gputally/gputally/reporter/usage"
)

// keep copies what is about to be replaced into the history. A copy that is
// there already, from an attempt that did not get further, is left.
func (l *Ledger) keep(ctx context.Context, old *raw, revision int, name string) error {
	key := historyKey(old.cluster, old.hour, revision, name)
	_, err := bucket.PutBytes(ctx, l.bucket, key, old.data, bucket.Condition{Absent: true})
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
	if !bytes.Equal(kept, old.data) {
		return fmt.Errorf("%s is there and differs from revision %d of %s; move it away, then restate the hour", key, revision, old.object.Key)
	}
	return nil
}

// lastReplaced is the highest revision of the hour in the history, 0 if none.
func (l *Ledger) lastReplaced(ctx context.Context, h usage.Hour) (int, error) {
	prefix := historyPrefix(h.Cluster, h.Window)
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
