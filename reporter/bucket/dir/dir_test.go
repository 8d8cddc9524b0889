package dir_test

import (
	"testing"

	"github.com/gputally/gputally/reporter/bucket"
	"github.com/gputally/gputally/reporter/bucket/buckettest"
	"github.com/gputally/gputally/reporter/bucket/dir"
)

func open(t *testing.T, path string) *dir.Bucket {
	t.Helper()
	b, err := dir.New(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestBucket(t *testing.T) {
	t.Parallel()
	buckettest.Run(t, func(t *testing.T) bucket.Bucket { return open(t, t.TempDir()) })
}
