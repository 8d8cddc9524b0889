//go:build unix

package collector_test

import (
	"errors"
	"path/filepath"
	"testing"
	"testing/synctest"

	"github.com/gputally/gputally/collector"
)

func TestOnlyOneCollectorMetersANode(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		name := filepath.Join(t.TempDir(), "gputally.lock")
		first, err := collector.Lock(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := collector.Lock(name); !errors.Is(err, collector.ErrLocked) {
			t.Errorf("a second lock: %v, want ErrLocked", err)
		}
		if err := first.Close(); err != nil {
			t.Fatal(err)
		}
		second, err := collector.Lock(name)
		if err != nil {
			t.Fatalf("after the first ended: %v", err)
		}
		if err := second.Close(); err != nil {
			t.Error(err)
		}
	})
}

func TestLockNeedsItsFolder(t *testing.T) {
	t.Parallel()
	if _, err := collector.Lock(filepath.Join(t.TempDir(), "none", "gputally.lock")); err == nil || errors.Is(err, collector.ErrLocked) {
		t.Errorf("got %v", err)
	}
}
