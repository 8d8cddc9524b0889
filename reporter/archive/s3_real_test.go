//go:build real

package archive_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/gputally/gputally/internal/s3server"
	"github.com/gputally/gputally/reporter/bucket"
	"github.com/gputally/gputally/reporter/bucket/s3"
)

// startS3 runs an S3 server until the test ends, and returns what makes a new
// bucket on it.
func startS3(t testing.TB) func(name string) bucket.Bucket {
	t.Helper()
	server, err := s3server.Start(context.WithoutCancel(t.Context()), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Stop)
	return func(name string) bucket.Bucket {
		t.Helper()
		if err := server.CreateBucket(t.Context(), name); err != nil {
			t.Fatal(err)
		}
		b, err := s3.New(t.Context(), s3.Config{
			Bucket: name, Endpoint: server.Endpoint, Region: server.Region, PathStyle: true,
			Keys: s3.Keys{AccessKey: server.AccessKey, SecretKey: server.SecretKey},
		})
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
}

func TestReplicasPublishDifferentTablesAtOnceIntoS3(t *testing.T) {
	t.Parallel()
	create := startS3(t)
	for n := range 5 {
		replicasPublish(t, create(fmt.Sprintf("books-%d", n)))
	}
}
