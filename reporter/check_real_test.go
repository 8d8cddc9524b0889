//go:build real

package reporter_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gputally/gputally/internal/promserver"
	"github.com/gputally/gputally/internal/simulate"
	"github.com/gputally/gputally/reporter"
)

func TestLiveCheck(t *testing.T) {
	t.Parallel()
	_, setting := s3Bucket(t, "checked")
	// The server's clock is the real one, so the samples are of the last minutes.
	dir := t.TempDir()
	clock := time.Now().UTC().Truncate(time.Second)
	node := &simulate.Node{Name: "node-1", GPUs: []simulate.GPU{simulate.NewGPU("GPU-0", "NVIDIA H200")}}
	train := hold("vision", "train", 0, 1000, 0, 0)
	train.From, train.To = clock.Add(-time.Hour), clock.Add(time.Hour)
	node.Holds = []simulate.Hold{train}
	from, to := clock.Add(-20*time.Minute), clock.Add(5*time.Minute)
	if err := writePast(promserver.DataDir(dir), from, to, []*simulate.Node{node}); err != nil {
		t.Fatal(err)
	}
	server := startPrometheus(t, promserver.Config{Dir: dir})
	replica := t.TempDir() // scrapes at other seconds
	if err := writePast(promserver.DataDir(replica), from.Add(7*time.Second), to, []*simulate.Node{node}); err != nil {
		t.Fatal(err)
	}
	other := startPrometheus(t, promserver.Config{Dir: replica})

	t.Run("all is well", func(t *testing.T) {
		out := run(t, clock, "check", "--live", "--config="+priced(server.URL, setting, "").write(t)).succeeds(t)
		for _, line := range strings.Split(strings.TrimSpace(out), "\n") {
			if !strings.HasPrefix(line, "ok    ") {
				t.Errorf("it says %q", line)
			}
		}
		for _, part := range []string{
			"cluster eu-1", server.URL + ": version ", "retention 15d", "raw samples by remote_read", "families found",
			"collectors are scraped every 30s", "bucket s3://checked/prod: create if absent", "replace if unchanged",
		} {
			if !strings.Contains(out, part) {
				t.Errorf("%q is not in\n%s", part, out)
			}
		}
	})
	t.Run("replicas, each by its own URL", func(t *testing.T) {
		f := priced(server.URL, setting, "")
		f["gputally.yaml"] = strings.Replace(f["gputally.yaml"], "url: \""+server.URL+"\"", "replicas: [\""+server.URL+"\", \""+other.URL+"\"]", 1)
		out := run(t, clock, "check", "--live", "--config="+f.write(t)).succeeds(t)
		for _, part := range []string{"prometheus " + server.URL + ": version ", "prometheus " + other.URL + ": version "} {
			if !strings.Contains(out, part) {
				t.Errorf("%q is not in\n%s", part, out)
			}
		}
	})
	t.Run("replicas behind one URL", func(t *testing.T) {
		got := run(t, clock, "check", "--live", "--config="+priced(inTurns(t, server.URL, other.URL), setting, "").write(t))
		got.want(t, reporter.ExitNotReady, "1 of the checks")
		if !strings.Contains(got.stdout, "BAD   prometheus: the same question is answered in turns by replicas") ||
			!strings.Contains(got.stdout, "name each of them under prometheus.replicas") {
			t.Errorf("it says\n%s", got.stdout)
		}
	})
	t.Run("a Prometheus that has no collectors", func(t *testing.T) {
		f := priced(server.URL, setting, "")
		f["gputally.yaml"] = strings.Replace(f["gputally.yaml"], "timeout:", "selector: {job: node-exporter}, timeout:", 1)
		got := run(t, clock, "check", "--live", "--config="+f.write(t))
		got.want(t, reporter.ExitNotReady, "1 of the checks")
		if !strings.Contains(got.stdout, "BAD   prometheus: no samples in the last ten minutes of gputally_device_info, ") ||
			!strings.Contains(got.stdout, "does prometheus.selector fit?") {
			t.Errorf("it says\n%s", got.stdout)
		}
	})
}

// inTurns is a server that hands each request to the next of several.
func inTurns(t *testing.T, urls ...string) string {
	t.Helper()
	var proxies []*httputil.ReverseProxy
	for _, text := range urls {
		u, err := url.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		proxies = append(proxies, httputil.NewSingleHostReverseProxy(u))
	}
	var turn atomic.Int64
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		proxies[int(turn.Add(1))%len(proxies)].ServeHTTP(w, r)
	}))
	t.Cleanup(s.Close)
	return s.URL
}

// startPrometheus runs a server for one test.
func startPrometheus(t *testing.T, cfg promserver.Config) *promserver.Server {
	t.Helper()
	server, err := promserver.Start(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Stop(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	return server
}
