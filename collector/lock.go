//go:build unix

package collector

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
	"time"
)

const (
	// lockPatience is how long a new process waits for the one before to end.
	lockPatience = 10 * time.Second
	lockRetry    = 100 * time.Millisecond
)

// ErrLocked means that another collector meters this node.
var ErrLocked = errors.New("another collector meters this node, and two would count everything twice; see that the DaemonSet has maxSurge: 0 and that there is one of them")

// lock locks a file until the result is closed or the process ends, by whatever
// way. It waits for ten seconds at most, and no longer than ctx lasts. The file
// stays: if it were removed, two processes could lock two files.
func lock(ctx context.Context, name string) (io.Closer, error) {
	file, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("--lock-file: %w; is its folder mounted and writable?", err)
	}
	for waited := time.Duration(0); ; waited += lockRetry {
		err = syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return file, nil
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR) || waited >= lockPatience {
			break
		}
		select {
		case <-time.After(lockRetry):
		case <-ctx.Done():
			return nil, errors.Join(context.Cause(ctx), file.Close())
		}
	}
	if errors.Is(err, syscall.EWOULDBLOCK) {
		err = ErrLocked
	}
	return nil, errors.Join(fmt.Errorf("--lock-file: lock %s: %w", name, err), file.Close())
}
