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
		"count": count, "overwrite": overwrite, "fill a volume": fillVolume, "fill up to a limit": fillLimit,
		"use up files": useUpFiles, "write read-only": writeReadOnly, "write denied": writeDenied,
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
