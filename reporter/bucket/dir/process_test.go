//go:build linux

package dir_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/gputally/gputally/reporter/bucket"
	"github.com/gputally/gputally/reporter/bucket/dir"
)

// The tests of this file run the test binary again as another process, which
// does the task named in this variable on the directory in the next one.
const (
	taskVar = "GPUTALLY_DIR_TASK"
	pathVar = "GPUTALLY_DIR_PATH"
)

// bodySize is enough for a write to take a while.
const bodySize = 2 << 20

func TestMain(m *testing.M) {
	tasks := map[string]func(context.Context, string) error{
		"count": count, "overwrite": overwrite, "fill a volume": fillVolume, "write read-only": writeReadOnly,
	}
	task, ok := tasks[os.Getenv(taskVar)]
	if !ok {
		m.Run()
		return
	}
	if err := task(context.Background(), os.Getenv(pathVar)); err != nil {
		panic(err)
	}
}

// process prepares another process with a task. With wrapper it is run by
// that command.
func process(t *testing.T, task, path string, wrapper ...string) *exec.Cmd {
	t.Helper()
	args := append(wrapper, os.Args[0])
	cmd := exec.CommandContext(t.Context(), args[0], args[1:]...)
	cmd.Env = append(os.Environ(), taskVar+"="+task, pathVar+"="+path)
	return cmd
}

const perProcess = 50

// count increments a counter by compare-and-swap.
func count(ctx context.Context, path string) error {
	b, err := dir.New(ctx, path)
	if err != nil {
		return err
	}
	for done := 0; done < perProcess; {
		data, obj, err := bucket.ReadAll(ctx, b, "counter")
		if err != nil {
			return err
		}
		n, err := strconv.Atoi(string(data))
		if err != nil {
			return err
		}
		_, err = bucket.PutBytes(ctx, b, "counter", []byte(strconv.Itoa(n+1)), bucket.Condition{ETag: obj.ETag})
		switch {
		case err == nil:
			done++
		case !errors.Is(err, bucket.ErrConflict):
			return err
		}
	}
	return nil
}

func TestProcessesLoseNoIncrements(t *testing.T) {
	t.Parallel()
	const processes = 4
	path := t.TempDir()
	b := open(t, path)
	put(t, b, "counter", "0")
	var g errgroup.Group
	for range processes {
		cmd := process(t, "count", path)
		g.Go(func() error {
			if out, err := cmd.CombinedOutput(); err != nil {
				return fmt.Errorf("%w: %s", err, out)
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	data, _, err := bucket.ReadAll(t.Context(), b, "counter")
	if err != nil || string(data) != strconv.Itoa(processes*perProcess) {
		t.Errorf("%d increments were counted as %s, %v", processes*perProcess, data, err)
	}
}

// overwrite replaces one object until it is killed.
func overwrite(ctx context.Context, path string) error {
	b, err := dir.New(ctx, path)
	if err != nil {
		return err
	}
	for n := byte(0); ; n++ {
		if _, err := bucket.PutBytes(ctx, b, "a/object", bytes.Repeat([]byte{n}, bodySize), bucket.Condition{}); err != nil {
			return err
		}
		fmt.Println(n)
	}
}

func TestAKilledWriterLeavesAWholeObject(t *testing.T) {
	t.Parallel()
	path := t.TempDir()
	for round := range 5 {
		cmd := process(t, "overwrite", path)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		if _, err := out.Read(make([]byte, 64)); err != nil { // the first object is there
			t.Fatal(err)
		}
		<-time.After(time.Duration(7*round) * time.Millisecond) // somewhere in one of the next
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // "signal: killed"

		b := open(t, path)
		data, _, err := bucket.ReadAll(t.Context(), b, "a/object")
		if err != nil || len(data) != bodySize || len(bytes.Trim(data, string(data[:1]))) != 0 {
			t.Errorf("round %d: %d bytes, %v", round, len(data), err)
		}
		if ks := keys(t, b, ""); len(ks) != 1 {
			t.Errorf("round %d: listed %q", round, ks)
		}
	}
	left, err := os.ReadDir(path + "/.gputally/tmp")
	if err != nil || len(left) != 0 {
		t.Errorf("%d temporary files are left, %v", len(left), err)
	}
}

// fillVolume runs in a mount name space of its own.
func fillVolume(ctx context.Context, path string) error {
	if err := syscall.Mount("tmpfs", path, "tmpfs", 0, "size=1m"); err != nil {
		return fmt.Errorf("%w: %w", errNoMount, err)
	}
	b, err := dir.New(ctx, path)
	if err != nil {
		return err
	}
	if _, err := bucket.PutBytes(ctx, b, "k", []byte("old"), bucket.Condition{}); err != nil {
		return err
	}
	_, err = bucket.PutBytes(ctx, b, "k", make([]byte, bodySize), bucket.Condition{})
	if !errors.Is(err, bucket.ErrNoSpace) || !strings.Contains(err.Error(), "free space") {
		return fmt.Errorf("put on a full volume: %w", err)
	}
	if data, _, err := bucket.ReadAll(ctx, b, "k"); err != nil || string(data) != "old" {
		return fmt.Errorf("the old object is %q, %w", data, err)
	}
	_, err = bucket.PutBytes(ctx, b, "k", make([]byte, 500_000), bucket.Condition{})
	return err // there is space again for what fits
}

// writeReadOnly runs in a mount name space of its own.
func writeReadOnly(ctx context.Context, path string) error {
	if err := syscall.Mount(path, path, "", syscall.MS_BIND, ""); err != nil {
		return fmt.Errorf("%w: %w", errNoMount, err)
	}
	if err := syscall.Mount("", path, "", syscall.MS_BIND|syscall.MS_REMOUNT|syscall.MS_RDONLY, ""); err != nil {
		return fmt.Errorf("%w: %w", errNoMount, err)
	}
	b, err := dir.New(ctx, path)
	if err != nil {
		return err
	}
	if data, _, err := bucket.ReadAll(ctx, b, "k"); err != nil || string(data) != "old" {
		return fmt.Errorf("read %q, %w", data, err)
	}
	_, err = bucket.PutBytes(ctx, b, "k", nil, bucket.Condition{})
	if !errors.Is(err, bucket.ErrDenied) {
		return fmt.Errorf("put: %w", err)
	}
	if err := b.Delete(ctx, "k", bucket.Condition{}); !errors.Is(err, bucket.ErrDenied) {
		return fmt.Errorf("delete: %w", err)
	}
	return nil
}

// errNoMount says that this system lets no test mount.
var errNoMount = errors.New("cannot mount")

// mounting runs a task that mounts something over path.
func mounting(t *testing.T, task, path string) {
	t.Helper()
	cmd := process(t, task, path, "unshare", "--user", "--map-root-user", "--mount")
	out, err := cmd.CombinedOutput()
	if err != nil && (bytes.Contains(out, []byte(errNoMount.Error())) || bytes.Contains(out, []byte("unshare")) || errors.Is(err, exec.ErrNotFound)) {
		t.Skipf("no mount name spaces here: %v: %s", err, out)
	}
	if err != nil {
		t.Errorf("%v: %s", err, out)
	}
}

func TestAFullVolumeKeepsTheOldObject(t *testing.T) {
	t.Parallel()
	mounting(t, "fill a volume", t.TempDir())
}

func TestAReadOnlyVolumeCanBeRead(t *testing.T) {
	t.Parallel()
	path := t.TempDir()
	put(t, open(t, path), "k", "old")
	mounting(t, "write read-only", path)
}
