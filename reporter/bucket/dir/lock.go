package dir

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"
)

// How long to wait between two tries for the lock of another process. It is
// held for the time of a rename, or of reading the object under a condition.
const (
	firstWait = 200 * time.Microsecond
	maxWait   = 20 * time.Millisecond
	// patience is how long to wait in all: no process needs the lock for so long.
	patience = time.Minute
)

// errHeld says that another process keeps the lock.
var errHeld = errors.New("another process holds it")

// locked runs do while no other goroutine or process writes into the directory.
func (b *Bucket) locked(ctx context.Context, root *os.Root, do func() error) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	default: // a free turn must not win against a context that has ended
	}
	select {
	case b.turn <- struct{}{}:
		defer func() { <-b.turn }()
	case <-ctx.Done():
		return ctx.Err()
	}
	f, err := openLock(root)
	if err != nil {
		return err
	}
	defer closeQuietly(f) // gives the lock back
	if err := waitLock(ctx, f); err != nil {
		return fmt.Errorf("lock %s: %w", lockFile, err)
	}
	return do()
}

func openLock(root *os.Root) (*os.File, error) {
	const flags = os.O_CREATE | os.O_RDWR // NFS wants to write for an exclusive lock
	f, err := root.OpenFile(lockFile, flags, fileMode)
	if !errors.Is(err, fs.ErrNotExist) {
		return f, err
	}
	if err := root.MkdirAll(ownFolder, dirMode); err != nil {
		return nil, err
	}
	return root.OpenFile(lockFile, flags, fileMode)
}

// waitLock tries instead of blocking, so that the context can end it, and does so
// for no longer than its patience.
func waitLock(ctx context.Context, f *os.File) error {
	ctx, cancel := context.WithTimeoutCause(ctx, patience, fmt.Errorf("waited for %s", patience))
	defer cancel()
	wait := firstWait
	for {
		if got, err := tryLock(f); got || err != nil {
			return err
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return fmt.Errorf("%w: %w", errHeld, context.Cause(ctx))
		case <-timer.C:
		}
		wait = min(2*wait, maxWait)
	}
}
