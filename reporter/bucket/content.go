package bucket

import (
	"bytes"
	"context"
	"fmt"
	"io"
)

// ReadAll reads a whole object, for objects that fit into memory.
func ReadAll(ctx context.Context, b Bucket, key string) ([]byte, Object, error) {
	r, obj, err := b.Get(ctx, key)
	if err != nil {
		return nil, Object{}, err
	}
	defer func() { _ = r.Close() }() // everything was read or failed before
	data := bytes.NewBuffer(make([]byte, 0, obj.Size+bytes.MinRead))
	if _, err := data.ReadFrom(r); err != nil {
		return nil, Object{}, fmt.Errorf("read %s: %w", key, err)
	}
	if int64(data.Len()) != obj.Size {
		return nil, Object{}, fmt.Errorf("read %s: %w: %d bytes of %d", key, io.ErrUnexpectedEOF, data.Len(), obj.Size)
	}
	return data.Bytes(), obj, nil
}

// PutBytes stores data as an object.
func PutBytes(ctx context.Context, b Bucket, key string, data []byte, cond Condition) (Object, error) {
	return b.Put(ctx, key, bytes.NewReader(data), int64(len(data)), cond)
}
