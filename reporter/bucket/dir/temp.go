package dir

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"

	"github.com/cespare/xxhash/v2"

	"github.com/gputally/gputally/reporter/bucket"
)

// What the store keeps for itself. No key can begin with a dot.
const (
	ownFolder  = ".gputally"
	lockFile   = ownFolder + "/lock"
	tempFolder = ownFolder + "/tmp"
)

// temp is an object that is being written. Its file is locked until it is in
// place, so that sweep can tell it from what a crash left.
type temp struct {
	root *os.Root
	file *os.File
	name string // "" once it was renamed
}

// createTemp creates a temporary file: under the lock, so that sweep never
// sees one before its writer has locked it.
func (b *Bucket) createTemp(ctx context.Context, root *os.Root) (*temp, error) {
	t := &temp{root: root, name: path.Join(tempFolder, rand.Text())}
	err := b.locked(ctx, root, func() error {
		if err := root.MkdirAll(tempFolder, dirMode); err != nil {
			return err
		}
		var err error
		if t.file, err = root.OpenFile(t.name, os.O_CREATE|os.O_EXCL|os.O_RDWR, fileMode); err != nil {
			return err
		}
		if _, err = tryLock(t.file); err != nil {
			t.discard()
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return t, nil
}

// fill writes and syncs the content and returns its ETag.
func (t *temp) fill(ctx context.Context, body io.Reader, size int64) (string, error) {
	sum := xxhash.New()
	// One byte more than announced is enough to see that there are more.
	n, err := io.Copy(io.MultiWriter(t.file, sum), contextReader{ctx, io.LimitReader(body, size+1)})
	if err != nil {
		return "", err
	}
	if n != size {
		return "", fmt.Errorf("%w: %d bytes were announced", bucket.ErrSize, size)
	}
	if err := t.file.Sync(); err != nil {
		return "", err
	}
	return etag(sum, n), nil
}

// rename puts the file in the place of the object. The caller holds the lock.
func (t *temp) rename(key string) error {
	folder := path.Dir(key)
	err := t.root.MkdirAll(folder, dirMode)
	if err == nil {
		err = t.root.Rename(t.name, key)
	}
	if err != nil {
		prune(t.root, folder)
		return err
	}
	t.name = ""
	return nil
}

// discard closes the file, and removes it unless it was renamed.
func (t *temp) discard() {
	if t.name != "" {
		_ = t.root.Remove(t.name) // sweep removes it else
	}
	closeQuietly(t.file) // it was synced if it is in place
}

// sweep removes the temporary files of writers that are no more.
func (b *Bucket) sweep(ctx context.Context) error {
	root, err := b.root()
	if err != nil {
		return err
	}
	defer closeQuietly(root)
	return b.locked(ctx, root, func() error {
		entries, err := fs.ReadDir(root.FS(), tempFolder)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		for _, e := range entries {
			err = errors.Join(err, removeAbandoned(root, path.Join(tempFolder, e.Name())))
		}
		return err
	})
}

func removeAbandoned(root *os.Root, name string) error {
	f, err := root.OpenFile(name, os.O_RDWR, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // its writer just finished
	}
	if err != nil {
		return err
	}
	defer closeQuietly(f)
	if free, err := tryLock(f); err != nil || !free {
		return err
	}
	if err := root.Remove(name); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
