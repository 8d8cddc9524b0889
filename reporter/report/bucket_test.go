package report_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"iter"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/gputally/gputally/reporter/bucket"
)

// memory is a bucket that can be told to fail.
type memory struct {
	mu      sync.Mutex
	objects map[string][]byte
	order   []string // keys as they were put
	failAt  int      // the put that fails, from 1; 0 for none
	puts    int
}

func newMemory() *memory { return &memory{objects: map[string][]byte{}} }

func describe(key string, data []byte) bucket.Object {
	return bucket.Object{Key: key, Size: int64(len(data)), ETag: fmt.Sprintf("%x", sha256.Sum256(data))}
}

func (m *memory) Get(_ context.Context, key string) (io.ReadCloser, bucket.Object, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	data, ok := m.objects[key]
	if !ok {
		return nil, bucket.Object{}, fmt.Errorf("get %s: %w", key, bucket.ErrNotFound)
	}
	return io.NopCloser(bytes.NewReader(data)), describe(key, data), nil
}

func (m *memory) Put(_ context.Context, key string, body io.ReadSeeker, size int64, cond bucket.Condition) (bucket.Object, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.puts++; m.puts == m.failAt {
		return bucket.Object{}, fmt.Errorf("put %s: %w", key, bucket.ErrDenied)
	}
	there, exists := m.objects[key]
	if (cond.Absent && exists) || (cond.ETag != "" && (!exists || describe(key, there).ETag != cond.ETag)) {
		return bucket.Object{}, fmt.Errorf("put %s: %w", key, bucket.ErrConflict)
	}
	data, err := io.ReadAll(body)
	if err != nil || int64(len(data)) != size {
		return bucket.Object{}, fmt.Errorf("put %s: %d bytes of %d: %w", key, len(data), size, err)
	}
	m.objects[key] = data
	m.order = append(m.order, key)
	return describe(key, data), nil
}

func (m *memory) Delete(_ context.Context, key string, _ bucket.Condition) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.objects, key)
	return nil
}

func (m *memory) List(_ context.Context, prefix string) iter.Seq2[bucket.Object, error] {
	return func(yield func(bucket.Object, error) bool) {
		for _, key := range slices.Sorted(maps.Keys(m.objects)) {
			if strings.HasPrefix(key, prefix) && !yield(describe(key, m.objects[key]), nil) {
				return
			}
		}
	}
}
