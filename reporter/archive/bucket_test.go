package archive_test

import (
	"context"
	"fmt"
	"io"
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
