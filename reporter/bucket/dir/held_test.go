//go:build linux

package dir_test

import (
	"context"
	"errors"
	"os"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gputally/gputally/reporter/bucket"
)

// A process that is stopped, or hangs on a file system that does not answer, keeps
// the lock for as long as it does.
func TestALockThatAnotherProcessKeepsIsNamed(t *testing.T) {
	t.Parallel()
	path := t.TempDir()
	b := open(t, path)
	put(t, b, "k", "old")
	lock, err := os.OpenFile(path+"/.gputally/lock", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		for name, write := range map[string]func(ctx context.Context) error{
			"put": func(ctx context.Context) error {
				_, err := bucket.PutBytes(ctx, b, "k", []byte("new"), bucket.Condition{})
				return err
			},
			"delete": func(ctx context.Context) error { return b.Delete(ctx, "k", bucket.Condition{}) },
		} {
			began := time.Now()
			err := write(t.Context())
			op := (*bucket.OpError)(nil)
			if !errors.As(err, &op) || !strings.Contains(err.Error(), path+"/.gputally/lock") || !strings.Contains(err.Error(), "stopped or hangs") {
				t.Errorf("%s: %v", name, err)
			}
			if waited := time.Since(began); waited < 30*time.Second || waited > 2*time.Minute {
				t.Errorf("%s: waited for %s", name, waited)
			}
			short, cancel := context.WithTimeout(t.Context(), time.Second)
			if err := write(short); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%s within a second: %v", name, err)
			}
			cancel()
		}
		if data, _, err := bucket.ReadAll(t.Context(), b, "k"); err != nil || string(data) != "old" {
			t.Errorf("reading needs no lock: %q, %v", data, err)
		}
	})
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_UN); err != nil {
		t.Fatal(err)
	}
	put(t, b, "k", "new")
}
