//go:build linux

package dir_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/gputally/gputally/reporter/bucket"
	"github.com/gputally/gputally/reporter/bucket/dir"
)

// fillVolume runs in a mount name space of its own.
func fillVolume(ctx context.Context, path string) error {
	if err := mount("tmpfs", path, "tmpfs", 0, "size=1m"); err != nil {
		return err
	}
	return fill(ctx, path, "free space")
}

// fillLimit may write files as large as the volume of fillVolume.
func fillLimit(ctx context.Context, path string) error {
	const size = 1 << 20
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: size, Max: size}); err != nil {
		return err
	}
	return fill(ctx, path, "ulimit -f")
}

// fill replaces an object by one for which there is no space.
func fill(ctx context.Context, path, hint string) error {
	b, err := dir.New(ctx, path)
	if err != nil {
		return err
	}
	if _, err := bucket.PutBytes(ctx, b, "k", []byte("old"), bucket.Condition{}); err != nil {
		return err
	}
	_, err = bucket.PutBytes(ctx, b, "k", make([]byte, bodySize), bucket.Condition{})
	if !errors.Is(err, bucket.ErrNoSpace) || !strings.Contains(err.Error(), hint) || !strings.Contains(err.Error(), path) {
		return fmt.Errorf("put without space: %w", err)
	}
	if data, _, err := bucket.ReadAll(ctx, b, "k"); err != nil || string(data) != "old" {
		return fmt.Errorf("the old object is %q, %w", data, err)
	}
	if left, err := os.ReadDir(path + "/.gputally/tmp"); err != nil || len(left) != 0 {
		return fmt.Errorf("%d temporary files are left, %w", len(left), err)
	}
	_, err = bucket.PutBytes(ctx, b, "k", make([]byte, 500_000), bucket.Condition{})
	return err // there is space again for what fits
}

// useUpFiles runs in a mount name space of its own.
func useUpFiles(ctx context.Context, path string) error {
	if err := mount("tmpfs", path, "tmpfs", 0, "nr_inodes=3"); err != nil { // the folder itself, and two more
		return err
	}
	err := errors.Join(os.Mkdir(filepath.Join(path, "a"), 0o750), os.WriteFile(filepath.Join(path, "a", "k"), []byte("old"), 0o600))
	if err != nil {
		return err
	}
	b, err := dir.New(ctx, path)
	if err != nil {
		return err
	}
	if data, _, err := bucket.ReadAll(ctx, b, "a/k"); err != nil || string(data) != "old" {
		return fmt.Errorf("read %q, %w", data, err)
	}
	if _, err = bucket.PutBytes(ctx, b, "a/k", nil, bucket.Condition{}); !errors.Is(err, bucket.ErrNoSpace) {
		return fmt.Errorf("put: %w", err)
	}
	return nil
}

// writeReadOnly runs in a mount name space of its own.
func writeReadOnly(ctx context.Context, path string) error {
	if err := mount(path, path, "", syscall.MS_BIND, ""); err != nil {
		return err
	}
	if err := mount("", path, "", syscall.MS_BIND|syscall.MS_REMOUNT|syscall.MS_RDONLY, ""); err != nil {
		return err
	}
	return readOnly(ctx, path)
}

// writeDenied is a user who may not write into the folders.
func writeDenied(ctx context.Context, path string) error {
	const nobody = 65534
	root := os.Geteuid() == 0
	err := filepath.WalkDir(path, func(at string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() {
			err = os.Chmod(at, 0o555)
		}
		if err == nil && root {
			err = os.Chown(at, nobody, nobody)
		}
		return err
	})
	if err == nil && root { // who may do everything
		err = errors.Join(syscall.Setgid(nobody), syscall.Setuid(nobody))
	}
	if err != nil {
		return err
	}
	return readOnly(ctx, path)
}

func readOnly(ctx context.Context, path string) error {
	b, err := dir.New(ctx, path)
	if err != nil {
		return err
	}
	if data, _, err := bucket.ReadAll(ctx, b, "k"); err != nil || string(data) != "old" {
		return fmt.Errorf("read %q, %w", data, err)
	}
	_, err = bucket.PutBytes(ctx, b, "k", nil, bucket.Condition{})
	if !errors.Is(err, bucket.ErrDenied) || !strings.Contains(err.Error(), "needs to read and write "+path) {
		return fmt.Errorf("put: %w", err)
	}
	if err := b.Delete(ctx, "k", bucket.Condition{}); !errors.Is(err, bucket.ErrDenied) {
		return fmt.Errorf("delete: %w", err)
	}
	return nil
}

// errNoMount says that this system lets no test mount.
var errNoMount = errors.New("cannot mount")

func mount(source, target, kind string, flags uintptr, data string) error {
	if err := syscall.Mount(source, target, kind, flags, data); err != nil {
		return fmt.Errorf("%w: %w", errNoMount, err)
	}
	return nil
}

// mounting runs a task that mounts something over path, as somebody without rights
// or as root. Where the system lets nobody mount, the tests without mounts stand in.
func mounting(t *testing.T, task, path string) {
	t.Helper()
	var why []byte
	for _, wrapper := range [][]string{{"unshare", "--user", "--map-root-user", "--mount"}, {"unshare", "--mount"}} {
		out, err := process(t, task, path, wrapper...).CombinedOutput()
		if err == nil {
			return
		}
		cannot := bytes.Contains(out, []byte(errNoMount.Error())) || bytes.Contains(out, []byte("unshare")) || errors.Is(err, exec.ErrNotFound)
		if !cannot {
			t.Fatalf("%v: %s", err, out)
		}
		why = fmt.Appendf(why, "%v: %s", err, out)
	}
	t.Logf("no mount name spaces here: %s", why)
}

func succeeds(t *testing.T, task, path string) {
	t.Helper()
	if out, err := process(t, task, path).CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}

func TestAFullVolumeKeepsTheOldObject(t *testing.T) {
	t.Parallel()
	mounting(t, "fill a volume", t.TempDir())
	succeeds(t, "fill up to a limit", t.TempDir())
}

func TestAVolumeWithoutRoomForFilesCanBeRead(t *testing.T) {
	t.Parallel()
	mounting(t, "use up files", t.TempDir())
}

func TestAReadOnlyVolumeCanBeRead(t *testing.T) {
	t.Parallel()
	path := t.TempDir()
	put(t, open(t, path), "k", "old")
	mounting(t, "write read-only", path)
	if err := os.Chmod(filepath.Dir(path), 0o755); err != nil { // another user comes by
		t.Fatal(err)
	}
	succeeds(t, "write denied", path)
	err := filepath.WalkDir(path, func(at string, d fs.DirEntry, err error) error { // so that it can be removed
		if err == nil && d.IsDir() {
			err = os.Chmod(at, 0o755)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}
