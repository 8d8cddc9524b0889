package bucket_test

import (
	"context"
	"errors"
	"io"
	"iter"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gputally/gputally/reporter/bucket"
	"github.com/gputally/gputally/reporter/bucket/mem"
)

// liar is a store that breaks one promise.
type liar struct {
	bucket.Bucket
	ignoreAbsent, ignorePutETag, ignoreDeleteETag, createMissing, emptyList, keepDeleted, denyPut bool
	refuseAll                                                                                     bool // every condition fails
	stale                                                                                         map[string][]byte
}

func (l *liar) Put(ctx context.Context, key string, body io.ReadSeeker, size int64, cond bucket.Condition) (bucket.Object, error) {
	if l.denyPut {
		return bucket.Object{}, bucket.ErrDenied
	}
	if l.refuseAll && cond != (bucket.Condition{}) {
		return bucket.Object{}, bucket.ErrConflict
	}
	if l.ignoreAbsent {
		cond.Absent = false
	}
	if l.ignorePutETag {
		cond.ETag = ""
	}
	if l.createMissing && cond.ETag != "" {
		if _, _, err := l.Get(ctx, key); errors.Is(err, bucket.ErrNotFound) {
			cond.ETag = ""
		}
	}
	return l.Bucket.Put(ctx, key, body, size, cond)
}

func (l *liar) Delete(ctx context.Context, key string, cond bucket.Condition) error {
	if l.ignoreDeleteETag {
		cond.ETag = ""
	}
	if l.refuseAll && cond.ETag != "" {
		return bucket.ErrConflict
	}
	if l.keepDeleted {
		return nil
	}
	return l.Bucket.Delete(ctx, key, cond)
}

func (l *liar) List(ctx context.Context, prefix string) iter.Seq2[bucket.Object, error] {
	if l.emptyList {
		return func(func(bucket.Object, error) bool) {}
	}
	return l.Bucket.List(ctx, prefix)
}

func (l *liar) Get(ctx context.Context, key string) (io.ReadCloser, bucket.Object, error) {
	r, obj, err := l.Bucket.Get(ctx, key)
	if l.stale == nil || err != nil {
		return r, obj, err
	}
	data, err := io.ReadAll(r)
	if err != nil {
		return nil, obj, err
	}
	first, seen := l.stale[key]
	if !seen {
		first, l.stale[key] = data, data
	}
	obj.Size = int64(len(first))
	return io.NopCloser(strings.NewReader(string(first))), obj, nil // for ever what was read first
}

func TestProbeNamesThePromiseThatIsBroken(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		store liar
		want  []string
	}{
		"an honest store":                       {liar{}, nil},
		"If-None-Match is ignored":              {liar{ignoreAbsent: true}, []string{"create if absent"}},
		"If-Match on a put is ignored":          {liar{ignorePutETag: true}, []string{"replace if unchanged", "replace only what exists"}},
		"If-Match on a delete is ignored":       {liar{ignoreDeleteETag: true}, []string{"delete if unchanged"}},
		"If-Match creates what is missing":      {liar{createMissing: true}, []string{"replace only what exists"}},
		"all conditions fail":                   {liar{refuseAll: true}, []string{"create if absent", "replace if unchanged", "delete if unchanged"}},
		"lists lag behind":                      {liar{emptyList: true}, []string{"list after write"}},
		"reads lag behind":                      {liar{stale: map[string][]byte{}}, []string{"replace if unchanged", "delete if unchanged"}},
		"deletes do nothing":                    {liar{keepDeleted: true}, []string{"delete if unchanged", "delete"}},
		"nothing may be written, nothing works": {liar{denyPut: true}, all},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			honest := mem.New(time.Now)
			tt.store.Bucket = honest
			findings := bucket.Probe(t.Context(), &tt.store, "state/")
			var names, broken []string
			for _, f := range findings {
				names = append(names, f.Name)
				if f.Err != nil {
					broken = append(broken, f.Name)
				}
			}
			if d := cmp.Diff(all, names); d != "" {
				t.Errorf("names (-want +got):\n%s", d)
			}
			if d := cmp.Diff(tt.want, broken); d != "" {
				t.Errorf("broken promises (-want +got):\n%s%v", d, findings.Err())
			}
			if (findings.Err() != nil) != (len(tt.want) > 0) {
				t.Errorf("error: %v", findings.Err())
			}
			for obj := range honest.List(t.Context(), "") {
				if !tt.store.keepDeleted {
					t.Errorf("the probe left %s", obj.Key)
				}
			}
		})
	}
}

var all = []string{
	"write", "read after write", "list after write", "create if absent",
	"replace if unchanged", "replace only what exists", "delete if unchanged", "delete",
}

func TestProbeSaysWhatItDidNotTry(t *testing.T) {
	t.Parallel()
	findings := bucket.Probe(t.Context(), &liar{Bucket: mem.New(time.Now), denyPut: true}, "")
	if !errors.Is(findings[0].Err, bucket.ErrDenied) {
		t.Errorf("write: %v", findings[0].Err)
	}
	for _, f := range findings[1:] {
		if f.Err.Error() != `not tried, because "write" failed` {
			t.Errorf("%s: %v", f.Name, f.Err)
		}
	}
}
