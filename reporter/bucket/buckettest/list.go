package buckettest

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/gputally/gputally/reporter/bucket"
)

func list(t *testing.T, b bucket.Bucket) {
	// Bytes around the slash, so that sorting by folders would show.
	all := []string{"ab", "a-b/c", "a.b", "b/a/c", "b/a-c", "b/a.c", "b/a0", "b-", "b0/x", "ä"}
	objects := map[string]bucket.Object{}
	for _, key := range all {
		objects[key] = put(t, b, key, "content of "+key)
	}
	slices.Sort(all)
	for _, tt := range []struct {
		prefix string
		want   []string
	}{
		{"", all},
		{"a", []string{"a-b/c", "a.b", "ab"}},
		{"a-b", []string{"a-b/c"}},
		{"a-b/", []string{"a-b/c"}},
		{"b", []string{"b-", "b/a-c", "b/a.c", "b/a/c", "b/a0", "b0/x"}},
		{"b/", []string{"b/a-c", "b/a.c", "b/a/c", "b/a0"}},
		{"b/a", []string{"b/a-c", "b/a.c", "b/a/c", "b/a0"}},
		{"b/a/", []string{"b/a/c"}},
		{"b/a/c", []string{"b/a/c"}},
		{"b/a/c/", nil},
		{"c", nil},
		{"c/d/", nil},
	} {
		if got := keys(t, b, tt.prefix); !slices.Equal(got, tt.want) {
			t.Errorf("list %q gave %q, want %q", tt.prefix, got, tt.want)
		}
	}
	for obj, err := range b.List(t.Context(), "") {
		if err != nil {
			t.Fatal(err)
		}
		want := objects[obj.Key]
		if obj.Size != want.Size || obj.ETag != "" && obj.ETag != want.ETag {
			t.Errorf("listed %+v, put returned %+v", obj, want)
		}
		if age := time.Since(obj.Modified); age < -time.Minute || age > time.Hour {
			t.Errorf("%s just put was modified at %v", obj.Key, obj.Modified)
		}
	}
}

func listLeft(t *testing.T, b bucket.Bucket) {
	for i := range 5 {
		put(t, b, fmt.Sprintf("k%d/x", i), "x")
	}
	seq, n := b.List(t.Context(), ""), 0
	for range seq {
		if n++; n == 2 {
			break
		}
	}
	n = 0
	for range seq { // the same list once more, from the beginning
		n++
	}
	if n != 5 {
		t.Errorf("listed %d objects again, want 5", n)
	}
}

func listPages(t *testing.T, b bucket.Bucket) {
	const count = manyObjects
	want := make([]string, count)
	var g errgroup.Group
	g.SetLimit(16)
	for i := range count {
		key := fmt.Sprintf("ledger/cluster=c/date=2026-%02d-%02d/hour=%02d/n=%d/usage", i%12+1, i%28+1, i%24, i)
		want[i] = key
		g.Go(func() error {
			_, err := bucket.PutBytes(t.Context(), b, key, []byte(key), bucket.Condition{Absent: true})
			return err
		})
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	slices.Sort(want)
	if got := keys(t, b, "ledger/"); !slices.Equal(got, want) {
		t.Errorf("listed %d keys, which differ from the %d put", len(got), count)
	}
}
