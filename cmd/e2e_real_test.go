//go:build real

package cmd_test

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gputally/gputally/collector/device"
	"github.com/gputally/gputally/internal/collectortest"
	"github.com/gputally/gputally/internal/promserver"
	"github.com/gputally/gputally/internal/simulate"
	"github.com/gputally/gputally/internal/simulate/history"
	"github.com/gputally/gputally/reporter/index"
	"github.com/gputally/gputally/reporter/ledger"
	"github.com/gputally/gputally/reporter/window"
)

// Real parts at every border: the driver's library through dlopen, a kubelet's
// gRPC socket, both binaries, Prometheus, and an S3 server. The Prometheus
// begins with the history of another node, so that an hour is there that can be
// closed, and scrapes the live one.
func TestFromTheDriverToAReportInS3(t *testing.T) {
	t.Parallel()
	bin := t.TempDir()
	if err := collectortest.Build(bin, "gputally-collector", "gputally-reporter"); err != nil {
		t.Fatal(err)
	}
	old := window.Hour(time.Now().UTC().Truncate(time.Hour).Add(-2 * time.Hour))
	dir := t.TempDir()
	writePast(t, promserver.DataDir(dir), old)
	live := newLiveNode(t, filepath.Join(bin, "gputally-collector"))
	server, err := promserver.Start(t.Context(), promserver.Config{Dir: dir, YAML: fmt.Sprintf(
		"global: {scrape_interval: 1s, scrape_timeout: 1s}\nscrape_configs:\n- job_name: gputally-collector\n  static_configs: [{targets: [%q]}]\n", live.collector.Address)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Stop(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	books := newBooks(t, filepath.Join(bin, "gputally-reporter"), server.URL)
	live.play(t, server.URL)

	t.Run("check --live is content", func(t *testing.T) {
		out := books.run(t, "check", "--live")
		if strings.Contains(out, "BAD") || !strings.Contains(out, "families found") || !strings.Contains(out, "collectors are scraped every") {
			t.Errorf("it says:\n%s", out)
		}
	})
	t.Run("the preview of the open hour shows what the collector counted", func(t *testing.T) { previewed(t, books, live) })
	t.Run("an hour is closed once", func(t *testing.T) { closed(t, books, old) })
	t.Run("the report of the closed hour shows what was held", func(t *testing.T) { reported(t, books, old) })
	t.Run("quota is counted over the closed hour", func(t *testing.T) { tallied(t, books, old) })
}

// writePast writes the history of a node of two GPUs around an hour. In the
// hour its pods hold 2400, 750, 1500 and 6 GPU-seconds.
func writePast(t *testing.T, dir string, hour window.Window) {
	t.Helper()
	hold := func(namespace, pod string, gpu, milli int, from, to time.Duration) simulate.Hold {
		return simulate.Hold{
			Holder: device.Holder{Namespace: namespace, Pod: pod, PodUID: "uid-" + pod, Container: "main"},
			GPU:    gpu, Milli: milli, From: hour.From.Add(from), To: hour.From.Add(to),
		}
	}
	node := &simulate.Node{
		Name: "past",
		GPUs: []simulate.GPU{simulate.NewGPU("GPU-past-0", "NVIDIA H200"), simulate.NewGPU("GPU-past-1", "NVIDIA H200")},
		Holds: []simulate.Hold{
			hold("vision-train", "past-train", 0, 1000, -5*time.Minute, 40*time.Minute),
			hold("search", "past-small", 1, 250, 10*time.Minute, 70*time.Minute),
			hold("search", "past-large", 1, 500, 10*time.Minute, 70*time.Minute),
			hold("vision-ci", "past-probe", 0, 1000, 45*time.Minute, 45*time.Minute+6*time.Second),
		},
	}
	begin := hour.From.Add(-15 * time.Minute)
	target, err := history.NewTarget(node, history.Labels{Job: "gputally-collector", Instance: "past"}, begin, history.Timing{}, 1)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := history.Write(t.Context(), history.Config{Dir: dir, From: begin, To: hour.To.Add(15 * time.Minute)}, []*history.Target{target}); err != nil {
		t.Fatal(err)
	}
}

// previewed reports the hours of the live node up to now.
func previewed(t *testing.T, b *books, n *liveNode) {
	const lag = 2.0 // s: scrapes come every second, and a preview ends at a whole one
	from := n.started.UTC().Truncate(time.Hour)
	to := time.Now().UTC().Truncate(time.Hour).Add(time.Hour)
	before := n.allocated(t)
	b.run(t, "report", "--preview", "--name=preview", "--by=project,pod",
		"--period="+from.Format(time.RFC3339)+"/"+to.Format(time.RFC3339))
	after, until := n.allocated(t), time.Now()

	r := b.report(t, "preview")
	if !r.manifest.Provisional {
		t.Error("a preview must be provisional")
	}
	r.consistent(t)
	want := [][]string{
		{"allocated", "search", "prod", "search", "large", "uid-large"},
		{"allocated", "search", "prod", "search", "small", "uid-small"},
		{"allocated", "vision", "prod", "vision-ci", "probe", "uid-probe"},
		{"allocated", "vision", "prod", "vision-train", "train", "uid-train"},
		{"unallocated", "", "prod", "", "", ""},
	}
	got := r.keys("state", "project", "cluster", "namespace", "pod", "pod_uid")
	if diff := cmp.Diff(want, got[:min(len(want), len(got))]); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
	for pod, least := range before {
		row := r.row(t, "pod", pod)
		if s := row.number(t, "gpu_seconds"); s < least-lag || s > after[pod]+0.001 {
			t.Errorf("%s held %.3f GPU-seconds; the collector said %.3f before and %.3f after", pod, s, least, after[pod])
		}
		row.costs(t)
	}
	if len(before) != 4 {
		t.Errorf("the collector shows %d containers, want 4", len(before))
	}
	train, small, large := r.row(t, "pod", "train"), r.row(t, "pod", "small"), r.row(t, "pod", "large")
	if a, b := small.number(t, "gpu_seconds"), large.number(t, "gpu_seconds"); math.Abs(2*a-b) > 0.003 {
		t.Errorf("one slot held %.3f GPU-seconds and two %.3f", a, b)
	}
	// Both were there from the first poll to the last.
	if a, b := train.number(t, "gpu_seconds"), large.number(t, "gpu_seconds"); math.Abs(a-2*b) > 0.003 {
		t.Errorf("the whole GPU was held %.3f s, half of the other %.3f", a, b)
	}
	if a, b := after["probe"], r.row(t, "pod", "probe").number(t, "gpu_seconds"); math.Abs(a-b) > 0.003 {
		t.Errorf("the pod that ended held %.3f GPU-seconds, reported are %.3f", a, b)
	}
	active, idle, observed := train.number(t, "active_gpu_seconds"), train.number(t, "idle_gpu_seconds"), train.number(t, "observed_gpu_seconds")
	if active < 0.5 || idle < 1 || math.Abs(2*active+idle-observed) > 0.003 {
		t.Errorf("half busy for %.3f GPU-seconds and idle for %.3f of %.3f", active, idle, observed)
	}
	if got := train["energy_kwh"]; got != "0.000200" {
		t.Errorf("energy %s kWh, want 0.000200", got)
	}
	fleet := 3 * until.Sub(n.started).Seconds()
	if sum := r.sum(t, "gpu_seconds"); sum > fleet || sum < 3*train.number(t, "gpu_seconds")-0.01 {
		t.Errorf("the states sum to %.3f GPU-seconds; 3 GPUs were there for less than %.3f", sum, fleet)
	}
}

// closed closes the hour of the past, and tries to again.
func closed(t *testing.T, b *books, hour window.Window) {
	args := []string{"close", "--from=" + hour.From.Format(time.RFC3339), "--to=" + hour.To.Format(time.RFC3339)}
	if out := b.run(t, args...); !strings.HasPrefix(out, "Closed 1 hour") {
		t.Errorf("it says:\n%s", out)
	}
	records, err := index.New(b.bucket, index.Config{}).Hours(t.Context(), "prod", hour)
	if err != nil || len(records) != 1 {
		t.Fatalf("the index has %d records of the hour: %v", len(records), err)
	}
	object := b.read(t, ledger.Key("prod", hour))
	if r := records[0]; r.Key != ledger.Key("prod", hour) || r.SHA256 != sum(object) || r.Size != int64(len(object)) || r.Revision != 1 {
		t.Errorf("the index does not describe the ledger's object: %+v", r)
	}
	if out := b.run(t, args...); !strings.HasPrefix(out, "No hour to close from ") {
		t.Errorf("the second time it says:\n%s", out)
	}
}

// reported makes the report of the closed hour, and makes it again.
func reported(t *testing.T, b *books, hour window.Window) {
	args := []string{"report", "--name=pods", "--by=project,pod", "--period=" + hour.From.Format("2006-01-02T15")}
	out := b.run(t, args...)
	r := b.report(t, "pods")
	if !strings.Contains(out, "Published "+r.prefix+"report.csv") {
		t.Errorf("it says:\n%s", out)
	}
	if m := r.manifest; m.Provisional || m.Coverage.Ratio.String() != "1.000000" || m.Coverage.HoursClosed != 1 || m.Currency != "EUR" {
		t.Errorf("manifest: %+v", m)
	}
	r.consistent(t)
	const rounding = 1.1 // s: a pod is seen up to a second late at both ends
	held := map[string]float64{"past-train": 2400, "past-small": 750, "past-large": 1500, "past-probe": 6}
	for pod, want := range held {
		row := r.row(t, "pod", pod)
		if got := row.number(t, "gpu_seconds"); math.Abs(got-want) > rounding {
			t.Errorf("%s held %.3f GPU-seconds, want %.0f", pod, got, want)
		}
		row.costs(t)
	}
	if got := r.row(t, "state", "unallocated").number(t, "gpu_seconds"); math.Abs(got-2544) > 3*rounding {
		t.Errorf("unallocated are %.3f GPU-seconds, want 2544", got)
	}
	if got := r.sum(t, "gpu_seconds"); math.Abs(got-7200) > 0.01 {
		t.Errorf("the states of two GPUs sum to %.3f in an hour", got)
	}
	if len(r.rows) != len(held)+1 {
		t.Errorf("there are %d rows, want %d", len(r.rows), len(held)+1)
	}
	b.run(t, args...)
	if again := b.report(t, "pods"); again.prefix != r.prefix || !bytes.Equal(again.csv, r.csv) {
		t.Errorf("the same report is at %s and at %s", r.prefix, again.prefix)
	}
}

// tallied compares the closed hour with the quotas.
func tallied(t *testing.T, b *books, hour window.Window) {
	b.run(t, "report", "--name=quota", "--by=project", "--period="+hour.From.Format("2006-01-02T15"))
	r := b.report(t, "quota")
	r.consistent(t)
	for project, want := range map[string]struct{ deserved, over float64 }{
		"vision": {1800, 1203}, // half of what it held, for it had but one GPU at a time
		"search": {3600, 0},
	} {
		row := r.row(t, "project", project)
		if got := row.number(t, "deserved_gpu_seconds"); got != want.deserved {
			t.Errorf("%s deserved %.3f GPU-seconds, want %.0f", project, got, want.deserved)
		}
		if got := row.number(t, "over_quota_gpu_seconds"); math.Abs(got-want.over) > 1.1 {
			t.Errorf("%s was over quota by %.3f GPU-seconds, want %.0f", project, got, want.over)
		}
	}
}
