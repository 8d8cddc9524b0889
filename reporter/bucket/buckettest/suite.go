package buckettest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"testing"

	"github.com/gputally/gputally/reporter/bucket"
)

// Run holds a store to the contract. open returns an empty bucket, a new one
// each time.
func Run(t *testing.T, open func(t *testing.T) bucket.Bucket) {
	tests := []struct {
		name string
		run  func(*testing.T, bucket.Bucket)
	}{
		{"what was put can be got", putGet},
		{"a stat tells the same as a get", stat},
		{"an object may be empty", emptyObject},
		{"a body is read from where it stands", bodyOffset},
		{"odd keys come back as they were", oddKeys},
		{"keys that no store could keep are refused", invalidKeys},
		{"contradicting conditions are refused", invalidConditions},
		{"no key is the folder of another", folderKeys},
		{"what is not there is not found", notFound},
		{"a body of another size stores nothing", wrongSize},
		{"a body that fails stores nothing", brokenBody},
		{"a deleted object is gone", deleted},
		{"absent lets only the first put through", createIfAbsent},
		{"an ETag lets a put replace only what was read", replaceIfUnchanged},
		{"an ETag lets a delete remove only what was read", deleteIfUnchanged},
		{"a list is sorted by bytes and cut by prefix", list},
		{"a list may be left early", listLeft},
		{"a list of several pages is whole", listPages},
		{"a context that has ended does nothing", cancelled},
		{"of 16 writers one creates", createRace},
		{"16 writers lose none of their increments", swapRace},
		{"a reader sees the old object or the new one", atomicReplace},
		{"a reader keeps the object that it opened or fails", openReader},
		{"40 MiB keep conditions and content", bigObject},
		{"the probe finds nothing wrong and leaves nothing behind", probe},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tt.run(t, open(t))
		})
	}
}

// put stores and fails the test if that fails.
func put(t *testing.T, b bucket.Bucket, key, content string) bucket.Object {
	t.Helper()
	obj, err := bucket.PutBytes(t.Context(), b, key, []byte(content), bucket.Condition{})
	if err != nil {
		t.Fatalf("put %q: %v", key, err)
	}
	if obj.Key != key || obj.Size != int64(len(content)) || obj.ETag == "" || !obj.Modified.IsZero() {
		t.Fatalf("put %q of %d bytes returned %+v", key, len(content), obj)
	}
	return obj
}

// wantContent checks what the object has.
func wantContent(t *testing.T, b bucket.Bucket, key, want string) bucket.Object {
	t.Helper()
	data, obj, err := bucket.ReadAll(t.Context(), b, key)
	if err != nil {
		t.Fatalf("get %q: %v", key, err)
	}
	if described, err := b.Stat(t.Context(), key); err != nil || described != obj {
		t.Fatalf("stat %q: %+v, %v, get says %+v", key, described, err, obj)
	}
	if !bytes.Equal(data, []byte(want)) {
		t.Fatalf("%q has %.80q (%d bytes), want %.80q (%d bytes)", key, data, len(data), want, len(want))
	}
	return obj
}

func wantAbsent(t *testing.T, b bucket.Bucket, key string) {
	t.Helper()
	r, _, err := b.Get(t.Context(), key)
	if err == nil {
		_ = r.Close()
	}
	wantError(t, "get "+key, err, bucket.ErrNotFound)
	_, err = b.Stat(t.Context(), key)
	wantError(t, "stat "+key, err, bucket.ErrNotFound)
}

func wantError(t *testing.T, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Fatalf("%s: %v, want %v", what, err, want)
	}
}

// keys lists what begins with prefix.
func keys(t *testing.T, b bucket.Bucket, prefix string) []string {
	t.Helper()
	var ks []string
	for obj, err := range b.List(t.Context(), prefix) {
		if err != nil {
			t.Fatalf("list %q: %v", prefix, err)
		}
		ks = append(ks, obj.Key)
	}
	return ks
}

// ended returns a context that has ended.
func ended(t *testing.T) context.Context {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	return ctx
}

// brokenReader gives n bytes and then fails.
type brokenReader struct {
	io.ReadSeeker
	left int
}

var errBroken = errors.New("body broke")

func (r *brokenReader) Read(p []byte) (int, error) {
	if r.left == 0 {
		return 0, errBroken
	}
	n, err := r.ReadSeeker.Read(p[:min(len(p), r.left)])
	r.left -= n
	return n, err
}
