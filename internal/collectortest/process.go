package collectortest

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"regexp"
	"syscall"
	"testing"
	"time"

	"github.com/gputally/gputally/internal/child"
)

// Patience bounds every wait for a condition.
const Patience = 30 * time.Second

// Process is a collector that runs.
type Process struct {
	Address string // host and port
	Log     *Log
	child   *child.Child
	waited  bool // somebody knows its exit code
}

// Start runs a collector until the test ends and waits until it listens. The
// test fails if it does not end with code 0 then; who calls Stop or Wait before
// has to look at the code.
func Start(t testing.TB, cmd *exec.Cmd) *Process {
	t.Helper()
	p := &Process{Log: &Log{}}
	var err error
	if p.child, err = child.Start(cmd, p.Log); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if !p.waited {
			if code := p.Stop(t); code != 0 {
				t.Errorf("the collector ended with code %d", code)
			}
		}
		if t.Failed() {
			t.Logf("log of the collector:\n%s", p.Log)
		}
	})
	listening := regexp.MustCompile(`msg="Listening on" address=(\S+)`)
	p.Eventually(t, "it listens", func() bool {
		found := listening.FindStringSubmatch(p.Log.String())
		if found != nil {
			p.Address = found[1]
		}
		return found != nil
	})
	return p
}

// PID is the number of the process.
func (p *Process) PID() int { return p.child.PID() }

// Signal sends it a signal.
func (p *Process) Signal(t testing.TB, s syscall.Signal) {
	t.Helper()
	if err := syscall.Kill(p.PID(), s); err != nil {
		t.Fatal(err)
	}
}

// Stop asks the process to end, if it still runs, and returns its exit code.
func (p *Process) Stop(t testing.TB) int {
	t.Helper()
	p.child.Terminate()
	return p.Wait(t)
}

// Wait returns the exit code of a process that ends.
func (p *Process) Wait(t testing.TB) int {
	t.Helper()
	p.waited = true
	ctx, cancel := context.WithTimeout(context.Background(), Patience)
	defer cancel()
	if err := p.child.Wait(ctx); ctx.Err() != nil {
		t.Errorf("the collector did not end within %s: %v", Patience, err)
	}
	return p.child.State().ExitCode()
}

// Eventually polls a condition while the process runs.
func (p *Process) Eventually(t testing.TB, what string, condition func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), Patience)
	defer cancel()
	if err := p.child.Await(ctx, child.Met(what, condition)); err != nil {
		t.Fatalf("the collector: %v", err)
	}
}

// Eventually polls a condition, and fails the test when Patience is over.
func Eventually(t testing.TB, what string, condition func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), Patience)
	defer cancel()
	if err := child.Poll(ctx, child.Met(what, condition)); err != nil {
		t.Fatal(err)
	}
}

// Get returns a page. Any status but 200 is an error.
func (p *Process) Get(path string) (string, error) {
	r, err := http.Get("http://" + p.Address + path)
	if err != nil {
		return "", err
	}
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	if err == nil && r.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s answers %s: %s", path, r.Status, body)
	}
	return string(body), err
}

// Healthy expects that the meter ticks.
func (p *Process) Healthy(t testing.TB) {
	t.Helper()
	if _, err := p.Get("/healthz"); err != nil {
		t.Error(err)
	}
}

// Ready is true while it says that it meters, or never did, and what it says.
func (p *Process) Ready() (bool, string) {
	says, err := p.Get("/readyz")
	if err != nil {
		return false, err.Error()
	}
	return true, says
}
