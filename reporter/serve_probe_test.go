package reporter_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/gputally/gputally/reporter"
)

// serveWith is serve with more flags, and what asks for a reload.
func serveWith(t *testing.T, c *clock, reload chan os.Signal, args ...string) *serving {
	t.Helper()
	return serveAs(t, c, reporter.Options{Now: c.now, Reload: func() <-chan os.Signal { return reload }}, args...)
}

// serveAs is serve with more flags and other options.
func serveAs(t *testing.T, c *clock, opts reporter.Options, args ...string) *serving {
	t.Helper()
	address := strings.TrimPrefix(closedPort(t), "http://")
	ctx, stop := context.WithCancel(t.Context())
	s := &serving{url: "http://" + address, clock: c, log: &log{}, stop: stop, done: make(chan error, 1)}
	go func() {
		s.done <- reporter.Run(ctx, append([]string{"serve", "--tick=1s", "--web.listen-address=" + address}, args...),
			io.Discard, s.log, opts)
	}()
	t.Cleanup(stop)
	return s
}

// The web file asks for a password, the bucket has books, and Prometheus is away.
func TestProbesNeedNoCredentialsAndNoPrometheus(t *testing.T) {
	t.Parallel()
	dir, setting := folder(t)
	closeDay(t, openFolder(t, dir), "NVIDIA H200")
	config := "--config=" + files{"gputally.yaml": mainFile(closedPort(t), setting)}.write(t)
	web := filepath.Join(t.TempDir(), "web.yaml")
	// Nobody knows the password.
	const users = "basic_auth_users: {admin: $2b$12$hNf2lSsxfm0.i4a.1kVpSOVyBCfIB51VRjgBUyv6kdnyTlgWj81Ay}\n"
	if err := os.WriteFile(web, []byte(users), 0o600); err != nil {
		t.Fatal(err)
	}
	c := &clock{}
	c.set("2026-11-20T12:00:00Z")
	s := serveWith(t, c, nil, "--web.config.file="+web, config)
	s.eventually(t, "it is ready", func() bool { status, _ := s.get(t, "/readyz"); return status == http.StatusOK })
	for path, want := range map[string]int{"/healthz": http.StatusOK, "/": http.StatusUnauthorized, "/metrics": http.StatusUnauthorized} {
		if status, _ := s.get(t, path); status != want {
			t.Errorf("%s answers %d without credentials, want %d", path, status, want)
		}
	}
	s.ends(t)
}

func TestAServiceIsNotReadyAndHealthyWhileTheBucketIsAway(t *testing.T) {
	t.Parallel()
	dir, setting := folder(t)
	config := "--config=" + files{"gputally.yaml": mainFile(closedPort(t), setting)}.write(t)
	c := &clock{}
	c.set("2026-11-20T12:00:00Z")
	// Where the index should be is what can't be read.
	if err := os.Symlink("index", filepath.Join(dir, "index")); err != nil {
		t.Fatal(err)
	}
	s := serveWith(t, c, nil, config)
	s.eventually(t, "a task has failed", func() bool { return strings.Contains(s.log.String(), "A task failed") })
	if status, _ := s.get(t, "/readyz"); status != http.StatusServiceUnavailable {
		t.Errorf("/readyz answers %d", status)
	}
	if status, body := s.get(t, "/healthz"); status != http.StatusOK {
		t.Errorf("/healthz answers %d %s", status, body)
	}
	s.ends(t)
}

func TestServeReadsItsFilesAgain(t *testing.T) {
	t.Parallel()
	dir, setting := folder(t)
	b := openFolder(t, dir)
	closeDay(t, b, "NVIDIA B300")
	f := files{
		"gputally.yaml": mainFile(closedPort(t), setting) + "prices: prices.yaml\nschedules: schedules.yaml\n",
		"prices.yaml":   prices, "schedules.yaml": daily,
	}
	main := f.write(t)
	run(t, now, "index", "rebuild", "--config="+main).succeeds(t)
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(filepath.Dir(main), "prices.yaml"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c := &clock{}
	c.set("2026-11-20T12:00:00Z")
	reload := make(chan os.Signal, 1)
	s := serveWith(t, c, reload, "--config="+main)
	s.eventually(t, "the report", func() bool { return len(states(t, b, "daily")) == 1 })
	const successful, at = "gputally_reporter_config_last_reload_successful", "gputally_reporter_config_last_reload_success_timestamp_seconds"
	before := s.metrics(t)

	write("rubbish: 1\n")
	c.unix.Add(60)
	reload <- syscall.SIGHUP
	s.eventually(t, "the wrong file is refused", func() bool { return s.metrics(t)[successful] == 0 })
	if after := s.metrics(t); before[successful] != 1 || after[at] != before[at] {
		t.Errorf("before %v at %v, after %v at %v", before[successful], before[at], after[successful], after[at])
	}
	if _, page := s.get(t, "/"); !strings.Contains(page, "prices.yaml:1:1: rubbish") {
		t.Errorf("the page does not say why:\n%s", page)
	}

	write(strings.Replace(prices, "H200", "B300", 1))
	reload <- syscall.SIGHUP
	s.eventually(t, "the repaired report", func() bool { return len(states(t, b, "daily")) == 2 })
	if after := s.metrics(t); after[successful] != 1 || after[at] <= before[at] {
		t.Errorf("%v at %v", after[successful], after[at])
	}
	s.ends(t)
}

// A command that does not look at its context is left behind.
func TestACommandEndsWithASignal(t *testing.T) {
	t.Parallel()
	_, setting := folder(t)
	config := "--config=" + files{"gputally.yaml": mainFile(closedPort(t), setting)}.write(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	c := &clock{}
	c.set("2026-11-20T12:00:00Z")
	err := reporter.Run(ctx, []string{"close", config}, io.Discard, io.Discard, reporter.Options{Now: c.now})
	if code := reporter.ExitCode(err); !errors.Is(err, context.Canceled) || code != reporter.ExitInterrupted {
		t.Errorf("exit code %d, %v", code, err)
	}
}
