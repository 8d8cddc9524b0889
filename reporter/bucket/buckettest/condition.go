package buckettest

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"io"
	"math/rand/v2"
	"testing"

	"github.com/gputally/gputally/reporter/bucket"
)

// bigSize is beyond any threshold at which a store writes in parts, and no
// multiple of a part.
const bigSize = 40<<20 + 1

// stale is an ETag that no object of the suite has.
const stale = "0123456789abcdef0123456789abcdef"

func createIfAbsent(t *testing.T, b bucket.Bucket) {
	absent := bucket.Condition{Absent: true}
	obj, err := bucket.PutBytes(t.Context(), b, "lock", []byte("first"), absent)
	if err != nil {
		t.Fatal(err)
	}
	_, err = bucket.PutBytes(t.Context(), b, "lock", []byte("second"), absent)
	wantError(t, "second create", err, bucket.ErrConflict)
	_, err = bucket.PutBytes(t.Context(), b, "lock", []byte("first"), absent)
	wantError(t, "create with the same content", err, bucket.ErrConflict)
	if got := wantContent(t, b, "lock", "first"); got.ETag != obj.ETag {
		t.Errorf("ETag %s, put returned %s", got.ETag, obj.ETag)
	}
	if err := b.Delete(t.Context(), "lock", bucket.Condition{}); err != nil {
		t.Fatal(err)
	}
	if _, err := bucket.PutBytes(t.Context(), b, "lock", []byte("third"), absent); err != nil {
		t.Errorf("create after delete: %v", err)
	}
}

func replaceIfUnchanged(t *testing.T, b bucket.Bucket) {
	_, err := bucket.PutBytes(t.Context(), b, "index", []byte("x"), bucket.Condition{ETag: stale})
	wantError(t, "replace what is not there", err, bucket.ErrConflict)
	wantAbsent(t, b, "index")

	first := put(t, b, "index", "1")
	second, err := bucket.PutBytes(t.Context(), b, "index", []byte("2"), bucket.Condition{ETag: first.ETag})
	if err != nil {
		t.Fatalf("replace what is unchanged: %v", err)
	}
	_, err = bucket.PutBytes(t.Context(), b, "index", []byte("3"), bucket.Condition{ETag: first.ETag})
	wantError(t, "replace what has changed", err, bucket.ErrConflict)
	got := wantContent(t, b, "index", "2")
	if got.ETag != second.ETag {
		t.Errorf("get gave ETag %s, put %s", got.ETag, second.ETag)
	}
	if _, err := bucket.PutBytes(t.Context(), b, "index", []byte("4"), bucket.Condition{ETag: got.ETag}); err != nil {
		t.Errorf("replace by the ETag of a get: %v", err)
	}
	if err := b.Delete(t.Context(), "index", bucket.Condition{}); err != nil {
		t.Fatal(err)
	}
	_, err = bucket.PutBytes(t.Context(), b, "index", []byte("5"), bucket.Condition{ETag: got.ETag})
	wantError(t, "replace what was deleted", err, bucket.ErrConflict)
	wantAbsent(t, b, "index")
}

func deleteIfUnchanged(t *testing.T, b bucket.Bucket) {
	if err := b.Delete(t.Context(), "lease", bucket.Condition{ETag: stale}); err != nil {
		t.Errorf("delete what is not there: %v", err)
	}
	first := put(t, b, "lease", "1")
	second := put(t, b, "lease", "2")
	err := b.Delete(t.Context(), "lease", bucket.Condition{ETag: first.ETag})
	wantError(t, "delete what has changed", err, bucket.ErrConflict)
	wantContent(t, b, "lease", "2")
	if err := b.Delete(t.Context(), "lease", bucket.Condition{ETag: second.ETag}); err != nil {
		t.Fatalf("delete what is unchanged: %v", err)
	}
	wantAbsent(t, b, "lease")
	if err := b.Delete(t.Context(), "lease", bucket.Condition{ETag: second.ETag}); err != nil {
		t.Errorf("delete it again: %v", err)
	}
}

func bigObject(t *testing.T, b bucket.Bucket) {
	content := make([]byte, bigSize)
	_, _ = rand.NewChaCha8([32]byte{1}).Read(content) // never fails
	ctx := t.Context()
	first, err := b.Put(ctx, "big", bytes.NewReader(content), bigSize, bucket.Condition{Absent: true})
	if err != nil {
		t.Fatal(err)
	}
	_, err = b.Put(ctx, "big", bytes.NewReader(content), bigSize, bucket.Condition{Absent: true})
	wantError(t, "create what is there", err, bucket.ErrConflict)
	content[0]++
	second, err := b.Put(ctx, "big", bytes.NewReader(content), bigSize, bucket.Condition{ETag: first.ETag})
	if err != nil {
		t.Fatalf("replace what is unchanged: %v", err)
	}
	_, err = b.Put(ctx, "big", bytes.NewReader(make([]byte, bigSize)), bigSize, bucket.Condition{ETag: first.ETag})
	wantError(t, "replace what has changed", err, bucket.ErrConflict)

	r, obj, err := b.Get(ctx, "big")
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.New()
	n, err := io.Copy(sum, r)
	if err = errors.Join(err, r.Close()); err != nil || n != bigSize {
		t.Fatalf("read %d bytes of %d: %v", n, int64(bigSize), err)
	}
	if want := sha256.Sum256(content); !bytes.Equal(sum.Sum(nil), want[:]) {
		t.Error("content differs")
	}
	if obj.Size != bigSize || obj.ETag != second.ETag {
		t.Errorf("got %+v, put returned %+v", obj, second)
	}
	if ks := keys(t, b, ""); len(ks) != 1 {
		t.Errorf("listed %q", ks)
	}
}

func probe(t *testing.T, b bucket.Bucket) {
	findings := bucket.Probe(t.Context(), b, "state/")
	if err := findings.Err(); err != nil || len(findings) < 8 {
		t.Errorf("probe of %d promises: %v", len(findings), err)
	}
	if ks := keys(t, b, ""); len(ks) != 0 {
		t.Errorf("probe left %q", ks)
	}
}
