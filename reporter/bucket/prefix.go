package bucket

import (
	"context"
	"io"
	"iter"
	"strings"
)

// WithPrefix shows the part of b whose keys begin with the folder prefix as a
// bucket of its own. An empty prefix is b itself; slashes around it don't count.
func WithPrefix(b Bucket, prefix string) (Bucket, error) {
	folder := strings.Trim(prefix, "/")
	if folder == "" {
		return b, nil
	}
	if err := CheckKey(folder); err != nil {
		return nil, err
	}
	return &prefixed{bucket: b, folder: folder + "/"}, nil
}

type prefixed struct {
	bucket Bucket
	folder string // with the slash
}

func (p *prefixed) Get(ctx context.Context, key string) (io.ReadCloser, Object, error) {
	if err := CheckKey(key); err != nil {
		return nil, Object{}, err
	}
	r, obj, err := p.bucket.Get(ctx, p.folder+key)
	return r, p.inside(obj), err
}

func (p *prefixed) Stat(ctx context.Context, key string) (Object, error) {
	if err := CheckKey(key); err != nil {
		return Object{}, err
	}
	obj, err := p.bucket.Stat(ctx, p.folder+key)
	return p.inside(obj), err
}

func (p *prefixed) Put(ctx context.Context, key string, body io.ReadSeeker, size int64, cond Condition) (Object, error) {
	if err := CheckPut(key, cond); err != nil {
		return Object{}, err
	}
	obj, err := p.bucket.Put(ctx, p.folder+key, body, size, cond)
	return p.inside(obj), err
}

func (p *prefixed) Delete(ctx context.Context, key string, cond Condition) error {
	if err := CheckDelete(key, cond); err != nil {
		return err
	}
	return p.bucket.Delete(ctx, p.folder+key, cond)
}

func (p *prefixed) List(ctx context.Context, prefix string) iter.Seq2[Object, error] {
	return func(yield func(Object, error) bool) {
		if err := CheckPrefix(prefix); err != nil {
			yield(Object{}, err)
			return
		}
		for obj, err := range p.bucket.List(ctx, p.folder+prefix) {
			if !yield(p.inside(obj), err) {
				return
			}
		}
	}
}

// inside gives the object the key that it has in here.
func (p *prefixed) inside(obj Object) Object {
	obj.Key = strings.TrimPrefix(obj.Key, p.folder)
	return obj
}
