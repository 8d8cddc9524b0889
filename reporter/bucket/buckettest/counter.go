package buckettest

import (
	"context"
	"io"
	"iter"
	"strings"
	"sync"

	"github.com/gputally/gputally/reporter/bucket"
)

// Counter is a bucket that notes each request. A list is one request, however
// many pages a store makes of it.
type Counter struct {
	inner bucket.Bucket

	mu       sync.Mutex
	requests Requests
}

var _ bucket.Bucket = (*Counter)(nil)

// Count wraps a bucket.
func Count(b bucket.Bucket) *Counter { return &Counter{inner: b} }

// Requests are operations with their keys: "stat ledger/hourly/…".
type Requests []string

// Of is how many of the requests are one of the operations, of keys with the prefix.
func (rs Requests) Of(prefix string, operations ...string) int {
	n := 0
	for _, r := range rs {
		for _, operation := range operations {
			if strings.HasPrefix(r, operation+" "+prefix) {
				n++
			}
		}
	}
	return n
}

// Take gives the requests since it was called last.
func (c *Counter) Take() Requests {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := c.requests
	c.requests = nil
	return all
}

func (c *Counter) note(operation, key string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.requests = append(c.requests, operation+" "+key)
}

// Get opens an object.
func (c *Counter) Get(ctx context.Context, key string) (io.ReadCloser, bucket.Object, error) {
	c.note("get", key)
	return c.inner.Get(ctx, key)
}

// Stat describes an object.
func (c *Counter) Stat(ctx context.Context, key string) (bucket.Object, error) {
	c.note("stat", key)
	return c.inner.Stat(ctx, key)
}

// Put stores an object.
func (c *Counter) Put(ctx context.Context, key string, body io.ReadSeeker, size int64, cond bucket.Condition) (bucket.Object, error) {
	c.note("put", key)
	return c.inner.Put(ctx, key, body, size, cond)
}

// Delete removes an object.
func (c *Counter) Delete(ctx context.Context, key string, cond bucket.Condition) error {
	c.note("delete", key)
	return c.inner.Delete(ctx, key, cond)
}

// List yields the objects whose keys begin with prefix.
func (c *Counter) List(ctx context.Context, prefix string) iter.Seq2[bucket.Object, error] {
	c.note("list", prefix)
	return c.inner.List(ctx, prefix)
}
