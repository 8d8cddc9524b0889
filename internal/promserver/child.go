package promserver

import (
	"io"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"syscall"
)

// child is a process that ends with this one where the system can see to it.
type child struct {
	cmd  *exec.Cmd
	tail tail
	done chan struct{} // closed when the process is gone; then cmd has its state
}

// startChild starts the command and copies what it writes to log.
func startChild(cmd *exec.Cmd, log io.Writer) (*child, error) {
	c := &child{cmd: cmd, done: make(chan struct{})}
	c.tail.also = log
	cmd.Stdout = &c.tail
	cmd.Stderr = cmd.Stdout // the same writer: one at a time
	cmd.SysProcAttr = attributes()
	started := make(chan error)
	go func() {
		// Linux sends the death signal when the thread ends that started the
		// child, so this one is kept until the child is gone.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err != nil {
			return
		}
		_ = cmd.Wait() // how it ended is in the ProcessState
		close(c.done)
	}()
	return c, <-started
}

// terminate and kill can only fail because the process is gone.
func (c *child) terminate() { _ = c.cmd.Process.Signal(syscall.SIGTERM) }
func (c *child) kill()      { _ = c.cmd.Process.Kill() }

// lastLines returns the end of what the process wrote, to be put behind an
// error.
func (c *child) lastLines() string {
	lines := strings.Split(strings.TrimSpace(c.tail.String()), "\n")
	lines = lines[max(0, len(lines)-8):]
	if lines[0] == "" {
		return ""
	}
	return "; its last lines:\n  " + strings.Join(lines, "\n  ")
}

// tail keeps the last bytes written to it and hands all of them on.
type tail struct {
	also io.Writer // may be nil
	mu   sync.Mutex
	buf  []byte
}

const tailSize = 8 << 10

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.buf = append(t.buf, p...)
	if extra := len(t.buf) - tailSize; extra > 0 {
		t.buf = append(t.buf[:0], t.buf[extra:]...)
	}
	if t.also != nil {
		// A log that can't be written must not end the process behind the pipe.
		_, _ = t.also.Write(p)
	}
	return len(p), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.buf)
}
