package buckettest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/gputally/gputally/reporter/bucket"
)

const writers = 16

func createRace(t *testing.T, b bucket.Bucket) {
	for round := range 5 {
		key := fmt.Sprintf("locks/%d", round)
		var g errgroup.Group
		var winner atomic.Int64
		for w := range writers {
			g.Go(func() error {
				_, err := bucket.PutBytes(t.Context(), b, key, []byte(strconv.Itoa(w+1)), bucket.Condition{Absent: true})
				switch {
				case err == nil && !winner.CompareAndSwap(0, int64(w+1)):
					return fmt.Errorf("writers %d and %d both created %s", winner.Load(), w+1, key)
				case err == nil || errors.Is(err, bucket.ErrConflict):
					return nil
				}
				return err
			})
		}
		if err := g.Wait(); err != nil {
			t.Fatal(err)
		}
		wantContent(t, b, key, strconv.FormatInt(winner.Load(), 10))
	}
}

func swapRace(t *testing.T, b bucket.Bucket) {
	const each = increments
	put(t, b, "counter", "0 start")
	g, ctx := errgroup.WithContext(t.Context())
	for w := range writers {
		g.Go(func() error {
			for i := range each {
				if err := increment(ctx, b, fmt.Sprintf("writer %d, time %d", w, i)); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	data, _, err := bucket.ReadAll(t.Context(), b, "counter")
	if err != nil {
		t.Fatal(err)
	}
	if n, _, _ := strings.Cut(string(data), " "); n != strconv.Itoa(writers*each) {
		t.Errorf("%d increments were counted as %s", writers*each, n)
	}
}

// increment counts one up, as often as it takes. token makes the content
// unique, as an ETag may only tell contents apart.
func increment(ctx context.Context, b bucket.Bucket, token string) error {
	for try := 0; ; try++ {
		data, obj, err := bucket.ReadAll(ctx, b, "counter")
		if err != nil {
			return err
		}
		n, _, _ := strings.Cut(string(data), " ")
		count, err := strconv.Atoi(n)
		if err != nil {
			return err
		}
		_, err = bucket.PutBytes(ctx, b, "counter", []byte(strconv.Itoa(count+1)+" "+token), bucket.Condition{ETag: obj.ETag})
		if !errors.Is(err, bucket.ErrConflict) {
			return err
		}
		select {
		case <-time.After(rand.N(time.Millisecond << min(try, 6))):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func atomicReplace(t *testing.T, b bucket.Bucket) {
	const rounds = 20
	body := func(n int) string { return strings.Repeat(fmt.Sprintf("%07d\n", n), 1<<15) } // 256 KiB
	put(t, b, "report", body(0))
	done := make(chan struct{})
	var g errgroup.Group
	g.Go(func() error {
		defer close(done)
		for n := 1; n <= rounds; n++ {
			if _, err := bucket.PutBytes(t.Context(), b, "report", []byte(body(n)), bucket.Condition{}); err != nil {
				return err
			}
		}
		return nil
	})
	for range 3 {
		g.Go(func() error { return readWhole(t.Context(), b, done, body) })
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	wantContent(t, b, "report", body(rounds))
}

// readWhole reads until done and fails unless each read gives one whole
// object, never older than one it saw before.
func readWhole(ctx context.Context, b bucket.Bucket, done <-chan struct{}, body func(int) string) error {
	last := 0
	for {
		select {
		case <-done:
			return nil
		default:
		}
		data, _, err := bucket.ReadAll(ctx, b, "report")
		if err != nil {
			return err
		}
		n, err := strconv.Atoi(string(data[:7]))
		if err != nil || string(data) != body(n) {
			return fmt.Errorf("read a part of two objects: %d bytes that begin with %q", len(data), data[:7])
		}
		if n < last {
			return fmt.Errorf("read object %d after object %d", n, last)
		}
		last = n
	}
}
