//go:build unix

package collector_test

import (
	"context"
	"errors"
	"io"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gputally/gputally/collector"
)

func TestOnlyOneCollectorMetersANode(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		name := filepath.Join(t.TempDir(), "gputally.lock")
		first, err := collector.Lock(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := collector.Lock(t.Context(), name); !errors.Is(err, collector.ErrLocked) {
			t.Errorf("a second lock: %v, want ErrLocked", err)
		}
		if err := first.Close(); err != nil {
			t.Fatal(err)
		}
		second, err := collector.Lock(t.Context(), name)
		if err != nil {
			t.Fatalf("after the first ended: %v", err)
		}
		if err := second.Close(); err != nil {
			t.Error(err)
		}
	})
}

func TestNobodyWaitsForTheLockWhenAskedToEnd(t *testing.T) {
	t.Parallel()
	name := filepath.Join(t.TempDir(), "gputally.lock")
	first, err := collector.Lock(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { first.Close() })
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began := time.Now()
		if _, err := collector.Lock(ctx, name); !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != time.Second {
			t.Errorf("after %s: %v", time.Since(began), err)
		}
	})
	asked, cancel := context.WithCancel(t.Context())
	cancel()
	args := append(bare(), "--lock-file="+name)
	if err := collector.Run(asked, args, io.Discard, io.Discard, collector.Options{Now: time.Now}); err != nil {
		t.Errorf("it ended with %v", err)
	}
}

func TestLockNeedsItsFolder(t *testing.T) {
	t.Parallel()
	if _, err := collector.Lock(t.Context(), filepath.Join(t.TempDir(), "none", "gputally.lock")); err == nil || errors.Is(err, collector.ErrLocked) {
		t.Errorf("got %v", err)
	}
}
