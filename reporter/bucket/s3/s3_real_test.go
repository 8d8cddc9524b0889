//go:build real

package s3_test

import (
	"context"
	"fmt"
	"os"
	"sync/atomic"
	"testing"

	"github.com/gputally/gputally/internal/s3server"
	"github.com/gputally/gputally/reporter/bucket"
	"github.com/gputally/gputally/reporter/bucket/buckettest"
	"github.com/gputally/gputally/reporter/bucket/s3"
)

// startServer runs a server until the test ends.
func startServer(t *testing.T, start func(context.Context, string) (*s3server.Server, error), dir string) *s3server.Server {
	t.Helper()
	server, err := start(context.WithoutCancel(t.Context()), dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Stop)
	return server
}

// settings are those of the server's administrator for one of its buckets.
func settings(server *s3server.Server, name string) s3.Config {
	return s3.Config{
		Bucket: name, Endpoint: server.Endpoint, Region: server.Region, PathStyle: true,
		Keys: s3.Keys{AccessKey: server.AccessKey, SecretKey: server.SecretKey},
	}
}

func open(t *testing.T, cfg s3.Config) bucket.Bucket {
	t.Helper()
	b, err := s3.New(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestBucket(t *testing.T) {
	t.Parallel()
	server := startServer(t, s3server.Start, t.TempDir())
	if !server.Atomic {
		t.Fatal("the file system of the temporary folder has no extended attributes, without which the server breaks the contract: set TMPDIR to another one")
	}
	var n atomic.Int64
	buckettest.Run(t, func(t *testing.T) bucket.Bucket {
		name := fmt.Sprintf("books-%d", n.Add(1))
		if err := server.CreateBucket(t.Context(), name); err != nil {
			t.Fatal(err)
		}
		cfg := settings(server, name)
		cfg.Prefix = fmt.Sprintf("a prefix/%d", os.Getpid())
		return open(t, cfg)
	})
}
