package dir

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"

	"github.com/gputally/gputally/reporter/bucket"
)

// Permissions before the umask. The group may read, so that a sidecar or an
// operator can take the reports from a shared volume.
const (
	dirMode  = 0o750
	fileMode = 0o640
)

// Bucket is a bucket.Bucket in a directory.
type Bucket struct {
	path string
	// turn is held by the goroutine that has or waits for the lock file: a
	// mutex that can be given up waiting for.
	turn chan struct{}
}

var _ bucket.Bucket = (*Bucket)(nil)

// New opens the directory, makes it if it is not there, and removes what
// crashed writers left. A directory that cannot be written, or has no room, can
// still be read.
func New(ctx context.Context, directory string) (*Bucket, error) {
	abs, err := filepath.Abs(directory)
	if err != nil {
		return nil, fmt.Errorf("open bucket %s: %w", directory, err)
	}
	b := &Bucket{path: abs, turn: make(chan struct{}, 1)}
	if err := os.MkdirAll(abs, dirMode); err != nil {
		return nil, b.failed("open", "", err)
	}
	if err := b.sweep(ctx); err != nil && !denied(err) && !full(err) {
		return nil, b.failed("open", "", err)
	}
	return b, nil
}

// Get opens an object.
func (b *Bucket) Get(ctx context.Context, key string) (io.ReadCloser, bucket.Object, error) {
	r, obj, err := b.get(ctx, key)
	if err != nil {
		return nil, bucket.Object{}, b.failed("get", key, err)
	}
	return r, obj, nil
}

func (b *Bucket) get(ctx context.Context, key string) (io.ReadCloser, bucket.Object, error) {
	f, obj, err := b.describe(ctx, key)
	if err != nil {
		return nil, bucket.Object{}, err
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		closeQuietly(f)
		return nil, bucket.Object{}, err
	}
	return &reader{Reader: contextReader{ctx, f}, Closer: f}, obj, nil
}

// Stat describes an object. It reads all of it, because the ETag is made of the
// content: the times of files can't tell two fast writers apart.
func (b *Bucket) Stat(ctx context.Context, key string) (bucket.Object, error) {
	f, obj, err := b.describe(ctx, key)
	if err != nil {
		return bucket.Object{}, b.failed("stat", key, err)
	}
	closeQuietly(f)
	return obj, nil
}

// describe opens the file of an object and reads it once, for its ETag.
func (b *Bucket) describe(ctx context.Context, key string) (*os.File, bucket.Object, error) {
	if err := bucket.CheckKey(key); err != nil {
		return nil, bucket.Object{}, err
	}
	root, err := b.root()
	if err != nil {
		return nil, bucket.Object{}, err
	}
	defer closeQuietly(root)
	f, info, err := open(root, key)
	if err != nil {
		return nil, bucket.Object{}, err
	}
	tag, err := hash(ctx, f)
	if err != nil {
		closeQuietly(f)
		return nil, bucket.Object{}, err
	}
	return f, bucket.Object{Key: key, Size: info.Size(), ETag: tag, Modified: info.ModTime()}, nil
}

// Put stores an object.
func (b *Bucket) Put(ctx context.Context, key string, body io.ReadSeeker, size int64, cond bucket.Condition) (bucket.Object, error) {
	obj, err := b.put(ctx, key, body, size, cond)
	if err != nil {
		return bucket.Object{}, b.failed("put", key, err)
	}
	return obj, nil
}

func (b *Bucket) put(ctx context.Context, key string, body io.Reader, size int64, cond bucket.Condition) (bucket.Object, error) {
	if err := bucket.CheckPut(key, cond); err != nil {
		return bucket.Object{}, err
	}
	root, err := b.root()
	if err != nil {
		return bucket.Object{}, err
	}
	defer closeQuietly(root)
	tmp, err := b.createTemp(ctx, root)
	if err != nil {
		return bucket.Object{}, err
	}
	defer tmp.discard() // does nothing once it was renamed
	tag, err := tmp.fill(ctx, body, size)
	if err != nil {
		return bucket.Object{}, err
	}
	err = b.locked(ctx, root, func() error {
		if err := holds(ctx, root, key, cond); err != nil {
			return err
		}
		return tmp.rename(key)
	})
	if err != nil {
		return bucket.Object{}, err
	}
	if err := syncFolders(root, key); err != nil {
		return bucket.Object{}, err
	}
	return bucket.Object{Key: key, Size: size, ETag: tag}, nil
}

// Delete removes an object, and the folders that are empty without it.
func (b *Bucket) Delete(ctx context.Context, key string, cond bucket.Condition) error {
	if err := b.delete(ctx, key, cond); err != nil {
		return b.failed("delete", key, err)
	}
	return nil
}

func (b *Bucket) delete(ctx context.Context, key string, cond bucket.Condition) error {
	if err := bucket.CheckDelete(key, cond); err != nil {
		return err
	}
	root, err := b.root()
	if err != nil {
		return err
	}
	defer closeQuietly(root)
	err = b.locked(ctx, root, func() error {
		if err := find(root, key); err != nil {
			return err
		}
		if err := holds(ctx, root, key, cond); err != nil {
			return err
		}
		if err := root.Remove(key); err != nil {
			return err
		}
		prune(root, path.Dir(key))
		return nil
	})
	if errors.Is(err, bucket.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	return syncFolders(root, key)
}

// root opens the directory for one operation, so that one that was removed or
// mounted meanwhile is noticed.
func (b *Bucket) root() (*os.Root, error) {
	root, err := os.OpenRoot(b.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: %w", bucket.ErrNoBucket, err)
	}
	return root, err
}

// holds returns an ErrConflict unless the condition is true of the object now.
func holds(ctx context.Context, root *os.Root, key string, cond bucket.Condition) error {
	if !cond.Absent && cond.ETag == "" {
		return nil
	}
	f, _, err := open(root, key)
	if errors.Is(err, bucket.ErrNotFound) {
		if cond.Absent {
			return nil
		}
		return fmt.Errorf("%w: it is gone", bucket.ErrConflict)
	}
	if err != nil {
		return err
	}
	defer closeQuietly(f)
	if cond.Absent {
		return fmt.Errorf("%w: it exists", bucket.ErrConflict)
	}
	tag, err := hash(ctx, f)
	if err == nil && tag != cond.ETag {
		err = fmt.Errorf("%w: its ETag is %s, expected was %s", bucket.ErrConflict, tag, cond.ETag)
	}
	return err
}
