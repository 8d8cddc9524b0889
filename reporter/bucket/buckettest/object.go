package buckettest

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gputally/gputally/reporter/bucket"
)

func putGet(t *testing.T, b bucket.Bucket) {
	put(t, b, "reports/june/report.csv", "old")
	before := wantContent(t, b, "reports/june/report.csv", "old")
	now := put(t, b, "reports/june/report.csv", "newer")
	after := wantContent(t, b, "reports/june/report.csv", "newer")
	if after.Key != "reports/june/report.csv" || after.Size != 5 || after.ETag != now.ETag {
		t.Errorf("got %+v after %+v was put", after, now)
	}
	if after.ETag == before.ETag {
		t.Errorf("another content has the same ETag %s", after.ETag)
	}
	if age := time.Since(after.Modified); age < -time.Minute || age > time.Hour {
		t.Errorf("an object just put was modified at %v", after.Modified)
	}
}

func stat(t *testing.T, b bucket.Bucket) {
	written := put(t, b, "ledger/hour", "old")
	before, err := b.Stat(t.Context(), "ledger/hour")
	if err != nil || before.Key != written.Key || before.Size != 3 || before.ETag != written.ETag || before.Modified.IsZero() {
		t.Errorf("stat gave %+v, %v after %+v was put", before, err, written)
	}
	written = put(t, b, "ledger/hour", "newer")
	after, err := b.Stat(t.Context(), "ledger/hour")
	if err != nil || after.Size != 5 || after.ETag != written.ETag || after.ETag == before.ETag {
		t.Errorf("stat gave %+v, %v after another content was put", after, err)
	}
	if _, err := bucket.PutBytes(t.Context(), b, "ledger/hour", []byte("newest"), bucket.Condition{ETag: after.ETag}); err != nil {
		t.Errorf("put under the ETag of a stat: %v", err)
	}
}

func emptyObject(t *testing.T, b bucket.Bucket) {
	put(t, b, "state/empty", "")
	if obj := wantContent(t, b, "state/empty", ""); obj.Size != 0 {
		t.Errorf("empty object has size %d", obj.Size)
	}
	if ks := keys(t, b, "state/"); len(ks) != 1 {
		t.Errorf("listed %q", ks)
	}
}

func bodyOffset(t *testing.T, b bucket.Bucket) {
	body := strings.NewReader("skipped|kept")
	if _, err := body.Seek(8, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Put(t.Context(), "a/b", body, 4, bucket.Condition{}); err != nil {
		t.Fatal(err)
	}
	wantContent(t, b, "a/b", "kept")
}

func oddKeys(t *testing.T, b bucket.Bucket) {
	odd := []string{
		"cluster=a b/date=2026-11-01/hour=00/usage.parquet", "plus+plus", "percent%2Fslash", "100%",
		"gruppe-ä/ü ö", "日本/東京", "emoji/🙂", "a&b?c#d", `quote'"`, "back\\slash", "star*[x]", "tilde~", "semi;colon:at@", "<xml>", "UPPER/lower",
		"trailing./dots..", " leading space", strings.Repeat("s", 255) + "/" + strings.Repeat("ä", 127),
	}
	for _, key := range odd {
		put(t, b, key, "content of "+key)
	}
	for _, key := range odd {
		wantContent(t, b, key, "content of "+key)
		if ks := keys(t, b, key); !slices.Contains(ks, key) {
			t.Errorf("list of %q gave %q", key, ks)
		}
	}
	slices.Sort(odd)
	if ks := keys(t, b, ""); !slices.Equal(ks, odd) {
		t.Errorf("listed\n%q, want\n%q", ks, odd)
	}
	for _, key := range odd {
		if err := b.Delete(t.Context(), key, bucket.Condition{}); err != nil {
			t.Errorf("delete %q: %v", key, err)
		}
	}
	if ks := keys(t, b, ""); len(ks) != 0 {
		t.Errorf("after all deletes: %q", ks)
	}
}

func invalidKeys(t *testing.T, b bucket.Bucket) {
	for name, key := range map[string]string{
		"empty": "", "absolute": "/a", "folder": "a/", "empty segment": "a//b", "parent": "a/../b", "only parent": "..",
		"current": "./a", "hidden": "a/.b", "newline": "a\nb", "null": "a\x00b", "no UTF-8": "a\xffb",
		"long segment": strings.Repeat("x", 256), "long": strings.Repeat("x/", 450) + "x",
	} {
		_, err := bucket.PutBytes(t.Context(), b, key, nil, bucket.Condition{})
		wantError(t, "put "+name, err, bucket.ErrInvalidKey)
		_, _, err = b.Get(t.Context(), key)
		wantError(t, "get "+name, err, bucket.ErrInvalidKey)
		_, err = b.Stat(t.Context(), key)
		wantError(t, "stat "+name, err, bucket.ErrInvalidKey)
		wantError(t, "delete "+name, b.Delete(t.Context(), key, bucket.Condition{}), bucket.ErrInvalidKey)
	}
	for _, prefix := range []string{"/", "/a", "../", "a//", "a/../b", "a\n"} {
		var last error
		for _, err := range b.List(t.Context(), prefix) {
			last = err
		}
		wantError(t, "list "+prefix, last, bucket.ErrInvalidKey)
	}
}

func invalidConditions(t *testing.T, b bucket.Bucket) {
	_, err := bucket.PutBytes(t.Context(), b, "a", nil, bucket.Condition{Absent: true, ETag: "x"})
	wantError(t, "put absent with ETag", err, bucket.ErrInvalidCondition)
	wantError(t, "delete absent", b.Delete(t.Context(), "a", bucket.Condition{Absent: true}), bucket.ErrInvalidCondition)
	wantAbsent(t, b, "a")
}

func folderKeys(t *testing.T, b bucket.Bucket) {
	put(t, b, "a/b", "object")
	put(t, b, "x/y/z", "object in folder")
	for key, there := range map[string]string{"a/b/c": "a/b", "x/y": "x/y/z", "x": "x/y/z"} {
		_, err := bucket.PutBytes(t.Context(), b, key, []byte("second"), bucket.Condition{})
		if err != nil { // a store may refuse it, but then by name and harmlessly
			wantError(t, "put "+key, err, bucket.ErrInvalidKey)
			wantAbsent(t, b, key)
		}
		if _, _, err := bucket.ReadAll(t.Context(), b, there); err != nil {
			t.Errorf("%s after put of %s: %v", there, key, err)
		}
	}
}

func notFound(t *testing.T, b bucket.Bucket) {
	put(t, b, "folder/object", "x")
	for _, key := range []string{"nothing", "folder", "folder/nothing", "folder/object/below"} {
		wantAbsent(t, b, key)
		if err := b.Delete(t.Context(), key, bucket.Condition{}); err != nil {
			t.Errorf("delete %q: %v", key, err)
		}
	}
	wantContent(t, b, "folder/object", "x")
	if ks := keys(t, b, "nothing"); len(ks) != 0 {
		t.Errorf("listed %q", ks)
	}
}

func wrongSize(t *testing.T, b bucket.Bucket) {
	put(t, b, "k", "old")
	for content, size := range map[string]int64{"short": 6, "too long": 3} {
		_, err := b.Put(t.Context(), "k", strings.NewReader(content), size, bucket.Condition{})
		wantError(t, "put "+content, err, bucket.ErrSize)
	}
	_, err := b.Put(t.Context(), "big", bytes.NewReader(make([]byte, bigSize-1)), bigSize, bucket.Condition{})
	wantError(t, "put a short big object", err, bucket.ErrSize)
	_, err = b.Put(t.Context(), "big", bytes.NewReader(make([]byte, bigSize+1)), bigSize, bucket.Condition{})
	wantError(t, "put a long big object", err, bucket.ErrSize)
	wantContent(t, b, "k", "old")
	wantAbsent(t, b, "big")
}

func brokenBody(t *testing.T, b bucket.Bucket) {
	put(t, b, "k", "old")
	for _, size := range []int{100, bigSize} {
		body := &brokenReader{ReadSeeker: bytes.NewReader(make([]byte, size)), left: size - 10}
		_, err := b.Put(t.Context(), "k", body, int64(size), bucket.Condition{})
		wantError(t, "put a body that breaks", err, errBroken)
	}
	wantContent(t, b, "k", "old")
	if ks := keys(t, b, ""); len(ks) != 1 {
		t.Errorf("listed %q", ks)
	}
}

func deleted(t *testing.T, b bucket.Bucket) {
	put(t, b, "a/b/c", "x")
	put(t, b, "a/d", "y")
	for range 2 { // the second time nothing is there, which is no error
		if err := b.Delete(t.Context(), "a/b/c", bucket.Condition{}); err != nil {
			t.Fatal(err)
		}
	}
	wantAbsent(t, b, "a/b/c")
	wantContent(t, b, "a/d", "y")
	if ks := keys(t, b, ""); !slices.Equal(ks, []string{"a/d"}) {
		t.Errorf("listed %q", ks)
	}
	put(t, b, "a/b", "the folder is free again")
}

func cancelled(t *testing.T, b bucket.Bucket) {
	put(t, b, "k", "old")
	ctx := ended(t)
	_, err := bucket.PutBytes(ctx, b, "k", []byte("new"), bucket.Condition{})
	wantError(t, "put", err, ctx.Err())
	_, err = b.Put(ctx, "k", bytes.NewReader(make([]byte, bigSize)), bigSize, bucket.Condition{})
	wantError(t, "put a big object", err, ctx.Err())
	_, _, err = b.Get(ctx, "k")
	wantError(t, "get", err, ctx.Err())
	_, err = b.Stat(ctx, "k")
	wantError(t, "stat", err, ctx.Err())
	wantError(t, "delete", b.Delete(ctx, "k", bucket.Condition{}), ctx.Err())
	err = errors.New("list gave no error")
	for _, e := range b.List(ctx, "") {
		err = e
	}
	wantError(t, "list", err, ctx.Err())
	wantContent(t, b, "k", "old")
}

func openReader(t *testing.T, b bucket.Bucket) {
	old, replacement := strings.Repeat("old", 1<<18), strings.Repeat("new", 1<<18)
	put(t, b, "k", old)
	r, _, err := b.Get(t.Context(), "k")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.Close() }()
	put(t, b, "k", replacement)
	if data, err := io.ReadAll(r); err == nil && string(data) != old {
		t.Errorf("a reader opened before a replacement gave %d other bytes", len(data))
	}
	wantContent(t, b, "k", replacement)
}
