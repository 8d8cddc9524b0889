package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/gputally/gputally/internal/child"
)

// spent is what a process took.
type spent struct {
	wall, cpu time.Duration
	memory    int64 // highest resident set, bytes
	server    struct {
		cpu time.Duration
		// Bytes without mapped files: when it had just started, and at most.
		idle, highest int64
	}
}

// process runs a command to its end. What it prints goes to out.
func (r *run) process(ctx context.Context, out io.Writer, path string, args ...string) (spent, error) {
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Stdout = out
	began := r.opts.Now()
	c, err := child.Start(cmd, nil)
	if err != nil {
		return spent{}, err
	}
	highest := watch(c.PID(), "VmHWM")
	err = c.Wait(ctx)
	s := spent{wall: r.opts.Now().Sub(began), memory: highest()}
	if err != nil {
		return s, &processError{name: filepath.Base(path) + " " + strings.Join(args, " "), err: err, text: strings.TrimSpace(c.Output())}
	}
	s.cpu = c.State().UserTime() + c.State().SystemTime()
	return s, nil
}

// processError says that a command failed, and what it said last.
type processError struct {
	name string
	err  error
	text string // the end of stderr
}

func (e *processError) Error() string { return fmt.Sprintf("%s: %v\n%s", e.name, e.err, e.text) }
func (e *processError) Unwrap() error { return e.err }

// watching is how often memory is looked at.
const watching = 5 * time.Millisecond

// watch looks at a field of a process' memory until the function that it
// returns is called; that one returns the highest value in bytes. The peak that
// wait4 reports is of no use: it begins at what the parent has.
func watch(pid int, field string) func() int64 {
	stop, result := make(chan struct{}), make(chan int64)
	go func() {
		tick := time.NewTicker(watching)
		defer tick.Stop()
		highest := int64(0)
		for {
			if bytes, err := memory(pid, field); err == nil { // else it is gone
				highest = max(highest, bytes)
			}
			select {
			case <-tick.C:
			case <-stop:
				result <- highest
				return
			}
		}
	}()
	return func() int64 {
		close(stop)
		return <-result
	}
}

// memory reads a field of /proc/<pid>/status in bytes.
func memory(pid int, field string) (int64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		if value, ok := strings.CutPrefix(line, field+":"); ok {
			kib, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 10, 64)
			return kib << 10, err
		}
	}
	return 0, fmt.Errorf("process %d has no %s", pid, field)
}

// processorTime is what a process has spent so far.
func processorTime(pid int) (time.Duration, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	// The name, in parentheses, may have spaces; user and system time are the
	// 12th and 13th field behind it, in hundredths of a second.
	_, rest, _ := strings.Cut(string(text), ") ")
	fields := strings.Fields(rest)
	if len(fields) < 13 {
		return 0, errors.New("/proc has another format")
	}
	user, err1 := strconv.ParseInt(fields[11], 10, 64)
	system, err2 := strconv.ParseInt(fields[12], 10, 64)
	return time.Duration(user+system) * (time.Second / 100), errors.Join(err1, err2)
}
