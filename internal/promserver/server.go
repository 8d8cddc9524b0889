package promserver

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/gputally/gputally/internal/child"
)

// Config says what to run.
type Config struct {
	Binary string // path of prometheus; "" means what Find finds
	// Dir gets prometheus.yml and the data; it is made if it isn't there.
	// See DataDir.
	Dir string
	// Listen is the address, "" for a free port of 127.0.0.1.
	Listen string
	// YAML is the content of prometheus.yml; "" makes a server that scrapes
	// nothing.
	YAML      string
	Retention time.Duration // 0 means Prometheus' default of 15 days
	ExtraArgs []string
	// User is what the server asks for if ExtraArgs give it a web
	// configuration with basic auth. It is used to see that it is ready.
	User *url.Userinfo
	// Log gets what the server writes. May be nil.
	Log io.Writer
	// ReadyTimeout bounds the start; reading old data back can take a while. 0
	// means a minute.
	ReadyTimeout time.Duration
}

// DataDir returns where a server with this Config.Dir has its blocks.
func DataDir(dir string) string { return filepath.Join(dir, "data") }

// Server is a running Prometheus.
type Server struct {
	URL string // base URL, without credentials and without a slash at the end

	child *child.Child
}

// killAfter is how long Stop waits between asking and killing, where the
// context allows for more. Prometheus waits for its scrapes and queries.
const killAfter = 20 * time.Second

// portTries is how often Start takes another free port when somebody else was
// quicker to use it.
const portTries = 5

// Start runs a Prometheus and returns when it is ready. The server goes on
// when ctx ends; it must be stopped with Stop, and ends with this process.
func Start(ctx context.Context, cfg Config) (*Server, error) {
	if cfg.Binary == "" {
		path, err := Find()
		if err != nil {
			return nil, err
		}
		cfg.Binary = path
	}
	if cfg.ReadyTimeout == 0 {
		cfg.ReadyTimeout = time.Minute
	}
	if err := writeConfig(cfg); err != nil {
		return nil, err
	}
	for try := 1; ; try++ {
		address, err := child.Address(ctx, cfg.Listen)
		if err != nil {
			return nil, fmt.Errorf("address for prometheus: %w", err)
		}
		s, err := start(ctx, cfg, address)
		if err == nil || cfg.Listen != "" || try == portTries || !strings.Contains(err.Error(), syscall.EADDRINUSE.Error()) {
			return s, err
		}
	}
}

func start(ctx context.Context, cfg Config, address string) (*Server, error) {
	args := []string{
		"--config.file=" + configFile(cfg.Dir),
		"--storage.tsdb.path=" + DataDir(cfg.Dir),
		"--web.listen-address=" + address,
	}
	if cfg.Retention > 0 {
		args = append(args, fmt.Sprintf("--storage.tsdb.retention.time=%dms", cfg.Retention.Milliseconds()))
	}
	c, err := child.Start(exec.Command(cfg.Binary, append(args, cfg.ExtraArgs...)...), cfg.Log)
	if err != nil {
		return nil, err
	}
	s := &Server{URL: "http://" + address, child: c}
	ctx, cancel := context.WithTimeout(ctx, cfg.ReadyTimeout)
	defer cancel()
	if err := c.Await(ctx, child.Answers(s.URL+"/-/ready", cfg.User)); err != nil {
		return nil, fmt.Errorf("start prometheus on %s: %w", address, err)
	}
	return s, nil
}

// PID is the number of the server's process.
func (s *Server) PID() int { return s.child.PID() }

// Done is closed when the server's process has ended, for whatever reason.
func (s *Server) Done() <-chan struct{} { return s.child.Done() }

// Stop asks the server to end, kills it if it doesn't within 20 s or when ctx
// ends, and waits until it is gone. It is no error if it is gone already.
func (s *Server) Stop(ctx context.Context) error {
	if err := s.child.Stop(ctx, killAfter); err != nil {
		return fmt.Errorf("stop prometheus on %s: %w", s.URL, err)
	}
	return nil
}

func configFile(dir string) string { return filepath.Join(dir, "prometheus.yml") }

func writeConfig(cfg Config) error {
	if cfg.Dir == "" {
		return errors.New("prometheus needs a directory")
	}
	if err := os.MkdirAll(DataDir(cfg.Dir), 0o750); err != nil {
		return fmt.Errorf("directory of prometheus: %w", err)
	}
	text := cfg.YAML
	if text == "" {
		text = "global: {}\n"
	}
	if err := os.WriteFile(configFile(cfg.Dir), []byte(text), 0o600); err != nil {
		return fmt.Errorf("configuration of prometheus: %w", err)
	}
	return nil
}
