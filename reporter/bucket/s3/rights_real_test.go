//go:build real

package s3_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/gputally/gputally/internal/s3server"
	"github.com/gputally/gputally/reporter/bucket"
	"github.com/gputally/gputally/reporter/bucket/s3"
)

// operations tries each operation on a bucket.
func operations(t *testing.T, b bucket.Bucket) map[string]error {
	t.Helper()
	errs := map[string]error{}
	_, errs["put"] = bucket.PutBytes(t.Context(), b, "k", []byte("new"), bucket.Condition{})
	_, errs["create"] = bucket.PutBytes(t.Context(), b, "k2", []byte("new"), bucket.Condition{Absent: true})
	_, errs["put big"] = bucket.PutBytes(t.Context(), b, "k", make([]byte, 17<<20), bucket.Condition{})
	_, _, errs["get"] = bucket.ReadAll(t.Context(), b, "k")
	errs["delete"] = b.Delete(t.Context(), "k", bucket.Condition{})
	for _, err := range b.List(t.Context(), "") {
		errs["list"] = err
	}
	return errs
}

func wantAll(t *testing.T, errs map[string]error, kind error, server *s3server.Server, secrets ...string) {
	t.Helper()
	if len(errs) < 6 {
		t.Errorf("only %d operations: %v", len(errs), errs)
	}
	for op, err := range errs {
		if !errors.Is(err, kind) {
			t.Errorf("%s: %v, want %v", op, err, kind)
			continue
		}
		for _, secret := range append(secrets, server.AccessKey, server.SecretKey) {
			if strings.Contains(err.Error(), secret) {
				t.Errorf("%s shows credentials: %v", op, err)
			}
		}
	}
}

func TestWithoutRightsEverythingIsDenied(t *testing.T) {
	t.Parallel()
	server, cfg := books(t)
	if _, err := bucket.PutBytes(t.Context(), open(t, cfg), "k", []byte("old"), bucket.Condition{}); err != nil {
		t.Fatal(err)
	}
	stranger, err := server.CreateAccount(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for name, keys := range map[string]s3.Keys{
		"a wrong secret":            {AccessKey: server.AccessKey, SecretKey: "not-the-secret"},
		"an unknown key":            {AccessKey: "nobody", SecretKey: "not-the-secret"},
		"an account without rights": {AccessKey: stranger.AccessKey, SecretKey: stranger.SecretKey},
	} {
		t.Run(name, func(t *testing.T) {
			wrong := cfg
			wrong.Keys = keys
			wantAll(t, operations(t, open(t, wrong)), bucket.ErrDenied, server, keys.AccessKey, keys.SecretKey)
			if findings := bucket.Probe(t.Context(), open(t, wrong), ""); !errors.Is(findings.Err(), bucket.ErrDenied) {
				t.Errorf("probe: %v", findings.Err())
			}
		})
	}
	if data, _, err := bucket.ReadAll(t.Context(), open(t, cfg), "k"); err != nil || string(data) != "old" {
		t.Errorf("the object is %q, %v", data, err)
	}
}

func TestAReadOnlyStoreCanBeRead(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	server := startServer(t, s3server.Start, dir)
	if err := server.CreateBucket(t.Context(), "books"); err != nil {
		t.Fatal(err)
	}
	if _, err := bucket.PutBytes(t.Context(), open(t, settings(server, "books")), "k", []byte("old"), bucket.Condition{}); err != nil {
		t.Fatal(err)
	}
	readOnly := startServer(t, s3server.StartReadOnly, dir)
	errs := operations(t, open(t, settings(readOnly, "books")))
	for op, err := range errs {
		reads := op == "get" || op == "list"
		if reads && err != nil || !reads && !errors.Is(err, bucket.ErrDenied) {
			t.Errorf("%s: %v", op, err)
		}
	}
}

func TestABucketThatIsMissingIsNoEmptyBucket(t *testing.T) {
	t.Parallel()
	server, cfg := books(t)
	cfg.Bucket = "boks"
	errs := operations(t, open(t, cfg))
	wantAll(t, errs, bucket.ErrNoBucket, server)
	for op, err := range errs {
		if errors.Is(err, bucket.ErrNotFound) || !strings.Contains(err.Error(), "s3://boks/") {
			t.Errorf("%s: %v", op, err)
		}
	}
}
