//go:build real

package collector_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/gputally/gputally/collector/kubelet/kubelettest"
	"github.com/gputally/gputally/collector/nvml/nvmltest"
)

// patience bounds every wait for a condition.
const patience = 20 * time.Second

// binary builds the collector, once for all tests.
var binary func() (string, error)

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "gputally-collector")
	defer os.RemoveAll(dir)
	binary = sync.OnceValues(func() (string, error) {
		if err != nil {
			return "", err
		}
		return build(dir)
	})
	m.Run()
}

// build makes the binary as the Makefile does, with the race detector if this
// test has it: a race makes the process end with code 66.
func build(dir string) (string, error) {
	// go test keeps a result as long as the files that the test looked at stay
	// the same, so it looks at what the binary is made of.
	for _, tree := range []string{".", filepath.Join("..", "cmd", "gputally-collector")} {
		if err := filepath.WalkDir(tree, func(_ string, _ fs.DirEntry, err error) error { return err }); err != nil {
			return "", fmt.Errorf("look at the collector's code: %w", err)
		}
	}
	path := filepath.Join(dir, "gputally-collector")
	args := []string{"build", "-ldflags", "-extldflags=-Wl,-z,lazy", "-o", path}
	if info, ok := debug.ReadBuildInfo(); ok && slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"}) {
		args = append(args, "-race")
	}
	cmd := exec.Command("go", append(args, "github.com/gputally/gputally/cmd/gputally-collector")...)
	cmd.Env = os.Environ()
	if os.Getenv("CGO_CFLAGS") == "" {
		cmd.Env = append(cmd.Env, "CGO_CFLAGS=-O2 -g -Wno-deprecated-declarations")
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the collector: %w\n%s", err, out)
	}
	return path, nil
}

// world is a node with a stand-in for the driver's library and a kubelet.
type world struct {
	library  string
	scenario string // the file that the library reads
	kubelet  *kubelettest.Server
	interval time.Duration // between polls
}

func newWorld(t testing.TB, node nvmltest.Scenario) *world {
	t.Helper()
	w := &world{
		library:  nvmltest.Build(t),
		scenario: filepath.Join(t.TempDir(), "world"),
		kubelet:  kubelettest.Start(t),
		interval: 200 * time.Millisecond,
	}
	w.kubelet.Hold()
	w.play(t, node)
	return w
}

func (w *world) play(t testing.TB, node nvmltest.Scenario) {
	t.Helper()
	if err := node.WriteFile(w.scenario); err != nil {
		t.Fatal(err)
	}
}

// command is the collector on this node.
func (w *world) command(t testing.TB, args ...string) *exec.Cmd {
	t.Helper()
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	ctx, kill := context.WithTimeout(context.Background(), 4*patience)
	t.Cleanup(kill) // after the cleanups of whoever starts it
	cmd := exec.CommandContext(ctx, path, append([]string{
		"--web.listen-address=127.0.0.1:0",
		"--meter.interval=" + w.interval.String(),
		"--kubelet.socket=" + w.kubelet.Socket(),
		"--kubelet.checkpoint=" + w.kubelet.Checkpoint(),
	}, args...)...)
	cmd.Env = append(os.Environ(),
		"NODE_NAME=node-1",
		"LD_LIBRARY_PATH="+filepath.Dir(w.library),
		nvmltest.ScenarioEnv+"="+w.scenario,
		"GORACE=atexit_sleep_ms=0", // else a binary with the race detector lingers for a second
	)
	return cmd
}

// process is a collector that runs.
type process struct {
	cmd     *exec.Cmd
	address string // host and port
	log     *logBuffer
	ended   chan struct{} // closed when it has ended
}

// start runs a collector until the test ends and waits until it listens.
func (w *world) start(t testing.TB, args ...string) *process {
	t.Helper()
	p := &process{cmd: w.command(t, args...), log: &logBuffer{}, ended: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = p.log, p.log
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(p.ended)
		_ = p.cmd.Wait() // ProcessState tells all
	}()
	t.Cleanup(func() {
		if code := p.stop(t); code != 0 {
			t.Errorf("the collector ended with code %d", code)
		}
		if t.Failed() {
			t.Logf("log of the collector:\n%s", p.log)
		}
	})
	listening := regexp.MustCompile(`msg="Listening on" address=(\S+)`)
	p.eventually(t, "it listens", func() bool {
		found := listening.FindStringSubmatch(p.log.String())
		if found != nil {
			p.address = found[1]
		}
		return found != nil
	})
	return p
}

// stop asks the process to end, if it still runs, and returns its exit code.
func (p *process) stop(t testing.TB) int {
	t.Helper()
	_ = p.cmd.Process.Signal(syscall.SIGTERM) // fails once it has ended
	return p.wait(t)
}

// wait returns the exit code of a process that ends.
func (p *process) wait(t testing.TB) int {
	t.Helper()
	select {
	case <-p.ended:
	case <-time.After(patience):
		t.Errorf("the collector did not end within %s", patience)
		_ = p.cmd.Process.Kill()
		<-p.ended
	}
	return p.cmd.ProcessState.ExitCode()
}

// eventually polls a condition while the process runs.
func (p *process) eventually(t testing.TB, what string, condition func() bool) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(patience)
	for !condition() {
		select {
		case <-p.ended:
			t.Fatalf("the collector ended with %s before %s", p.cmd.ProcessState, what)
		case <-deadline:
			t.Fatalf("not within %s: %s", patience, what)
		case <-tick.C:
		}
	}
}

// get returns a page. Any status but 200 is an error.
func (p *process) get(path string) (string, error) {
	r, err := http.Get("http://" + p.address + path)
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

// healthy expects that both probes are content.
func (p *process) healthy(t *testing.T) {
	t.Helper()
	for _, path := range []string{"/healthz", "/readyz"} {
		if _, err := p.get(path); err != nil {
			t.Error(err)
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

// lines counts the lines that have all the words.
func (l *logBuffer) lines(words ...string) int {
	n := 0
	for line := range strings.Lines(l.String()) {
		if !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(line, w) }) {
			n++
		}
	}
	return n
}
