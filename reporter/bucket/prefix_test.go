package bucket_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/gputally/gputally/reporter/bucket"
	"github.com/gputally/gputally/reporter/bucket/buckettest"
	"github.com/gputally/gputally/reporter/bucket/mem"
)

func within(t *testing.T, b bucket.Bucket, prefix string) bucket.Bucket {
	t.Helper()
	p, err := bucket.WithPrefix(b, prefix)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestAFolderIsABucket(t *testing.T) {
	t.Parallel()
	buckettest.Run(t, func(t *testing.T) bucket.Bucket { return within(t, mem.New(time.Now), "/a folder/below/") })
}

func TestAFolderHidesTheRest(t *testing.T) {
	t.Parallel()
	whole := mem.New(time.Now)
	folder := within(t, whole, "a/b")
	for _, key := range []string{"a/b/inside", "a/bc/outside", "a/b-outside", "outside"} {
		if _, err := bucket.PutBytes(t.Context(), whole, key, nil, bucket.Condition{}); err != nil {
			t.Fatal(err)
		}
	}
	var got []string
	for obj, err := range folder.List(t.Context(), "") {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, obj.Key)
	}
	if want := []string{"inside"}; !slices.Equal(got, want) {
		t.Errorf("listed %q, want %q", got, want)
	}
	for _, key := range []string{"../bc/outside", "/outside", "outside"} {
		if _, _, err := folder.Get(t.Context(), key); err == nil {
			t.Errorf("%s was found", key)
		}
	}
	if b := within(t, whole, "/"); b != bucket.Bucket(whole) {
		t.Error("an empty prefix is not the bucket itself")
	}
	if _, err := bucket.WithPrefix(whole, "a/../b"); !errors.Is(err, bucket.ErrInvalidKey) {
		t.Errorf("a prefix that leads elsewhere: %v", err)
	}
}
