package command

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// writeWhole writes a file that is there whole or not at all: what write makes goes
// into a file beside it, which takes the name when it is on the disk. What was
// there under the name stays until then. A link is followed; into a device or a pipe
// it writes at once.
func writeWhole(name string, write func(io.Writer) error) error {
	to, err := filepath.EvalSymlinks(name)
	if err != nil { // a new file, as a rule
		to = name
	}
	info, err := os.Stat(to)
	switch {
	case err == nil && info.IsDir():
		err = &fs.PathError{Op: "write", Path: to, Err: syscall.EISDIR}
	case err == nil && !info.Mode().IsRegular():
		err = writeInto(to, write)
	default:
		err = replace(to, write)
	}
	if err != nil {
		return notWritten(name, to, err)
	}
	return nil
}

// writeInto writes into what is there.
func writeInto(name string, write func(io.Writer) error) error {
	f, err := os.OpenFile(name, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	return errors.Join(write(f), f.Close())
}

// replace writes a file beside the one that it replaces.
func replace(name string, write func(io.Writer) error) (err error) {
	f, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+".*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(f.Name()) // what could not be written is more important
		}
	}()
	err = errors.Join(write(f), f.Chmod(0o644), f.Sync())
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), name)
}

// fileHints say what to do about an error of the file system.
var fileHints = []struct {
	of   error
	hint string
}{
	{syscall.ENOSPC, "free space there, or name a file on another disk"},
	{syscall.EDQUOT, "free space there or raise the quota, or name a file on another disk"},
	{syscall.EFBIG, "raise the limit on the size of files (ulimit -f)"},
	{syscall.EROFS, "that file system is read-only: name a file elsewhere"},
	{fs.ErrPermission, "name a file in a folder that this user may write into"},
	{fs.ErrNotExist, "make its folder first"},
	{syscall.EISDIR, "that is a folder: name a file in it"},
}

// notWritten says why the file with a name could not be written. If it was the file,
// or the one beside it, and not what was to be written, it says what to do.
func notWritten(name, to string, err error) error {
	path := (*fs.PathError)(nil)
	beside := filepath.Join(filepath.Dir(to), "."+filepath.Base(to)+".")
	if !errors.As(err, &path) || (path.Path != to && !strings.HasPrefix(filepath.Clean(path.Path), beside)) {
		return fmt.Errorf("write %s: %w", name, err)
	}
	for _, known := range fileHints {
		if errors.Is(path.Err, known.of) {
			return fmt.Errorf("write %s: %w; %s", name, path.Err, known.hint)
		}
	}
	return fmt.Errorf("write %s: %w", name, path.Err)
}
