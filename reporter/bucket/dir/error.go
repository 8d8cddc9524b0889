package dir

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"syscall"

	"github.com/gputally/gputally/reporter/bucket"
)

// failed gives an error its kind, the path and a hint.
func (b *Bucket) failed(op, key string, err error) error {
	e := &bucket.OpError{Op: op, Object: filepath.Join(b.path, filepath.FromSlash(key)), Err: err}
	switch {
	case errors.Is(err, bucket.ErrConflict), errors.Is(err, bucket.ErrNotFound), errors.Is(err, bucket.ErrInvalidKey):
	case errors.Is(err, bucket.ErrNoBucket):
		e.Hint = "was the directory removed or its volume unmounted?"
	case denied(err):
		e.Kind = bucket.ErrDenied
		e.Hint = fmt.Sprintf("the reporter's user needs to read and write %s", b.path)
	case full(err):
		e.Kind = bucket.ErrNoSpace
		e.Hint = fmt.Sprintf("free space or raise the quota on the volume of %s; nothing was replaced", b.path)
	case errors.Is(err, errHeld):
		e.Hint = fmt.Sprintf("find the process that is stopped or hangs with fuser %s, and end it", filepath.Join(b.path, lockFile))
	case errors.Is(err, syscall.EFBIG):
		e.Kind = bucket.ErrNoSpace
		e.Hint = "raise the limit on the size of files (ulimit -f) of the reporter's user; nothing was replaced"
	case op == "put" && unfit(err):
		e.Kind = bucket.ErrInvalidKey
		e.Hint = "a file cannot have the name of a folder, nor a folder that of a file"
	}
	return e
}

// denied tells that the file system does not let this user do it.
func denied(err error) bool {
	return errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS)
}

// full tells that there is no room for content, or for a file.
func full(err error) bool { return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) }

// unfit tells that a file or folder is in the way of a key, or its name too long.
func unfit(err error) bool {
	for _, e := range []error{syscall.ENOTDIR, syscall.EISDIR, syscall.EEXIST, syscall.ENAMETOOLONG} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}
