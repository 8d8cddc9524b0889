package ledger

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/gputally/gputally/reporter/bucket"
)

// store reads objects of the ledger.
type store struct{ bucket bucket.Bucket }

// raw is an object as the bucket gave it.
type raw struct {
	object bucket.Object
	data   []byte
}

// body reads the bytes, and again.
func (r *raw) body() *io.SectionReader {
	return io.NewSectionReader(bytes.NewReader(r.data), 0, int64(len(r.data)))
}

// fetch reads an object. Errors: bucket.ErrNotFound, others of the bucket.
func (s store) fetch(ctx context.Context, key string) (*raw, error) {
	data, object, err := bucket.ReadAll(ctx, s.bucket, key)
	if err != nil {
		return nil, fmt.Errorf("read ledger: %w", err)
	}
	return &raw{object, data}, nil
}

// stat describes an object. Errors: as fetch.
func (s store) stat(ctx context.Context, key string) (bucket.Object, error) {
	object, err := s.bucket.Stat(ctx, key)
	if err != nil {
		return bucket.Object{}, fmt.Errorf("read ledger: %w", err)
	}
	return object, nil
}

// exists tells whether there is an object. Errors: those of the bucket.
func (s store) exists(ctx context.Context, key string) (bool, error) {
	_, err := s.stat(ctx, key)
	if errors.Is(err, bucket.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

// compared is how many bytes of two objects are compared at once.
const compared = 64 << 10

// holds describes an object and tells whether it is just the bytes, without
// holding it. Errors: as fetch.
func (s store) holds(ctx context.Context, key string, want *io.SectionReader) (bucket.Object, bool, error) {
	body, object, err := s.bucket.Get(ctx, key)
	if err != nil {
		return bucket.Object{}, false, fmt.Errorf("read ledger: %w", err)
	}
	defer func() { _ = body.Close() }() // only read
	if object.Size != want.Size() {
		return object, false, nil
	}
	got, expected := make([]byte, compared), make([]byte, compared)
	for at := int64(0); at < object.Size; at += compared {
		n := min(compared, object.Size-at)
		if _, err := io.ReadFull(body, got[:n]); err != nil {
			return object, false, fmt.Errorf("read %s: %w", key, err)
		}
		if _, err := want.ReadAt(expected[:n], at); err != nil {
			return object, false, err
		}
		if !bytes.Equal(got[:n], expected[:n]) {
			return object, false, nil
		}
	}
	return object, true, nil
}

// fetchSound reads an object and opens it. One that is damaged is read once more,
// because a single answer of a store may be garbled, and what is damaged is
// replaced. If the two answers differ, it is not the object that is damaged.
// With a *CorruptError the object as it was read comes too. Errors:
// bucket.ErrNotFound, open's, others of the bucket.
func fetchSound[T any](ctx context.Context, s store, key string, open func(*raw) (T, error)) (*raw, T, error) {
	var none T
	r, err := s.fetch(ctx, key)
	if err != nil {
		return nil, none, err
	}
	opened, err := open(r)
	if !errors.As(err, new(*CorruptError)) {
		return r, opened, err
	}
	second, err := s.fetch(ctx, key)
	if err != nil {
		return nil, none, err
	}
	opened, err = open(second)
	if errors.As(err, new(*CorruptError)) && !bytes.Equal(r.data, second.data) {
		return nil, none, fmt.Errorf("ledger object %s was read twice, with other bytes each time; "+
			"look at the bucket and the way to it, then try again", key)
	}
	return second, opened, err
}
