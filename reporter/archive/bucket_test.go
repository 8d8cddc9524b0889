package archive_test

import (
	"context"
	"fmt"
	"io"
	"iter"
	"path"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gputally/gputally/reporter/bucket"
	"github.com/gputally/gputally/reporter/bucket/mem"
)

// shaky is a bucket that remembers what was written, and can be told to fail.
type shaky struct {
	bucket.Bucket
	mu      sync.Mutex
	puts    int
	failAt  int      // the put that fails, from 1; 0 for none
	written []string // keys, in order
}

func newShaky() *shaky { return &shaky{Bucket: mem.New(func() time.Time { return start })} }

func (s *shaky) Put(ctx context.Context, key string, body io.ReadSeeker, size int64, cond bucket.Condition) (bucket.Object, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.puts++; s.puts == s.failAt {
		return bucket.Object{}, fmt.Errorf("put %s: %w", key, bucket.ErrDenied)
	}
	object, err := s.Bucket.Put(ctx, key, body, size, cond)
	if err == nil {
		s.written = append(s.written, key)
	}
	return object, err
}

// reports are the objects of reports that were written, in order.
func (s *shaky) reports() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(s.written), func(key string) bool { return !strings.HasPrefix(key, "reports/") })
}

// under are the objects in a folder that were written, in order.
func (s *shaky) under(folder string) []string {
	return slices.DeleteFunc(s.reports(), func(key string) bool { return path.Dir(key) != folder })
}

// content returns an object, nil if it is not there.
func (s *shaky) content(t *testing.T, key string) []byte {
	t.Helper()
	body, _, err := s.Get(t.Context(), key)
	if err != nil {
		return nil
	}
	defer body.Close()
	data, err := io.ReadAll(body)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// counting counts what is read, and can have a listing give ETags, as S3 does.
type counting struct {
	bucket.Bucket
	etags              bool
	gets, stats, lists int
}

func (c *counting) reset() { c.gets, c.stats, c.lists = 0, 0, 0 }

func (c *counting) Get(ctx context.Context, key string) (io.ReadCloser, bucket.Object, error) {
	c.gets++
	return c.Bucket.Get(ctx, key)
}

func (c *counting) Stat(ctx context.Context, key string) (bucket.Object, error) {
	c.stats++
	return c.Bucket.Stat(ctx, key)
}

func (c *counting) List(ctx context.Context, prefix string) iter.Seq2[bucket.Object, error] {
	c.lists++
	return func(yield func(bucket.Object, error) bool) {
		for object, err := range c.Bucket.List(ctx, prefix) {
			if c.etags && err == nil {
				object, err = c.Bucket.Stat(ctx, object.Key)
			}
			if !yield(object, err) {
				return
			}
		}
	}
}
