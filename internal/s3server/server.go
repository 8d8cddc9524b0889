// Package s3server runs a real S3 server for tests: versitygw on a folder. The
// server checks signatures, conditions and checksums; it ignores the headers
// of server-side encryption.
package s3server

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

const (
	startTimeout = 20 * time.Second
	stopTimeout  = 5 * time.Second
	startTries   = 3 // another process may take the port between finding and using it
	region       = "us-east-1"
)

// Server is a running S3 server. Use path style.
type Server struct {
	Endpoint  string // "http://127.0.0.1:41234"
	Region    string
	AccessKey string // of the administrator, who may do everything
	SecretKey string
	// Atomic is false where the folder's file system has no extended
	// attributes: metadata is then in files of its own, and while an object is
	// replaced a reader may get the ETag of one and the content of the other.
	Atomic bool

	binary string
	cmd    *exec.Cmd
	output *output
	exited chan struct{} // closed when the process has ended
}

// Start runs a server that keeps its data in dir and ends with ctx, or with
// Stop. Buckets of an earlier server on the same folder are there again.
func Start(ctx context.Context, dir string) (*Server, error) { return start(ctx, dir, false) }

// StartReadOnly runs a server that lets everybody read and nobody write. The
// objects in dir are those of a Server that runs or ran there.
func StartReadOnly(ctx context.Context, dir string) (*Server, error) { return start(ctx, dir, true) }

func start(ctx context.Context, dir string, readOnly bool) (*Server, error) {
	s, err := prepare(dir)
	if err != nil {
		return nil, fmt.Errorf("start S3 server: %w", err)
	}
	args := []string{"--quiet", "--region", region, "--health", healthPath, "--iam-dir", filepath.Join(dir, "accounts")}
	if readOnly {
		args = append(args, "--readonly")
	}
	backend := []string{"posix", filepath.Join(dir, "data")}
	for range startTries {
		if err = s.run(ctx, append(args, backend...)); err == nil {
			return s, nil
		}
		if strings.Contains(s.output.String(), "xattrs are not supported") {
			s.Atomic = false
			backend = []string{"posix", "--sidecar", filepath.Join(dir, "attributes"), filepath.Join(dir, "data")}
		}
	}
	return nil, fmt.Errorf("start S3 server: %w: %s", err, s.output)
}

const healthPath = "/healthz"

// prepare finds the binary, makes the folders and invents credentials.
func prepare(dir string) (*Server, error) {
	binary, err := find()
	if err != nil {
		return nil, err
	}
	for _, sub := range []string{"data", "accounts", "attributes"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o755); err != nil {
			return nil, err
		}
	}
	return &Server{Region: region, AccessKey: newKey("ADMIN"), SecretKey: newKey("secret-"), Atomic: true, binary: binary}, nil
}

func newKey(prefix string) string { return prefix + rand.Text() }

// find looks for the binary in .tools/bin of the module.
func find() (string, error) {
	here, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for dir := here; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			binary := filepath.Join(dir, ".tools", "bin", "versitygw")
			if _, err := os.Stat(binary); err != nil {
				return "", fmt.Errorf("%w (run make tools)", err)
			}
			return binary, nil
		}
		if dir == filepath.Dir(dir) {
			return "", fmt.Errorf("no go.mod above %s", here)
		}
	}
}

// run starts the process on a free port and waits until it answers.
func (s *Server) run(ctx context.Context, args []string) error {
	address, err := freeAddress(ctx)
	if err != nil {
		return err
	}
	s.Endpoint = "http://" + address
	s.output = &output{}
	s.exited = make(chan struct{})
	s.cmd = exec.CommandContext(ctx, s.binary, append([]string{"--port", address}, args...)...)
	s.cmd.Env = append(os.Environ(), "ROOT_ACCESS_KEY="+s.AccessKey, "ROOT_SECRET_KEY="+s.SecretKey)
	s.cmd.Stdout, s.cmd.Stderr = s.output, s.output
	if err := s.cmd.Start(); err != nil {
		return err
	}
	go func() {
		_ = s.cmd.Wait() // how it ended shows in its output
		close(s.exited)
	}()
	if err := s.waitReady(ctx); err != nil {
		s.Stop()
		return err
	}
	return nil
}

func freeAddress(ctx context.Context) (string, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

func (s *Server) waitReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	for {
		if s.healthy(ctx) {
			return nil
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-s.exited:
			return errors.New("the server ended")
		case <-ctx.Done():
			return fmt.Errorf("the server does not answer: %w", ctx.Err())
		}
	}
}

func (s *Server) healthy(ctx context.Context) bool {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.Endpoint+healthPath, nil)
	if err != nil {
		return false
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return false
	}
	_ = resp.Body.Close() // only the status counts
	return resp.StatusCode == http.StatusOK
}

// Stop ends the server, by force if it waits for a client for too long. To
// stop it again is no error.
func (s *Server) Stop() {
	_ = s.cmd.Process.Signal(os.Interrupt) // fails if it has ended
	select {
	case <-s.exited:
	case <-time.After(stopTimeout):
		_ = s.cmd.Process.Kill() // the same
		<-s.exited
	}
}

// output collects what the server prints.
type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}
