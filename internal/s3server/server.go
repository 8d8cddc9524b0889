package s3server

import (
	"context"
	"crypto/rand"
	"crypto/x509"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/gputally/gputally/internal/child"
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

	trusted *x509.CertPool // of an HTTPS server, nil with plain HTTP
	binary  string
	child   *child.Child
}

// Start runs a server that keeps its data in dir and ends with ctx, or with
// Stop. Buckets of an earlier server on the same folder are there again.
func Start(ctx context.Context, dir string) (*Server, error) { return start(ctx, dir, nil, nil) }

// StartReadOnly runs a server that lets everybody read and nobody write. The
// objects in dir are those of a Server that runs or ran there.
func StartReadOnly(ctx context.Context, dir string) (*Server, error) {
	return start(ctx, dir, nil, []string{"--readonly"})
}

func start(ctx context.Context, dir string, trusted *x509.CertPool, extra []string) (*Server, error) {
	s, err := prepare(dir)
	if err != nil {
		return nil, fmt.Errorf("start S3 server: %w", err)
	}
	args := []string{"--quiet", "--region", region, "--health", healthPath, "--iam-dir", filepath.Join(dir, "accounts")}
	args = append(args, extra...)
	s.trusted = trusted
	backend := []string{"posix", filepath.Join(dir, "data")}
	for range startTries {
		if err = s.run(ctx, append(args, backend...)); err == nil {
			return s, nil
		}
		if strings.Contains(err.Error(), "xattrs are not supported") {
			s.Atomic = false
			backend = []string{"posix", "--sidecar", filepath.Join(dir, "attributes"), filepath.Join(dir, "data")}
		}
	}
	return nil, fmt.Errorf("start S3 server: %w", err)
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

// run starts the process on a free port and waits until it answers. The error
// has the last lines of what it printed.
func (s *Server) run(ctx context.Context, args []string) error {
	address, err := child.Address(ctx, "")
	if err != nil {
		return err
	}
	s.Endpoint = "http://" + address
	answers := child.Answers(s.Endpoint+healthPath, nil)
	if s.trusted != nil {
		s.Endpoint = "https://" + address
		answers = s.shakesHands(address)
	}
	cmd := exec.CommandContext(ctx, s.binary, append([]string{"--port", address}, args...)...)
	cmd.Env = append(os.Environ(), "ROOT_ACCESS_KEY="+s.AccessKey, "ROOT_SECRET_KEY="+s.SecretKey)
	if s.child, err = child.Start(cmd, nil); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	return s.child.Await(ctx, answers)
}

// Stop ends the server, by force if it waits for a client for too long. To
// stop it again is no error.
func (s *Server) Stop() {
	_ = s.child.Stop(context.Background(), stopTimeout) // it is gone in any case
}
