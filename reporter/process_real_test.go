//go:build real

package reporter_test

import (
	"context"
	"fmt"
	"math"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gputally/gputally/internal/child"
	"github.com/gputally/gputally/reporter"
)

// clockFile names the file whose time of modification is the clock of a reporter
// that runs as a process of its own: this test binary, with the variable set, does
// what gputally-reporter does.
const clockFile = "GPUTALLY_TEST_CLOCK"

// fileLimit names the bytes that a file of such a process may have at most: what a
// full disk is, wherever the test runs.
const fileLimit = "GPUTALLY_TEST_FILE_LIMIT"

// asProcess is the main of such a process. It returns only where this is none.
func asProcess() {
	clock, is := os.LookupEnv(clockFile)
	if !is {
		return
	}
	if limit, err := strconv.ParseUint(os.Getenv(fileLimit), 10, 64); err == nil {
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: limit, Max: math.MaxUint64}); err != nil {
			panic(err) // this process may lower it
		}
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := reporter.Run(ctx, os.Args[1:], os.Stdout, os.Stderr, reporter.Options{Now: func() time.Time {
		info, err := os.Stat(clock)
		if err != nil {
			panic(err) // the test has ended, and so must this process
		}
		return info.ModTime()
	}})
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "gputally-reporter:", err)
	}
	os.Exit(reporter.ExitCode(err)) //nolint:forbidigo // this is a main
}

// newClock is a clock for processes.
func newClock(t *testing.T, at time.Time) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "clock")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	setClock(t, path, at)
	return path
}

func setClock(t *testing.T, path string, at time.Time) {
	t.Helper()
	if err := os.Chtimes(path, at, at); err != nil {
		t.Fatal(err)
	}
}

// start starts the reporter as a process.
func start(t *testing.T, clock string, args ...string) *child.Child {
	t.Helper()
	return startWith(t, clock, nil, args...)
}

// startWith is start with variables of the environment.
func startWith(t *testing.T, clock string, env []string, args ...string) *child.Child {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], args...)
	cmd.Env = append(append(os.Environ(), clockFile+"="+clock), env...)
	c, err := child.Start(cmd, nil)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// runs runs the reporter as a process, and fails the test unless it ends well.
func runs(t *testing.T, clock string, args ...string) {
	t.Helper()
	c := start(t, clock, args...)
	if err := c.Wait(t.Context()); err != nil {
		t.Errorf("%s: %v%s", strings.Join(args, " "), err, c.LastLines())
	}
}

// sends sends a signal to a process, which may be gone.
func sends(c *child.Child, s syscall.Signal) { _ = syscall.Kill(c.PID(), s) }
