package dir

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"syscall"

	"github.com/cespare/xxhash/v2"

	"github.com/gputally/gputally/reporter/bucket"
)

// find returns an ErrNotFound unless there is a file for the object: a folder
// or a pipe is none.
func find(root *os.Root, key string) error {
	info, err := root.Stat(key)
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR):
		return fmt.Errorf("%w: %w", bucket.ErrNotFound, err)
	case err != nil:
		return err
	case !info.Mode().IsRegular():
		return fmt.Errorf("%w: it is no regular file", bucket.ErrNotFound)
	}
	return nil
}

// open opens the file of an object. What was opened never changes: a Put puts
// another file in its place.
func open(root *os.Root, key string) (*os.File, fs.FileInfo, error) {
	if err := find(root, key); err != nil {
		return nil, nil, err
	}
	f, err := root.Open(key)
	if errors.Is(err, fs.ErrNotExist) {
		err = fmt.Errorf("%w: %w", bucket.ErrNotFound, err)
	}
	if err != nil {
		return nil, nil, err
	}
	info, err := f.Stat()
	if err != nil {
		closeQuietly(f)
		return nil, nil, err
	}
	return f, info, nil
}

// hash reads the content and returns its ETag.
func hash(ctx context.Context, r io.Reader) (string, error) {
	sum := xxhash.New()
	n, err := io.Copy(sum, contextReader{ctx, r})
	if err != nil {
		return "", err
	}
	return etag(sum, n), nil
}

// etag is the ETag of a content: its hash and its size.
func etag(sum *xxhash.Digest, size int64) string { return fmt.Sprintf("%016x-%x", sum.Sum64(), size) }

// prune removes the folder and those above it as far as they are empty. The
// caller holds the lock, so that no folder is filled meanwhile. An object may
// stand where a refused key wanted a folder: it stays.
func prune(root *os.Root, folder string) {
	for ; folder != "."; folder = path.Dir(folder) {
		info, err := root.Lstat(folder)
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
			continue // it was not made, but those above it may have been
		}
		if err != nil || !info.IsDir() || root.Remove(folder) != nil {
			return // an object or not empty
		}
	}
}

// syncFolders makes the entries of all folders above key durable. All of them,
// because another process may have made one and not have synced it yet.
func syncFolders(root *os.Root, key string) error {
	for folder := path.Dir(key); ; folder = path.Dir(folder) {
		if err := syncFolder(root, folder); err != nil {
			return err
		}
		if folder == "." {
			return nil
		}
	}
}

func syncFolder(root *os.Root, folder string) error {
	f, err := root.Open(folder)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // pruned meanwhile, so that the object is deleted
	}
	if err != nil {
		return err
	}
	defer closeQuietly(f)
	err = f.Sync()
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.ENOTSUP) {
		return nil // a file system that has no such thing
	}
	return err
}

// contextReader ends reading with the context.
type contextReader struct {
	ctx context.Context
	r   io.Reader
}

func (r contextReader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.r.Read(p)
}

// reader is what Get returns.
type reader struct {
	io.Reader
	io.Closer
}

// closeQuietly closes what was only read, or what has failed already.
func closeQuietly(c io.Closer) { _ = c.Close() }
