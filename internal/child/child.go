package child

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"time"
)

// Child is a program that was started.
type Child struct {
	cmd  *exec.Cmd
	tail tail
	done chan struct{} // closed when the program is gone; from then on err is set
	err  error         // of cmd.Wait
}

// Start starts the command. What the program writes goes to log, which may be
// nil, and its end is kept; a standard output that cmd has already is left alone.
func Start(cmd *exec.Cmd, log io.Writer) (*Child, error) {
	c := &Child{cmd: cmd, tail: tail{also: log}, done: make(chan struct{})}
	if cmd.Stdout == nil {
		cmd.Stdout = &c.tail
	}
	cmd.Stderr = &c.tail // the same writer for both: one at a time
	cmd.SysProcAttr = attributes(cmd.SysProcAttr)
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
		c.err = cmd.Wait()
		close(c.done)
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start %s: %w", cmd.Path, err)
	}
	return c, nil
}

// PID is the number of the process.
func (c *Child) PID() int { return c.cmd.Process.Pid }

// Done is closed when the program has ended, for whatever reason, and all that it
// wrote has been copied.
func (c *Child) Done() <-chan struct{} { return c.done }

// Terminate asks the program to end.
func (c *Child) Terminate() { _ = c.cmd.Process.Signal(syscall.SIGTERM) } // fails only if it is gone

// Kill ends the program.
func (c *Child) Kill() { _ = c.cmd.Process.Kill() } // the same

// Wait returns when the program has ended: nil for exit code 0, *exec.ExitError
// for another one. When ctx ends before, it kills the program, and the error is
// the cause of ctx.
func (c *Child) Wait(ctx context.Context) error {
	if err := c.gone(ctx); err != nil {
		return err
	}
	return c.err
}

// Stop asks the program to end. It kills it, and says so, when that takes longer
// than patience or ctx ends; the exit code is no error.
func (c *Child) Stop(ctx context.Context, patience time.Duration) error {
	ctx, cancel := context.WithTimeoutCause(ctx, patience, fmt.Errorf("it did not end within %s", patience))
	defer cancel()
	c.Terminate()
	return c.gone(ctx)
}

// gone waits for the end, for which it kills the program when ctx ends.
func (c *Child) gone(ctx context.Context) error {
	select {
	case <-c.done:
		return nil
	case <-ctx.Done():
		c.Kill()
		<-c.done
		return fmt.Errorf("it had to be killed: %w", context.Cause(ctx))
	}
}

// State says how the program ended and what it took. It waits for the end.
func (c *Child) State() *os.ProcessState {
	<-c.done
	return c.cmd.ProcessState
}

// Await polls until ready returns no error. If the program ends before, or ctx
// does, the program is gone when Await returns, and the error has its last lines.
func (c *Child) Await(ctx context.Context, ready func(context.Context) error) error {
	err := c.await(ctx, ready)
	if err != nil {
		c.Kill()
		<-c.done
		return fmt.Errorf("%w%s", err, c.LastLines())
	}
	return nil
}

func (c *Child) await(ctx context.Context, ready func(context.Context) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go func() {
		select {
		case <-c.done:
			cancel(fmt.Errorf("it ended: %v", c.cmd.ProcessState))
		case <-ctx.Done():
		}
	}()
	if err := Poll(ctx, ready); err != nil {
		return err
	}
	// Somebody else's server may have answered while the child failed to get the
	// port.
	select {
	case <-c.done:
		return fmt.Errorf("it ended: %v", c.cmd.ProcessState)
	default:
		return nil
	}
}
