//go:build real

package reporter_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/gputally/gputally/collector/simulate"
	"github.com/gputally/gputally/reporter"
	"github.com/gputally/gputally/reporter/prom/promserver"
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
	if err := writePast(promserver.DataDir(dir), clock.Add(-20*time.Minute), clock.Add(5*time.Minute), []*simulate.Node{node}); err != nil {
		t.Fatal(err)
	}
	server := startPrometheus(t, promserver.Config{Dir: dir})

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
