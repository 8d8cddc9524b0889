//go:build real

package main_test

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gputally/gputally/collector/device"
	"github.com/gputally/gputally/internal/collectortest"
	"github.com/gputally/gputally/internal/promserver"
	"github.com/gputally/gputally/internal/s3server"
	"github.com/gputally/gputally/internal/simulate"
	"github.com/gputally/gputally/internal/simulate/history"
	"github.com/gputally/gputally/reporter/bucket"
	"github.com/gputally/gputally/reporter/bucket/open"
	"github.com/gputally/gputally/reporter/bucket/s3"
)

// The tests of this folder run the built binary against a real Prometheus and a real
// S3 server, which they share, with a proxy that plays faults in front of one of them.
var shared struct {
	binary     string
	data       string // folder of the Prometheus
	prometheus *promserver.Server
	s3         *s3server.Server
}

// The hours that can be closed: three whole ones of today or yesterday.
var (
	begin = time.Now().UTC().Truncate(time.Hour).Add(-5 * time.Hour)
	end   = begin.Add(3 * time.Hour)
)

// atOnce is how many tests run at one time: most of them wait.
const atOnce = "8"

func TestMain(m *testing.M) {
	flag.Parse()
	if err := flag.Set("test.parallel", atOnce); err != nil {
		panic(err)
	}
	if err := withServers(m); err != nil {
		panic(err)
	}
}

func withServers(m *testing.M) error {
	dir, err := os.MkdirTemp("", "reporter-binary-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := collectortest.Build(dir, "gputally-reporter"); err != nil {
		return err
	}
	shared.binary, shared.data = filepath.Join(dir, "gputally-reporter"), filepath.Join(dir, "prometheus")
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	if err := writePast(promserver.DataDir(shared.data)); err != nil {
		return err
	}
	if shared.prometheus, err = promserver.Start(ctx, promserver.Config{Dir: shared.data}); err != nil {
		return err
	}
	defer shared.prometheus.Stop(ctx)
	if shared.s3, err = s3server.Start(ctx, filepath.Join(dir, "s3")); err != nil {
		return err
	}
	defer shared.s3.Stop()
	if err := shared.s3.CreateBucket(ctx, "books"); err != nil {
		return err
	}
	m.Run() // the testing package ends the process with its outcome
	return nil
}

// writePast writes the history of two nodes around the hours.
func writePast(dir string) error {
	from, to := begin.Add(-15*time.Minute), end.Add(15*time.Minute)
	var nodes []*simulate.Node
	for _, name := range []string{"a", "b"} {
		node := &simulate.Node{Name: "node-" + name, GPUs: []simulate.GPU{simulate.NewGPU("GPU-"+name+"0", "NVIDIA H200"), simulate.NewGPU("GPU-"+name+"1", "NVIDIA H200")}}
		for pod := range 6 {
			at := begin.Add(time.Duration(pod*27-10) * time.Minute)
			node.Holds = append(node.Holds, simulate.Hold{
				Holder: device.Holder{Namespace: "vision", Pod: fmt.Sprintf("train-%s%d", name, pod), PodUID: fmt.Sprintf("uid-%s%d", name, pod), Container: "main"},
				GPU:    pod % 2, Milli: 1000, From: at, To: at.Add(40 * time.Minute),
			})
		}
		nodes = append(nodes, node)
	}
	targets, err := history.NewTargets(nodes, from, history.Timing{})
	if err != nil {
		return err
	}
	_, err = history.Write(context.Background(), history.Config{Dir: dir, From: from, To: to}, targets)
	return err
}

// books are a folder of the bucket, and how the reporter reaches it and Prometheus.
type books struct {
	config string // path of the configuration
	bucket bucket.Bucket
}

// setup is what a configuration has of the servers.
type setup struct {
	prometheus string // URL; "": the shared one
	s3         string // endpoint; "": the shared one
	road       string // "": remote_read
	timeout    string // of both; "": short ones
	more       string // keys below prometheus, with a comma in front
	file       string // more of the file
}

var folders atomic.Int64

// newBooks makes a folder of the bucket.
func newBooks(t *testing.T, s setup) *books {
	t.Helper()
	folder := fmt.Sprintf("books-%d", folders.Add(1))
	b, err := open.Bucket(t.Context(), open.Config{
		URL: "s3://books/" + folder, Endpoint: shared.s3.Endpoint, Region: shared.s3.Region, PathStyle: true,
		Keys: s3.Keys{AccessKey: shared.s3.AccessKey, SecretKey: shared.s3.SecretKey},
	})
	if err != nil {
		t.Fatal(err)
	}
	return (&books{bucket: b}).with(t, folder, s)
}

// with writes the configuration.
func (b *books) with(t *testing.T, folder string, s setup) *books {
	t.Helper()
	or := func(value, other string) string {
		if value == "" {
			return other
		}
		return value
	}
	cluster := "cluster: eu-1\n"
	if strings.Contains(s.file, "clusters:") {
		cluster = ""
	}
	dir := t.TempDir()
	main := fmt.Sprintf("%sprometheus: {url: %q, road: %s, timeout: %s%s}\n"+
		"bucket: {url: s3://books/%s, endpoint: %q, region: %s, path_style: true, timeout: %s}\nsettle: 5m\nprices: prices.yaml\n%s",
		cluster, or(s.prometheus, shared.prometheus.URL), or(s.road, "remote_read"), or(s.timeout, "2s"), s.more,
		folder, or(s.s3, shared.s3.Endpoint), shared.s3.Region, or(s.timeout, "1s"), s.file)
	for name, text := range map[string]string{
		"gputally.yaml":  main,
		"schedules.yaml": "schedules: [{name: hourly, cron: \"20 * * * *\", time_zone: UTC, period: hour, group_by: [namespace]}]\n",
		"prices.yaml":    "currency: EUR\nrates: [{model: \"NVIDIA H200\", gpu_hour: \"3.60\"}]\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	b.config = filepath.Join(dir, "gputally.yaml")
	return b
}

// result is how the binary ended, and what it said.
type result struct {
	code        int
	stdout, log string
}

func command(ctx context.Context, config string, args ...string) (cmd *exec.Cmd, out, log *bytes.Buffer) {
	cmd = exec.CommandContext(ctx, shared.binary, append([]string{"--config=" + config}, args...)...)
	cmd.Env = append(os.Environ(), "AWS_ACCESS_KEY_ID="+shared.s3.AccessKey, "AWS_SECRET_ACCESS_KEY="+shared.s3.SecretKey,
		"AWS_CONFIG_FILE=/dev/null", "AWS_SHARED_CREDENTIALS_FILE=/dev/null", "AWS_EC2_METADATA_DISABLED=true")
	out, log = &bytes.Buffer{}, &bytes.Buffer{}
	cmd.Stdout, cmd.Stderr = out, log
	return cmd, out, log
}

func (b *books) run(t *testing.T, args ...string) result {
	t.Helper()
	cmd, out, log := command(t.Context(), b.config, args...)
	err := cmd.Run()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	r := result{cmd.ProcessState.ExitCode(), out.String(), log.String()}
	for _, secret := range []string{shared.s3.SecretKey, password} {
		if strings.Contains(r.stdout+r.log, secret) {
			t.Errorf("%v shows a secret:\n%s%s", args, r.stdout, r.log)
		}
	}
	return r
}

// password is one that servers repeat.
const password = "hunter2-hunter2"

func closes() []string {
	return []string{"close", "--from=" + begin.Format(time.RFC3339), "--to=" + end.Format(time.RFC3339)}
}

func reports() []string {
	return []string{"report", "--by=pod", "--period=" + begin.Format(time.RFC3339) + "/" + end.Format(time.RFC3339)}
}

// succeeds closes the hours and makes the report.
func (b *books) succeeds(t *testing.T) {
	t.Helper()
	for _, args := range [][]string{closes(), reports()} {
		if r := b.run(t, args...); r.code != 0 {
			t.Fatalf("%v ends with %d:\n%s%s", args, r.code, r.stdout, r.log)
		}
	}
}

// ofItsOwn are fields that differ each time: when, and by which write.
var ofItsOwn = regexp.MustCompile(`"(created_at|token)": ?"[^"]*"`)

// objects are those of ledger and reports, by key. The index has the order of the
// writes in it.
func (b *books) objects(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	for object, err := range b.bucket.List(t.Context(), "") {
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(object.Key, "index/") {
			continue
		}
		data, _, err := bucket.ReadAll(t.Context(), b.bucket, object.Key)
		if err != nil {
			t.Fatal(err)
		}
		all[object.Key] = ofItsOwn.ReplaceAllString(string(data), "")
	}
	return all
}

// undisturbed are the objects of a run without faults, by the road.
var undisturbed = struct {
	mu     sync.Mutex
	byRoad map[string]map[string]string
}{byRoad: map[string]map[string]string{}}

func expected(t *testing.T, road string) map[string]string {
	t.Helper()
	undisturbed.mu.Lock()
	defer undisturbed.mu.Unlock()
	if undisturbed.byRoad[road] == nil {
		b := newBooks(t, setup{road: road})
		b.succeeds(t)
		undisturbed.byRoad[road] = b.objects(t)
	}
	return undisturbed.byRoad[road]
}

// arePartOf fails the test unless each object is as in the run without faults.
func arePartOf(t *testing.T, got, want map[string]string) {
	t.Helper()
	for key, data := range got {
		if other, there := want[key]; !there || other != data {
			t.Errorf("%s is another one than without the fault (it is there then: %v)", key, there)
		}
	}
}

// endsWell runs all again without faults, after which nothing may differ.
func (b *books) endsWell(t *testing.T, road string) {
	t.Helper()
	b.succeeds(t)
	want, got := expected(t, road), b.objects(t)
	arePartOf(t, got, want)
	if len(got) != len(want) {
		t.Errorf("%d objects, want %d", len(got), len(want))
	}
	if r := b.run(t, "ledger", "verify"); r.code != 0 {
		t.Errorf("ledger verify ends with %d:\n%s%s", r.code, r.stdout, r.log)
	}
}
