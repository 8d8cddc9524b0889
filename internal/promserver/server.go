package promserver

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
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

	child *child
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
		address, err := address(cfg.Listen)
		if err != nil {
			return nil, err
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
	c, err := startChild(exec.Command(cfg.Binary, append(args, cfg.ExtraArgs...)...), cfg.Log)
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", cfg.Binary, err)
	}
	s := &Server{URL: "http://" + address, child: c}
	if err := s.waitReady(ctx, cfg); err != nil {
		c.kill()
		<-c.done
		return nil, fmt.Errorf("start prometheus on %s: %w%s", address, err, c.lastLines())
	}
	return s, nil
}

// PID is the number of the server's process.
func (s *Server) PID() int { return s.child.cmd.Process.Pid }

// Done is closed when the server's process has ended, for whatever reason.
func (s *Server) Done() <-chan struct{} { return s.child.done }

// Stop asks the server to end, kills it if it doesn't within 20 s or when ctx
// ends, and waits until it is gone. It is no error if it is gone already.
func (s *Server) Stop(ctx context.Context) error {
	s.child.terminate()
	t := time.NewTimer(killAfter)
	defer t.Stop()
	var why error
	select {
	case <-s.child.done:
		return nil
	case <-t.C:
		why = fmt.Errorf("did not end within %v", killAfter)
	case <-ctx.Done():
		why = ctx.Err()
	}
	s.child.kill()
	<-s.child.done
	return fmt.Errorf("prometheus on %s had to be killed: %w", s.URL, why)
}

// waitReady polls until the server is ready.
func (s *Server) waitReady(ctx context.Context, cfg Config) error {
	ctx, cancel := context.WithTimeout(ctx, cfg.ReadyTimeout)
	defer cancel()
	// A connection of its own each time: none is left open afterwards, and no
	// proxy of the environment comes between.
	transport := &http.Transport{DisableKeepAlives: true}
	hc := &http.Client{Transport: transport, Timeout: 5 * time.Second}
	tick := time.NewTicker(25 * time.Millisecond)
	defer tick.Stop()
	var last error
	for {
		if last = s.ready(ctx, hc, cfg.User); last == nil {
			// Somebody else's server may have answered while ours failed to
			// get the port.
			select {
			case <-s.child.done:
			default:
				return nil
			}
		}
		select {
		case <-s.child.done:
			return fmt.Errorf("it ended: %v", s.child.cmd.ProcessState)
		case <-ctx.Done():
			return fmt.Errorf("not ready: %w: %w", ctx.Err(), last)
		case <-tick.C:
		}
	}
}

func (s *Server) ready(ctx context.Context, hc *http.Client, user *url.Userinfo) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.URL+"/-/ready", nil)
	if err != nil {
		return err
	}
	if user != nil {
		password, _ := user.Password()
		req.SetBasicAuth(user.Username(), password)
	}
	resp, err := hc.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return errors.New("HTTP " + resp.Status)
	}
	return nil
}

// address returns listen, or a free port, after a look whether it can be had:
// a server that is there already would answer in place of the new one.
func address(listen string) (string, error) {
	if listen == "" {
		listen = "127.0.0.1:0"
	}
	l, err := net.Listen("tcp", listen)
	if err != nil {
		return "", fmt.Errorf("address for prometheus: %w", err)
	}
	defer l.Close()
	return l.Addr().String(), nil
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
