package serve_test

import (
	"bufio"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"os"
	"os/exec"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gputally/gputally/reporter/bucket/mem"
	"github.com/gputally/gputally/reporter/reporting"
	"github.com/gputally/gputally/reporter/serve"
	"github.com/gputally/gputally/reporter/window"
)

// The service that is asked has this many clusters and schedules, and that many
// clients ask it at one time, each so often.
const (
	benchClusters  = 5
	benchSchedules = 200
	benchClients   = 200
	benchRequests  = 30
)

// benchServer says in the environment of this test what it is to serve as.
const benchServer = "GPUTALLY_BENCH_SERVER"

// BenchmarkClients has clients ask for the status page and the metrics at one time:
// of the service as it is, and in turn of a plain server with the same page and the
// same metrics, without limits, in which each request is answered by itself. Both
// are processes of their own, whose memory is the highest resident set while they
// were asked. Clients share the machine with them.
func BenchmarkClients(b *testing.B) {
	if as := os.Getenv(benchServer); as != "" {
		serveBenchmark(b, as)
		return
	}
	all := map[string]*answers{"ours": {}, "plain": {}}
	for b.Loop() {
		for _, as := range []string{"plain", "ours"} {
			all[as].ask(b, as)
		}
	}
	for as, a := range all {
		b.ReportMetric(a.quantile(0.5), as+"-p50-ms")
		b.ReportMetric(a.quantile(0.99), as+"-p99-ms")
		b.ReportMetric(a.memory, as+"-MiB")
		b.ReportMetric(100*float64(a.refused)/float64(a.refused+len(a.took)), as+"-%refused")
	}
	b.ReportMetric(all["ours"].quantile(0.99)/all["plain"].quantile(0.99), "×p99")
	b.ReportMetric(all["ours"].memory/all["plain"].memory, "×memory")
}

// answers are what clients got of one server.
type answers struct {
	mu      sync.Mutex
	took    []float64 // ms, of requests that were answered
	refused int       // with status 503
	memory  float64   // MiB
}

func (a *answers) quantile(q float64) float64 {
	slices.Sort(a.took)
	return a.took[int(math.Ceil(q*float64(len(a.took))))-1]
}

// ask starts a server, has all clients ask it, and ends it.
func (a *answers) ask(b *testing.B, as string) {
	b.Helper()
	cmd := exec.CommandContext(b.Context(), os.Args[0], "-test.run=^$", "-test.bench=^BenchmarkClients$", "-test.benchtime=1x")
	cmd.Env = append(os.Environ(), benchServer+"="+as)
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	defer func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }()
	url := ""
	for lines := bufio.NewScanner(out); url == "" && lines.Scan(); {
		if _, at, found := strings.Cut(lines.Text(), "listens on "); found {
			url = "http://" + at
		}
	}
	var clients sync.WaitGroup
	for i := range benchClients {
		clients.Go(func() {
			client := &http.Client{Transport: &http.Transport{DisableCompression: true}}
			defer client.CloseIdleConnections()
			for n := range benchRequests {
				if err := a.get(client, url+[]string{"/", "/metrics"}[(i+n)%2]); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	clients.Wait()
	a.memory = max(a.memory, highest(b, cmd.Process.Pid))
}

func (a *answers) get(client *http.Client, url string) error {
	req, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	req.Header.Set("Accept-Encoding", "gzip") // as Prometheus and browsers do
	began := time.Now()
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		return err
	}
	took := float64(time.Since(began)) / float64(time.Millisecond)
	a.mu.Lock()
	defer a.mu.Unlock()
	switch resp.StatusCode {
	case http.StatusOK:
		a.took = append(a.took, took)
	case http.StatusServiceUnavailable:
		a.refused++
	default:
		return fmt.Errorf("%s: %s", url, resp.Status)
	}
	return nil
}

// highest is the highest resident set of a process since it began to listen, in MiB.
func highest(b *testing.B, pid int) float64 {
	b.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		b.Fatal(err)
	}
	_, after, _ := strings.Cut(string(status), "VmHWM:")
	kib, err := strconv.ParseFloat(strings.Fields(after)[0], 64)
	if err != nil {
		b.Fatal(err)
	}
	return kib / 1024
}

// serveBenchmark is the process of a server that has done its work once. It says
// where it listens, and serves until it is killed.
func serveBenchmark(b *testing.B, as string) {
	now := instant("2026-11-20T02:11:00Z")
	var clusters []source
	for i := range benchClusters {
		clusters = append(clusters, source{cluster: fmt.Sprintf("cluster-%d", i), from: instant("2026-11-19T00:00:00Z")})
	}
	r := replicaOf(b, mem.New(func() time.Time { return now }), now, func(c *serve.Config, _ *reporting.Config) {
		c.Schedules = nil
		for i := range benchSchedules {
			c.Schedules = append(c.Schedules, daily(b, fmt.Sprintf("schedule-%03d", i)))
		}
	}, clusters)
	for _, of := range r.hours {
		for hour := range (window.Window{From: instant("2026-11-19T00:00:00Z"), To: instant("2026-11-20T01:00:00Z")}).Hours() {
			if _, err := of.Close(b.Context(), hour); err != nil {
				b.Fatal(err)
			}
		}
	}
	r.server.Round(b.Context())
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	server := r.server.HTTPServer()
	if as == "plain" {
		server = &http.Server{Handler: r.server.Plain()} // it is to have no limits
	}
	debug.FreeOSMemory()
	if err := os.WriteFile("/proc/self/clear_refs", []byte("5"), 0); err != nil { // the highest resident set begins again
		b.Fatal(err)
	}
	fmt.Printf("\nlistens on %s\n", listener.Addr())
	b.Error(server.Serve(listener))
}
