//go:build real

package demo_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gputally/gputally/cmd/gputally-demo/demo"
	"github.com/gputally/gputally/internal/child"
)

// buffer may be written and read at the same time.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

func get(t *testing.T, url string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s, %v\n%s", url, resp.Status, err, body)
	}
	return string(body)
}

// vector asks Prometheus and returns the number of series in the answer.
func vector(t *testing.T, at, expr string) int {
	t.Helper()
	var answer struct {
		Data struct{ Result []json.RawMessage }
	}
	body := get(t, "http://"+at+"/api/v1/query?query="+url.QueryEscape(expr))
	if err := json.Unmarshal([]byte(body), &answer); err != nil {
		t.Fatal(err)
	}
	return len(answer.Data.Result)
}

// eventually polls until the condition holds.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 40*time.Second)
	defer cancel()
	if err := child.Poll(ctx, child.Met(what, holds)); err != nil {
		t.Fatal(err)
	}
}

func TestDemoShowsThePipelineAndStopsCleanly(t *testing.T) {
	t.Parallel()
	// A port that somebody else has.
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	dir := filepath.Join(t.TempDir(), "demo")
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	ready, ended := make(chan demo.Addresses, 1), make(chan error, 1)
	var out buffer
	go func() {
		ended <- demo.Run(ctx, []string{
			"--dir", dir, "--days=2",
			"--prometheus.listen-address", taken.Addr().String(), "--reporter.listen-address=127.0.0.1:0",
		},
			&out, &out, demo.Options{Now: time.Now, OnReady: func(a demo.Addresses) { ready <- a }})
	}()
	var at demo.Addresses
	select {
	case at = <-ready:
	case err := <-ended:
		t.Fatalf("the demo ended: %v\n%s", err, out.String())
	}
	if at.Prometheus == taken.Addr().String() {
		t.Error("Prometheus is said to be on a port that was taken")
	}
	printed := out.String()
	for _, want := range []string{"SIMULATED", "vision", "COST EUR", "report.csv", "http://" + at.Reporter, "http://" + at.Prometheus, "Ctrl-C"} {
		if !strings.Contains(printed, want) {
			t.Errorf("the demo does not print %q:\n%s", want, printed)
		}
	}
	checkReport(t, dir, printed)
	for name, expr := range map[string]string{
		"history":                "gputally_device_seconds_total offset 1d",
		"live collectors":        `up{job="gputally-collector"} == 1`,
		"metrics of the books":   "gputally_project_allocated_gpus",
		"a quota to compare":     "gputally_project_deserved_gpus",
		"the cost of the month":  "gputally_project_month_to_date_cost",
		"counters that continue": "gputally_container_gpu_allocated_seconds_total offset 1h and gputally_container_gpu_allocated_seconds_total > 3600",
	} {
		eventually(t, "Prometheus has "+name, func() bool { return vector(t, at.Prometheus, expr) > 0 })
	}
	if page := get(t, "http://"+at.Reporter+"/"); !strings.Contains(page, "vision") || strings.Contains(page, `class="bad"`) {
		t.Errorf("status page:\n%s", page)
	}

	err = demo.Run(t.Context(), []string{"--dir", dir}, io.Discard, io.Discard, demo.Options{Now: time.Now})
	if err == nil || !strings.Contains(err.Error(), "a demo is running in") {
		t.Errorf("a second demo in the same folder: %v", err)
	}

	stop()
	select {
	case err := <-ended:
		if err != nil {
			t.Errorf("stopping: %v", err)
		}
	case <-time.After(30 * time.Second):
		t.Fatal("the demo does not stop")
	}
	if _, err := net.DialTimeout("tcp", at.Prometheus, time.Second); err == nil {
		t.Error("Prometheus still listens")
	}
}

// checkReport finds the CSV that was printed and holds the table to it.
func checkReport(t *testing.T, dir, printed string) {
	t.Helper()
	m := regexp.MustCompile(`Published (reports/\S+/report\.csv)`).FindStringSubmatch(printed)
	if m == nil {
		t.Fatalf("no path of a CSV is printed:\n%s", printed)
	}
	csv, err := os.ReadFile(filepath.Join(dir, "bucket", m[1]))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(csv), ",vision,") {
		t.Errorf("%s knows no project vision:\n%s", m[1], csv)
	}
}
