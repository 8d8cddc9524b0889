//go:build real

package cmd_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"
)

// patience bounds every wait for a condition.
const patience = 30 * time.Second

// buildCommands makes the named binaries as the Makefile does and returns their
// folder. They have the race detector if this test has it: a race makes a
// process end with code 66.
func buildCommands(t *testing.T, names ...string) string {
	t.Helper()
	dir := t.TempDir()
	args := []string{"build", "-ldflags", "-extldflags=-Wl,-z,lazy", "-o", dir}
	if info, ok := debug.ReadBuildInfo(); ok && slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"}) {
		args = append(args, "-race")
	}
	for _, name := range names {
		args = append(args, module+"cmd/"+name)
	}
	cmd := exec.Command("go", args...)
	cmd.Env = os.Environ()
	if os.Getenv("CGO_CFLAGS") == "" {
		cmd.Env = append(cmd.Env, "CGO_CFLAGS=-O2 -g -Wno-deprecated-declarations")
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build %v: %v\n%s", names, err, out)
	}
	return dir
}

// startCollector runs the collector's binary until the test ends, and returns
// the address at which it listens.
func startCollector(t *testing.T, cmd *exec.Cmd) (address string) {
	t.Helper()
	log := &logBuffer{}
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = cmd.Wait() // ProcessState tells all
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM) // fails once it has ended
		select {
		case <-ended:
		case <-time.After(patience):
			t.Errorf("the collector did not end within %s", patience)
			_ = cmd.Process.Kill()
			<-ended
		}
		if code := cmd.ProcessState.ExitCode(); code != 0 {
			t.Errorf("the collector ended with code %d", code)
		}
		if t.Failed() {
			t.Logf("log of the collector:\n%s", log)
		}
	})
	listening := regexp.MustCompile(`msg="Listening on" address=(\S+)`)
	eventually(t, "the collector listens", func() bool {
		select {
		case <-ended:
			t.Fatalf("the collector ended with %s", cmd.ProcessState)
		default:
		}
		found := listening.FindStringSubmatch(log.String())
		if found == nil {
			return false
		}
		address = found[1]
		return true
	})
	return address
}

// eventually polls a condition.
func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(patience)
	for !condition() {
		select {
		case <-deadline:
			t.Fatalf("not within %s: %s", patience, what)
		case <-tick.C:
		}
	}
}

// logBuffer collects a log while it is read.
type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// found counts the series that an expression gives on a Prometheus.
func found(t *testing.T, server, expr string) int {
	t.Helper()
	body := get(t, server+"/api/v1/query?query="+url.QueryEscape(expr))
	var answer struct {
		Data struct{ Result []json.RawMessage }
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		t.Fatalf("%s: %v: %s", expr, err, body)
	}
	return len(answer.Data.Result)
}

func get(t *testing.T, at string) []byte {
	t.Helper()
	r, err := http.Get(at)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	if err == nil && r.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", r.Status, body)
	}
	if err != nil {
		t.Fatalf("%s: %v", at, err)
	}
	return body
}

// writeFiles puts files into a new folder and returns it.
func writeFiles(t *testing.T, files map[string]string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}
