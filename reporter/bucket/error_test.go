package bucket_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/gputally/gputally/reporter/bucket"
	"github.com/gputally/gputally/reporter/bucket/mem"
)

func TestAnErrorSaysWhatWhereWhyAndWhatToDo(t *testing.T) {
	t.Parallel()
	reason := errors.New("status 403")
	for want, err := range map[string]*bucket.OpError{
		"put s3://b/k: access denied: status 403 (ask the administrator)": {Op: "put", Object: "s3://b/k", Kind: bucket.ErrDenied, Err: reason, Hint: "ask the administrator"},
		"get s3://b/k: object not found":                                  {Op: "get", Object: "s3://b/k", Kind: bucket.ErrNotFound},
		"list s3://b/: status 403":                                        {Op: "list", Object: "s3://b/", Err: reason},
	} {
		if err.Error() != want {
			t.Errorf("%q, want %q", err, want)
		}
		for _, inside := range []error{err.Kind, err.Err} {
			if inside != nil && !errors.Is(err, inside) {
				t.Errorf("%v does not unwrap to %v", err, inside)
			}
		}
	}
}

// short gives a byte less than the object has.
type short struct{ bucket.Bucket }

func (s short) Get(ctx context.Context, key string) (io.ReadCloser, bucket.Object, error) {
	r, obj, err := s.Bucket.Get(ctx, key)
	return struct {
		io.Reader
		io.Closer
	}{io.LimitReader(r, obj.Size-1), r}, obj, err
}

func TestReadAllTakesNoPartForTheWhole(t *testing.T) {
	t.Parallel()
	b := short{mem.New(time.Now)}
	if _, err := bucket.PutBytes(t.Context(), b, "k", []byte("whole"), bucket.Condition{}); err != nil {
		t.Fatal(err)
	}
	_, _, err := bucket.ReadAll(t.Context(), b, "k")
	if !errors.Is(err, io.ErrUnexpectedEOF) || !strings.Contains(err.Error(), "4 bytes of 5") {
		t.Errorf("error %v", err)
	}
}
