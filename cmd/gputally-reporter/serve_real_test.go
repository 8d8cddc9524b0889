//go:build real

package main_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gputally/gputally/internal/child"
	"github.com/gputally/gputally/internal/faultproxy"
	"github.com/gputally/gputally/internal/promserver"
)

// patience bounds every wait for a condition.
const patience = time.Minute

// log is what a process writes while a test reads it.
type log struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// process is a reporter that runs.
type process struct {
	*child.Child
	url string // of serve
	log log
}

// begins starts the binary until the test ends.
func (b *books) begins(t *testing.T, args ...string) *process {
	t.Helper()
	cmd, _, _ := command(context.WithoutCancel(t.Context()), b.config, args...)
	cmd.Stdout, cmd.Stderr = nil, nil
	p := &process{}
	var err error
	if p.Child, err = child.Start(cmd, &p.log); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		p.Kill()
		<-p.Done()
		if t.Failed() {
			t.Logf("%v wrote\n%s", args, &p.log)
		}
	})
	return p
}

// serves is serve, on a free port.
func (b *books) serves(t *testing.T) *process {
	t.Helper()
	address, err := child.Address(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	p := b.begins(t, "serve", "--tick=1s", "--web.listen-address="+address)
	p.url = "http://" + address
	p.eventually(t, "it is healthy", func() bool { return p.get("/healthz") == "ok\n" })
	return p
}

func (p *process) eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := p.Await(ctx, child.Met(what, condition)); err != nil {
		t.Fatal(err)
	}
}

// get is the body of a page, "" unless it is answered with 200.
func (p *process) get(path string) string {
	resp, err := http.Get(p.url + path)
	if err != nil {
		return ""
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		return ""
	}
	return string(body)
}

// closedAll tells whether the hours of a cluster are closed.
func (p *process) closedAll(cluster string) bool {
	return strings.Count(p.log.String(), `msg="Closed an hour" cluster=`+cluster) >= 3
}

// One cluster's server, or its part of the bucket, is faulty. Its task ends and is
// tried again; the other cluster is closed, and the service stays healthy.
func TestAFaultStopsOneTaskOnly(t *testing.T) {
	t.Parallel()
	ofOne := func(r *http.Request) bool {
		return strings.Contains(r.URL.Path, "cluster=eu-1") || strings.Contains(r.URL.RawQuery, "cluster%3Deu-1")
	}
	for name, tt := range map[string]struct {
		ofBucket bool
		fault    faultproxy.Fault
		says     string
	}{
		"Prometheus hangs":                   {false, faultproxy.Fault{Play: faultproxy.Hang}, "answers nothing"},
		"an answer of Prometheus stalls":     {false, faultproxy.Fault{On: read, Play: faultproxy.Stall(0)}, "answers nothing"},
		"Prometheus wants to be left alone":  {false, faultproxy.Fault{Play: tooMuch(503, "2")}, "overloaded"},
		"Prometheus refuses":                 {false, faultproxy.Fault{Play: says(401, "who are you?")}, "HTTP 401"},
		"an answer of the bucket stalls":     {true, faultproxy.Fault{On: ofOne, Play: faultproxy.Stall(10)}, "the store sent nothing for 1s"},
		"the bucket denies a part of itself": {true, faultproxy.Fault{On: ofOne, Play: refuses(403, "AccessDenied")}, "AccessDenied"},
		"the bucket is reset":                {true, faultproxy.Fault{On: ofOne, Play: faultproxy.Reset}, "connection reset"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := shared.prometheus.URL
			if tt.ofBucket {
				server = shared.s3.Endpoint
			}
			p := start(t, server)
			p.Set(tt.fault)
			s := setup{file: "clusters:\n  - {name: eu-1, prometheus: {selector: {instance: node-a}}}\n  - {name: eu-2, prometheus: {selector: {instance: node-b}}}\n"}
			if tt.ofBucket {
				s.s3 = p.URL
			} else {
				s.file = strings.Replace(s.file, "selector: {instance: node-a}", fmt.Sprintf("url: %q, selector: {instance: node-a}", p.URL), 1)
			}
			b := newBooks(t, s)
			service := b.serves(t)
			service.eventually(t, "the other cluster is closed", func() bool { return service.closedAll("eu-2") })
			service.eventually(t, "the task has failed", func() bool {
				return strings.Contains(service.log.String(), `msg="A task failed; it will be tried again" task=close name=eu-1`)
			})
			if service.get("/healthz") != "ok\n" || !strings.Contains(service.get("/metrics"), `gputally_reporter_task_failures_total{name="eu-1",task="close"} `) {
				t.Error("it is not healthy, or counts no failures")
			}
			if !strings.Contains(service.log.String(), tt.says) {
				t.Errorf("it does not say %q", tt.says)
			}
			p.Set()
			service.eventually(t, "the cluster is closed, too", func() bool { return service.closedAll("eu-1") })
			service.Terminate()
			if err := service.Wait(t.Context()); err != nil {
				t.Errorf("it ends with %v", err)
			}
		})
	}
}

// The real server ends in the middle of the work and comes back on its port.
func TestABackfillSitsOutARestartOfPrometheus(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := writePast(promserver.DataDir(dir)); err != nil {
		t.Fatal(err)
	}
	run := func(listen string) *promserver.Server {
		server, err := promserver.Start(context.WithoutCancel(t.Context()), promserver.Config{Dir: dir, Listen: listen})
		if err != nil {
			t.Fatal(err)
		}
		return server
	}
	server := run("")
	p := start(t, shared.s3.Endpoint)
	p.Set(faultproxy.Fault{On: putHour, Skip: 1, Times: 1, Play: func(e *faultproxy.Exchange) {
		if err := server.Stop(context.Background()); err != nil {
			t.Error(err)
		}
		faultproxy.Pass(e)
	}})
	b := newBooks(t, setup{s3: p.URL, prometheus: server.URL})
	closing := b.begins(t, closes()...)
	closing.eventually(t, "it waits", func() bool {
		return strings.Contains(closing.log.String(), `msg="Prometheus is away; waiting for it" cluster=eu-1 at_most=5m0s`)
	})
	again := run(strings.TrimPrefix(server.URL, "http://"))
	t.Cleanup(func() { _ = again.Stop(context.Background()) })
	if err := closing.Wait(t.Context()); err != nil || !strings.Contains(closing.log.String(), `msg="Prometheus answers again" cluster=eu-1`) {
		t.Errorf("it ends with %v:\n%s", err, &closing.log)
	}
	b.endsWell(t, "")
}
