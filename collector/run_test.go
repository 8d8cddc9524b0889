package collector_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/gputally/gputally/collector"
	"github.com/gputally/gputally/internal/child"
	"github.com/gputally/gputally/internal/collectortest"
)

// bare are the flags of a collector that finds neither a driver nor a kubelet.
func bare() []string {
	return []string{"--attribution=none", "--nvml.library=/none/libnvidia-ml.so.1", "--web.listen-address=127.0.0.1:0"}
}

// running is a collector in this process.
type running struct {
	addresses []string // host and port
	log       *collectortest.Log
	stop      func() error // returns what Run does
}

// run runs a collector until the test ends and returns when it listens.
func run(t *testing.T, args ...string) *running {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	r := &running{log: &collectortest.Log{}}
	listening, ended := make(chan string), make(chan error, 1)
	go func() {
		ended <- collector.Run(ctx, append(bare(), args...), io.Discard, r.log, collector.Options{
			Now: time.Now, OnListen: func(address string) { listening <- address },
		})
	}()
	r.stop = func() error {
		cancel()
		err := <-ended
		ended <- err // for the next call
		return err
	}
	t.Cleanup(func() {
		if err := r.stop(); err != nil {
			t.Errorf("it ended with %v", err)
		}
	})
	for range 1 + strings.Count(strings.Join(args, " "), "--web.listen-address=") {
		select {
		case address := <-listening:
			r.addresses = append(r.addresses, address)
		case err := <-ended:
			ended <- err
			t.Fatalf("it ended with %v:\n%s", err, r.log)
		}
	}
	return r
}

// get returns status and body of a page.
func (r *running) get(t *testing.T, path string) (int, string) {
	t.Helper()
	answer, err := http.Get("http://" + r.addresses[0] + path)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, string(body)
}

func TestHelpAndVersionGoToStandardOutput(t *testing.T) {
	t.Parallel()
	for arg, want := range map[string]string{
		"--help":    `(?s)^usage: gputally-collector .*--meter\.interval=1s .*--web\.listen-address=:9835 .*--web\.telemetry-path="/metrics".*--web\.max-requests=40 .*--log\.level=info.*--\[?no-?\]?version`,
		"-h":        `^usage: gputally-collector `,
		"--version": `^gputally-collector, version `,
	} {
		var stdout, stderr bytes.Buffer
		err := collector.Run(t.Context(), []string{arg}, &stdout, &stderr, collector.Options{Now: time.Now})
		if err != nil || stderr.Len() > 0 || !regexp.MustCompile(want).MatchString(stdout.String()) {
			t.Errorf("%s: %v\n%s%s", arg, err, stdout.String(), stderr.String())
		}
		if n := strings.Count(stdout.String(), "gputally-collector"); arg != "--help" && n != 1 {
			t.Errorf("%s: it says %d times who it is", arg, n)
		}
	}
}

func TestThePagesOfTheServer(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		args   []string
		shows  map[string]string // by path, with status 200
		hides  string            // from /metrics or its other path
		absent []string          // paths with status 404
	}{
		"as it comes": {
			shows: map[string]string{
				"/": `href="/metrics"`, "/healthz": "ok", "/readyz": "nothing is metered yet", "/metrics": "gputally_collector_build_info{",
			},
			hides:  "/debug/pprof",
			absent: []string{"/debug/pprof/", "/other"},
		},
		"another path for the metrics": {
			args:   []string{"--web.telemetry-path=/gpus"},
			shows:  map[string]string{"/": `href="/gpus"`, "/gpus": "go_goroutines"},
			absent: []string{"/metrics"},
		},
		"the metrics at the root, without those of the process": {
			args:  []string{"--web.telemetry-path=/", "--web.disable-exporter-metrics"},
			shows: map[string]string{"/": "gputally_collector_start_time_seconds", "/healthz": "ok"},
			hides: "go_goroutines",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := run(t, tc.args...)
			for path, want := range tc.shows {
				// The first poll may still be under way.
				if err := child.Poll(t.Context(), child.Answers("http://"+r.addresses[0]+path, nil)); err != nil {
					t.Fatal(err)
				}
				if _, page := r.get(t, path); !strings.Contains(page, want) || tc.hides != "" && strings.Contains(page, tc.hides) {
					t.Errorf("%s shows\n%s\nwant %s", path, page, want)
				}
			}
			for _, path := range tc.absent {
				if status, _ := r.get(t, path); status != http.StatusNotFound {
					t.Errorf("%s: status %d", path, status)
				}
			}
		})
	}
}

func TestItListensOnEveryAddressAndSaysSo(t *testing.T) {
	t.Parallel()
	r := run(t, "--web.listen-address=127.0.0.1:0")
	for _, address := range r.addresses {
		if err := child.Answers("http://"+address+"/", nil)(t.Context()); err != nil {
			t.Error(err)
		}
		if r.log.Lines(`msg="Listening on"`, "address="+address) != 1 {
			t.Errorf("the log does not name %s:\n%s", address, r.log)
		}
	}
	if len(r.addresses) != 2 || r.log.Lines(`msg="Starting gputally-collector"`, "version=") != 1 {
		t.Errorf("it listens on %v:\n%s", r.addresses, r.log)
	}
}

func TestItEndsWithoutAnErrorWhenAsked(t *testing.T) {
	t.Parallel()
	r := run(t)
	if err := r.stop(); err != nil {
		t.Errorf("it ended with %v", err)
	}
	if conn, err := net.Dial("tcp", r.addresses[0]); err == nil {
		conn.Close()
		t.Error("it still listens")
	}
}

// asked is a request that a server is busy with.
func asked(t *testing.T, drain time.Duration) (finish func(), answer, ended chan error, log *collectortest.Log) {
	t.Helper()
	busy, done := make(chan struct{}), make(chan struct{})
	slow := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		close(busy)
		<-done
		fmt.Fprintln(w, "ok")
	})
	ctx, stop := context.WithCancel(t.Context())
	listening := make(chan string, 1)
	answer, ended, log = make(chan error, 1), make(chan error, 1), &collectortest.Log{}
	go func() { ended <- collector.Serve(ctx, slow, drain, log, func(address string) { listening <- address }) }()
	at := "http://" + <-listening
	go func() { answer <- child.Answers(at, nil)(context.Background()) }()
	<-busy
	stop()
	return func() { close(done) }, answer, ended, log
}

func TestARequestInFlightIsAnsweredAtTheEnd(t *testing.T) {
	t.Parallel()
	finish, answer, ended, log := asked(t, time.Minute)
	select {
	case err := <-ended:
		t.Errorf("it did not wait: %v", err)
	case err := <-answer:
		t.Errorf("the request ended: %v", err)
	default:
	}
	finish()
	if err := <-answer; err != nil {
		t.Errorf("the request failed: %v", err)
	}
	if err := <-ended; err != nil || log.String() == "" || log.Lines("cut off") != 0 {
		t.Errorf("it ended with %v:\n%s", err, log)
	}
}

func TestARequestThatTakesTooLongIsCutOff(t *testing.T) {
	t.Parallel()
	finish, answer, ended, log := asked(t, time.Millisecond)
	if err := <-answer; err == nil {
		t.Error("the request was answered")
	}
	if err := <-ended; err != nil || log.Lines("level=WARN", "cut off") != 1 {
		t.Errorf("it ended with %v:\n%s", err, log)
	}
	finish()
}

func TestWhatItCantStartWithIsNamed(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { taken.Close() })
	none := filepath.Join(t.TempDir(), "web.yml")
	for name, tc := range map[string]struct {
		args []string
		code int
		want []string
	}{
		"a flag that there is not":        {[]string{"--meter.intervall=1s"}, 2, []string{"--meter.intervall"}},
		"an argument":                     {[]string{"serve"}, 2, []string{"unexpected serve"}},
		"a mode that there is not":        {[]string{"--attribution=docker"}, 2, []string{"--attribution: ", "kubelet,none", "docker"}},
		"a duration that is none":         {[]string{"--nvml.timeout=long"}, 2, []string{"--nvml.timeout: ", `"long"`}},
		"a number that is none":           {[]string{"--web.max-requests=many"}, 2, []string{"--web.max-requests: ", `"many"`}},
		"a log level that there is not":   {[]string{"--log.level=loud"}, 2, []string{"--log.level: ", "loud"}},
		"a node without a name":           {[]string{"--node="}, 2, []string{"--node: ", "NODE_NAME"}},
		"a rule of claims cut short":      {[]string{"--dra.admin-access=team/[a"}, 2, []string{"--dra.admin-access: ", "team/[a"}},
		"a rule of claims too long":       {[]string{"--dra.admin-access=gpu.nvidia.com/node/gpu-0"}, 2, []string{"--dra.admin-access: ", "namespace/claim"}},
		"a pattern cut short":             {[]string{"--kubelet.resource=nvidia.com/[a"}, 2, []string{"--kubelet.resource: ", "nvidia.com/[a"}},
		"a gap shorter than two polls":    {[]string{"--meter.max-gap=1500ms"}, 2, []string{"--meter.max-gap: 1.5s", "--meter.interval (1s)"}},
		"no path for the metrics":         {[]string{"--web.telemetry-path="}, 2, []string{"--web.telemetry-path: "}},
		"a path that is a probe's":        {[]string{"--web.telemetry-path=/healthz"}, 2, []string{"--web.telemetry-path: ", "/healthz"}},
		"a path that is none":             {[]string{"--web.telemetry-path=/{metrics"}, 2, []string{"--web.telemetry-path: ", "/{metrics"}},
		"fewer requests than none":        {[]string{"--web.max-requests=-1"}, 2, []string{"--web.max-requests: -1"}},
		"several at once":                 {[]string{"--nvml.timeout=0s", "--meter.max-gap=1ms"}, 2, []string{"--nvml.timeout: 0s", "--meter.max-gap: 1ms"}},
		"a web configuration that is not": {[]string{"--web.config.file=" + none}, 1, []string{none}},
		"a port that is taken":            {[]string{"--web.listen-address=" + taken.Addr().String()}, 1, []string{taken.Addr().String(), "address already in use"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := collector.Run(t.Context(), append(bare(), tc.args...), io.Discard, io.Discard, collector.Options{Now: time.Now})
			if code := collector.ExitCode(err); code != tc.code {
				t.Errorf("exit code %d, want %d: %v", code, tc.code, err)
			}
			for _, want := range tc.want {
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("the message doesn't say %q: %v", want, err)
				}
			}
		})
	}
}
