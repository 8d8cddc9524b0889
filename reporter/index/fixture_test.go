package index_test

import (
	"context"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gputally/gputally/reporter/bucket"
	"github.com/gputally/gputally/reporter/bucket/mem"
	"github.com/gputally/gputally/reporter/index"
	"github.com/gputally/gputally/reporter/ledger"
	"github.com/gputally/gputally/reporter/usage"
	"github.com/gputally/gputally/reporter/window"
)

const (
	hoursKey = "index/hours/cluster=prod/2026-11.json"
)

func clock() time.Time { return time.Date(2026, 12, 1, 0, 10, 0, 0, time.UTC) }

func empty() *mem.Bucket { return mem.New(clock) }

func at(t testing.TB, text string) time.Time {
	t.Helper()
	instant, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t.Fatal(err)
	}
	return instant
}

func hourAt(t testing.TB, text string) window.Window {
	t.Helper()
	return window.Hour(at(t, text))
}

// hourRecord is a record as the ledger would give it.
func hourRecord(cluster string, hour window.Window, revision int) index.HourRecord {
	return index.Hour(ledger.Entry{
		Cluster: cluster, Window: hour, Revision: revision, Key: ledger.Key(cluster, hour),
		Rows: 17, Size: 4711, SHA256: strings.Repeat("ab", 32),
		Coverage: usage.Coverage{Expected: 3_600_000, Allocated: 3_000_000, Unallocated: 599_999, Residue: 1},
	})
}

// read gives an object as text.
func read(t testing.TB, b bucket.Bucket, key string) string {
	t.Helper()
	data, _, err := bucket.ReadAll(context.Background(), b, key)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func overwrite(t testing.TB, b bucket.Bucket, key, text string) {
	t.Helper()
	if _, err := bucket.PutBytes(context.Background(), b, key, []byte(text), bucket.Condition{}); err != nil {
		t.Fatal(err)
	}
}

func keys(t testing.TB, b bucket.Bucket, prefix string) []string {
	t.Helper()
	var all []string
	for object, err := range b.List(context.Background(), prefix) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, object.Key)
	}
	return all
}

// racing runs acts, one before each of the first changes of the index.
type racing struct {
	bucket.Bucket
	mu      sync.Mutex
	acts    []func()
	changes int
}

func (r *racing) Put(ctx context.Context, key string, body io.ReadSeeker, size int64, cond bucket.Condition) (bucket.Object, error) {
	r.change(key)
	return r.Bucket.Put(ctx, key, body, size, cond)
}

func (r *racing) Delete(ctx context.Context, key string, cond bucket.Condition) error {
	r.change(key)
	return r.Bucket.Delete(ctx, key, cond)
}

func (r *racing) change(key string) {
	if !strings.HasPrefix(key, "index/") {
		return
	}
	r.mu.Lock()
	r.changes++
	act := func() {}
	if len(r.acts) > 0 {
		act, r.acts = r.acts[0], r.acts[1:]
	}
	r.mu.Unlock()
	act()
}
