//go:build unix

package child_test

import (
	"bytes"
	"context"
	"errors"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gputally/gputally/internal/child"
)

// shell starts a shell script, which is ended with the test.
func shell(t *testing.T, script string) *child.Child {
	t.Helper()
	c, err := child.Start(exec.CommandContext(t.Context(), "sh", "-c", script), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { <-c.Done() }) // killed by the test's context
	return c
}

// wrote is the condition that a child wrote a text.
func wrote(c *child.Child, text string) func(context.Context) error {
	return child.Met("it wrote "+text, func() bool { return strings.Contains(c.Output(), text) })
}

func TestWhatIsWrittenGoesToTheLogAndIsKept(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	c, err := child.Start(exec.Command("sh", "-c", "echo one; echo two >&2; exit 3"), &log)
	if err != nil {
		t.Fatal(err)
	}
	err = c.Wait(t.Context())
	if exit := new(exec.ExitError); !errors.As(err, &exit) || exit.ExitCode() != 3 || c.State().ExitCode() != 3 {
		t.Errorf("it ended with %v", err)
	}
	for name, got := range map[string]string{"log": log.String(), "output": c.Output()} {
		if got != "one\ntwo\n" {
			t.Errorf("%s %q", name, got)
		}
	}
}

func TestAStandardOutputOfTheCallerStaysApart(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	cmd := exec.Command("sh", "-c", "echo result; echo why >&2")
	cmd.Stdout = &out
	c, err := child.Start(cmd, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Wait(t.Context()); err != nil || out.String() != "result\n" || c.Output() != "why\n" {
		t.Errorf("output %q, errors %q: %v", out.String(), c.Output(), err)
	}
}

func TestOnlyTheEndOfTheOutputIsKept(t *testing.T) {
	t.Parallel()
	c := shell(t, `i=0; while test $i -lt 3000; do i=$((i+1)); echo line $i; done`)
	if err := c.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := c.Output(); len(got) != 8<<10 || !strings.HasSuffix(got, "line 2999\nline 3000\n") {
		t.Errorf("%d bytes, the last are %q", len(got), got[max(0, len(got)-40):])
	}
	want := "; its last lines:\n  line 2993\n  line 2994\n  line 2995\n  line 2996\n  line 2997\n  line 2998\n  line 2999\n  line 3000"
	if got := c.LastLines(); got != want {
		t.Errorf("last lines %q", got)
	}
}

func TestOfSilenceThereAreNoLastLines(t *testing.T) {
	t.Parallel()
	c := shell(t, "true")
	if err := c.Wait(t.Context()); err != nil || c.LastLines() != "" {
		t.Errorf("last lines %q, %v", c.LastLines(), err)
	}
}

func TestAProgramThatIsNotThereIsNamed(t *testing.T) {
	t.Parallel()
	name := filepath.Join(t.TempDir(), "none")
	if _, err := child.Start(exec.Command(name), nil); err == nil || !strings.Contains(err.Error(), name) {
		t.Errorf("error %v", err)
	}
}

func TestStopLetsAProgramEndByItself(t *testing.T) {
	t.Parallel()
	c := shell(t, `trap 'echo bye; exit 4' TERM; echo ready; while :; do sleep 0.02; done`)
	if err := c.Await(t.Context(), wrote(c, "ready")); err != nil {
		t.Fatal(err)
	}
	select {
	case <-c.Done():
		t.Error("it is done before it was stopped")
	default:
	}
	for range 2 { // a second time is no error
		if err := c.Stop(t.Context(), time.Minute); err != nil {
			t.Error(err)
		}
	}
	if c.State().ExitCode() != 4 || !strings.Contains(c.Output(), "bye") {
		t.Errorf("it ended with %v:\n%s", c.State(), c.Output())
	}
}

func TestAProgramThatDoesNotEndIsKilled(t *testing.T) {
	t.Parallel()
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	for name, tc := range map[string]struct {
		end  func(*child.Child) error
		want string
	}{
		"when the patience is over": {func(c *child.Child) error { return c.Stop(t.Context(), time.Millisecond) }, "did not end within 1ms"},
		"when stopping is given up": {func(c *child.Child) error { return c.Stop(cancelled, time.Minute) }, "context canceled"},
		"when waiting is given up":  {func(c *child.Child) error { return c.Wait(cancelled) }, "context canceled"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := shell(t, `trap '' TERM; echo ready; while :; do sleep 0.02; done`)
			if err := c.Await(t.Context(), wrote(c, "ready")); err != nil {
				t.Fatal(err)
			}
			if err := tc.end(c); err == nil || !strings.Contains(err.Error(), "had to be killed: ") || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error %v, want %q", err, tc.want)
			}
			if c.State().ExitCode() != -1 {
				t.Errorf("it ended with %v", c.State())
			}
		})
	}
}

func TestAwaitSaysWhyAProgramNeverGetsReady(t *testing.T) {
	t.Parallel()
	never := child.Met("pigs fly", func() bool { return false })
	for name, tc := range map[string]struct {
		script  string
		ready   func(context.Context) error
		timeout time.Duration
		want    []string
	}{
		"it ends":                      {"echo bad config; exit 3", never, time.Minute, []string{"exit status 3", "pigs fly", "its last lines:\n  bad config"}},
		"its time is over":             {"exec sleep 60", never, 30 * time.Millisecond, []string{"deadline exceeded", "pigs fly"}},
		"another answers in its place": {"exit 3", func(ctx context.Context) error { <-ctx.Done(); return nil }, time.Minute, []string{"exit status 3"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := shell(t, tc.script)
			ctx, cancel := context.WithTimeout(t.Context(), tc.timeout)
			defer cancel()
			err := c.Await(ctx, tc.ready)
			for _, want := range tc.want {
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("error %v, want %q", err, want)
				}
			}
			select {
			case <-c.Done():
			default:
				t.Error("it still runs")
			}
		})
	}
}
