//go:build real

package main_test

import (
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/gputally/gputally/internal/faultproxy"
)

const (
	exitInterrupted = 130
	ofBucket        = "the bucket"
	ofPrometheus    = "Prometheus"
)

// hangs are commands by the server on which they hang.
func hangs() map[string][][]string {
	ages := []string{"--from=2000-01-01"}
	return map[string][][]string{
		ofBucket: {
			{"close"},
			closes(), append([]string{"close", "--parallel=2"}, ages...),
			append([]string{"close", "--restate", "--force", "--to=2026-01-01"}, ages...),
			{"close", "--dry-run"},
			reports(),
			{"report", "--schedule=hourly"},
			{"report", "make", "--period=yesterday", "--by=project"},
			{"report", "list"},
			{"report", "show", "by-pod"},
			{"report", "download", "by-pod"},
			{"check", "--live"},
			{"index", "rebuild"},
			{"serve", "--web.listen-address=127.0.0.1:0"},
			{"ledger", "verify"},
			{"ledger", "compact"},
			{"ledger", "prune"},
			{"ledger", "coverage"},
		},
		ofPrometheus: {
			closes(), append([]string{"close", "--parallel=2"}, ages...), append([]string{"close", "--dry-run"}, ages...),
			append(closes(), "--restate", "--force"), append([]string{"close", "--restate", "--force", "--to=2026-01-01"}, ages...),
			append(reports(), "--preview"),
			{"report", "--preview", "--period=today", "--by=project"},
			{"check", "--live"},
			{"serve", "--web.listen-address=127.0.0.1:0"},
		},
	}
}

// Every command ends when a signal comes, by itself and at once, whatever it waits for.
func TestEveryCommandEndsWithASignalWhileItsRequestHangs(t *testing.T) {
	t.Parallel()
	for server, commands := range hangs() {
		for i, args := range commands {
			for _, hang := range []struct {
				how  string
				play faultproxy.Play
			}{{"before the answer", faultproxy.Hang}, {"in the middle of the answer", faultproxy.Stall(5)}} {
				signal := []syscall.Signal{syscall.SIGINT, syscall.SIGTERM}[i%2]
				t.Run(strings.Join(args, " ")+", on "+server+" "+hang.how, func(t *testing.T) {
					t.Parallel()
					s := setup{timeout: "1h", file: "schedules: schedules.yaml\n"}
					upstream := shared.prometheus.URL
					if server == ofBucket {
						upstream = shared.s3.Endpoint
					}
					p := start(t, upstream)
					p.Set(faultproxy.Fault{Play: hang.play})
					if s.prometheus = p.URL; server == ofBucket {
						s.prometheus, s.s3 = "", p.URL
					}
					running := newBooks(t, s).begins(t, args...)
					running.eventually(t, "it waits", func() bool { return p.Happened() > 0 })
					running.ends(t, signal, args[0] == "serve")
				})
			}
		}
	}
}

// ends sends a signal, after which the process must end by itself.
func (p *process) ends(t *testing.T, signal syscall.Signal, service bool) {
	t.Helper()
	if err := syscall.Kill(p.PID(), signal); err != nil {
		t.Fatal(err)
	}
	<-p.Done() // one that does not end is left behind after less than a second, and says so
	code := exitInterrupted
	if service {
		code = exitOK
	}
	if got := p.State().ExitCode(); got != code || strings.Contains(p.log.String(), "did not end within") {
		t.Errorf("after %s it ends with %d, want %d:\n%s", signal, got, code, &p.log)
	}
}

// The table above has all commands that ask a server.
func TestNoCommandIsLeftOut(t *testing.T) {
	t.Parallel()
	help, err := exec.CommandContext(t.Context(), shared.binary, "--help").CombinedOutput()
	if err != nil {
		t.Fatal(err)
	}
	in := map[string]bool{"help": true, "version": true}
	for _, commands := range hangs() {
		for _, args := range commands {
			in[args[0]], in[strings.Join(args[:min(2, len(args))], " ")] = true, true
		}
	}
	_, list, _ := strings.Cut(string(help), "Commands:")
	names := regexp.MustCompile(`(?m)^([a-z]+(?: [a-z]+)?)`).FindAllStringSubmatch(list, -1)
	if len(names) < 12 {
		t.Fatalf("%d commands in\n%s", len(names), help)
	}
	for _, name := range names {
		if !in[name[1]] {
			t.Errorf("%q is in no row", name[1])
		}
	}
}
