package mem

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gputally/gputally/reporter/bucket"
	"github.com/gputally/gputally/reporter/checksum"
)

// Bucket is a bucket.Bucket in memory.
type Bucket struct {
	now func() time.Time

	mu      sync.RWMutex
	objects map[string]object
	keys    []string // of the objects, sorted
}

type object struct {
	data     []byte // never changed
	etag     string
	modified time.Time
}

var _ bucket.Bucket = (*Bucket)(nil)

// New returns an empty bucket whose objects are modified at the time that now gives.
func New(now func() time.Time) *Bucket {
	return &Bucket{now: now, objects: map[string]object{}}
}

// Get opens an object.
func (b *Bucket) Get(ctx context.Context, key string) (io.ReadCloser, bucket.Object, error) {
	o, err := b.find(ctx, key)
	if err != nil {
		return nil, bucket.Object{}, failed("get", key, err)
	}
	return io.NopCloser(bytes.NewReader(o.data)), describe(key, o, o.etag), nil
}

// Stat describes an object.
func (b *Bucket) Stat(ctx context.Context, key string) (bucket.Object, error) {
	o, err := b.find(ctx, key)
	if err != nil {
		return bucket.Object{}, failed("stat", key, err)
	}
	return describe(key, o, o.etag), nil
}

func (b *Bucket) find(ctx context.Context, key string) (object, error) {
	if err := bucket.CheckKey(key); err != nil {
		return object{}, err
	}
	if err := ctx.Err(); err != nil {
		return object{}, err
	}
	b.mu.RLock()
	defer b.mu.RUnlock()
	o, ok := b.objects[key]
	if !ok {
		return object{}, bucket.ErrNotFound
	}
	return o, nil
}

// Put stores an object.
func (b *Bucket) Put(ctx context.Context, key string, body io.ReadSeeker, size int64, cond bucket.Condition) (bucket.Object, error) {
	if err := bucket.CheckPut(key, cond); err != nil {
		return bucket.Object{}, failed("put", key, err)
	}
	data, err := io.ReadAll(body)
	if err != nil {
		return bucket.Object{}, failed("put", key, err)
	}
	if int64(len(data)) != size {
		return bucket.Object{}, failed("put", key, bucket.ErrSize)
	}
	if err := ctx.Err(); err != nil {
		return bucket.Object{}, failed("put", key, err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.holds(key, cond) {
		return bucket.Object{}, failed("put", key, bucket.ErrConflict)
	}
	if other := b.folder(key); other != "" {
		return bucket.Object{}, failed("put", key, fmt.Errorf("%w: %s is in the way", bucket.ErrInvalidKey, other))
	}
	if _, there := b.objects[key]; !there {
		i, _ := slices.BinarySearch(b.keys, key)
		b.keys = slices.Insert(b.keys, i, key)
	}
	o := object{data, checksum.SHA256(data), b.now()}
	b.objects[key] = o
	return bucket.Object{Key: key, Size: size, ETag: o.etag}, nil
}

// Delete removes an object.
func (b *Bucket) Delete(ctx context.Context, key string, cond bucket.Condition) error {
	if err := bucket.CheckDelete(key, cond); err != nil {
		return failed("delete", key, err)
	}
	if err := ctx.Err(); err != nil {
		return failed("delete", key, err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if _, ok := b.objects[key]; ok && !b.holds(key, cond) {
		return failed("delete", key, bucket.ErrConflict)
	}
	if i, there := slices.BinarySearch(b.keys, key); there {
		b.keys = slices.Delete(b.keys, i, i+1)
		delete(b.objects, key)
	}
	return nil
}

// List yields the objects whose keys begin with prefix.
func (b *Bucket) List(ctx context.Context, prefix string) iter.Seq2[bucket.Object, error] {
	return func(yield func(bucket.Object, error) bool) {
		if err := bucket.CheckPrefix(prefix); err != nil {
			yield(bucket.Object{}, failed("list", prefix, err))
			return
		}
		for _, o := range b.under(prefix) {
			if err := ctx.Err(); err != nil {
				yield(bucket.Object{}, failed("list", prefix, err))
				return
			}
			if !yield(o, nil) {
				return
			}
		}
		if err := ctx.Err(); err != nil {
			yield(bucket.Object{}, failed("list", prefix, err))
		}
	}
}

// keysUnder are the keys that begin with a prefix, in order.
func (b *Bucket) keysUnder(prefix string) []string {
	first, _ := slices.BinarySearch(b.keys, prefix)
	n := slices.IndexFunc(b.keys[first:], func(key string) bool { return !strings.HasPrefix(key, prefix) })
	if n < 0 {
		return b.keys[first:]
	}
	return b.keys[first : first+n]
}

// under are the objects whose keys begin with a prefix, in order.
func (b *Bucket) under(prefix string) (all []bucket.Object) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	for _, key := range b.keysUnder(prefix) {
		all = append(all, describe(key, b.objects[key], ""))
	}
	return all
}

// holds tells whether the condition is true of the object now.
func (b *Bucket) holds(key string, cond bucket.Condition) bool {
	o, ok := b.objects[key]
	if cond.Absent {
		return !ok
	}
	return cond.ETag == "" || ok && o.etag == cond.ETag
}

// folder returns an object that key would be a folder of or lie inside.
func (b *Bucket) folder(key string) string {
	if inside := b.keysUnder(key + "/"); len(inside) > 0 {
		return inside[0]
	}
	for i, c := range key {
		if _, there := b.objects[key[:i]]; there && c == '/' {
			return key[:i]
		}
	}
	return ""
}

func describe(key string, o object, etag string) bucket.Object {
	return bucket.Object{Key: key, Size: int64(len(o.data)), ETag: etag, Modified: o.modified}
}

func failed(op, key string, err error) error {
	return &bucket.OpError{Op: op, Object: "mem:///" + key, Kind: err}
}
