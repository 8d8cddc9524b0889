package reporter_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gputally/gputally/reporter"
	"github.com/gputally/gputally/reporter/bucket"
	"github.com/gputally/gputally/reporter/ledger"
	"github.com/gputally/gputally/reporter/window"
)

// clock is set by the test.
type clock struct{ unix atomic.Int64 }

func (c *clock) set(text string) { c.unix.Store(instant(text).Unix()) }
func (c *clock) now() time.Time  { return time.Unix(c.unix.Load(), 0) }

// log is written by the server and read by the test.
type log struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// serving is a running gputally-reporter serve.
type serving struct {
	url   string
	clock *clock
	log   *log
	stop  context.CancelFunc
	done  chan error
}

func serve(t *testing.T, c *clock, config string) *serving {
	t.Helper()
	address := strings.TrimPrefix(closedPort(t), "http://")
	ctx, stop := context.WithCancel(t.Context())
	s := &serving{url: "http://" + address, clock: c, log: &log{}, stop: stop, done: make(chan error, 1)}
	go func() {
		s.done <- reporter.Run(ctx, []string{"serve", "--tick=1s", "--web.listen-address=" + address, config},
			io.Discard, s.log, reporter.Options{Now: c.now})
	}()
	t.Cleanup(stop)
	return s
}

// ends stops the server as a signal does, and says how it ended.
func (s *serving) ends(t *testing.T) {
	t.Helper()
	s.stop()
	select {
	case err := <-s.done:
		if reporter.ExitCode(err) != reporter.ExitOK {
			t.Errorf("it ended with %v\n%s", err, s.log)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("it does not end")
	}
}

// eventually waits for a condition, and shows the log if it does not come.
func (s *serving) eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for !holds() {
		select {
		case err := <-s.done:
			t.Fatalf("the server ended: %v\n%s", err, s.log)
		case <-time.After(20 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			t.Fatalf("never: %s\n%s", what, s.log)
		}
	}
}

func (s *serving) get(t *testing.T, path string) (status int, body string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.url+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, ""
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, ""
	}
	return resp.StatusCode, string(data)
}

// metrics are the samples of /metrics, by name with labels.
func (s *serving) metrics(t *testing.T) map[string]float64 {
	t.Helper()
	_, text := s.get(t, "/metrics")
	all := map[string]float64{}
	for line := range strings.Lines(text) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), "} ")
		if name += "}"; !strings.Contains(line, "{") {
			name, value, _ = strings.Cut(strings.TrimSpace(line), " ")
		}
		if v, err := strconv.ParseFloat(value, 64); err == nil && !strings.HasPrefix(line, "#") {
			all[name] = v
		}
	}
	return all
}

// ticks waits until all tasks have run that are due now.
func (s *serving) ticks(t *testing.T) {
	t.Helper()
	for range 2 {
		at := float64(s.clock.unix.Add(1))
		s.eventually(t, "all tasks have run", func() bool {
			all := s.metrics(t)
			for name, v := range all {
				runs := strings.HasPrefix(name, "gputally_reporter_task_running{") && v != 0
				isDue := strings.HasPrefix(name, "gputally_reporter_task_next_timestamp_seconds{") && v <= at
				if runs || isDue {
					return false
				}
			}
			return all["gputally_reporter_last_tick_timestamp_seconds"] == at
		})
	}
}

const daily = `schedules:
  - {name: daily, cron: "0 6 * * *", time_zone: UTC, period: day, group_by: [namespace]}
`

// states are those of a report's revisions.
func states(t *testing.T, b bucket.Bucket, name string) []string {
	t.Helper()
	var all []string
	for _, r := range indexed(t, b, name) {
		all = append(all, fmt.Sprintf("%s %d %s", r.PeriodKey, r.Revision, r.State))
	}
	return all
}

// The price is missing, and there when the process is restarted.
func TestServeMakesAFailedReportAgainWhenItStarts(t *testing.T) {
	t.Parallel()
	dir, setting := folder(t)
	b := openFolder(t, dir)
	closeDay(t, b, "NVIDIA B300")
	f := files{
		"gputally.yaml": mainFile(closedPort(t), setting) + "prices: prices.yaml\nschedules: schedules.yaml\n",
		"prices.yaml":   prices, "schedules.yaml": daily,
	}
	config := "--config=" + f.write(t)
	run(t, now, "index", "rebuild", config).succeeds(t)
	c := &clock{}
	c.set("2026-11-20T12:00:00Z")

	want := []string{day + " 1 Failed"}
	s := serve(t, c, config)
	s.eventually(t, "the report", func() bool { return len(states(t, b, "daily")) == 1 })
	s.ticks(t)
	s.ends(t)
	if diff := cmp.Diff(want, states(t, b, "daily")); diff != "" {
		t.Errorf("reports (-want +got)\n%s", diff)
	}
	if text := s.log.String(); !strings.Contains(text, "A scheduled report is Failed") || !strings.Contains(text, "NVIDIA B300") {
		t.Errorf("the log is\n%s", text)
	}

	f["prices.yaml"] = strings.Replace(prices, "H200", "B300", 1)
	s = serve(t, c, "--config="+f.write(t))
	s.eventually(t, "the repaired report", func() bool { return len(states(t, b, "daily")) == 2 })
	s.ticks(t)
	s.ends(t)
	if diff := cmp.Diff(append(want, day+" 2 Ready"), states(t, b, "daily")); diff != "" {
		t.Errorf("reports (-want +got)\n%s", diff)
	}
}

// An hour has no samples, and another replica closes it after all.
func TestServeMakesAFailedReportAgainWhenItsHourComesIn(t *testing.T) {
	t.Parallel()
	dir, setting := folder(t)
	b := openFolder(t, dir)
	closeDay(t, b, "NVIDIA H200")
	hole := window.Hour(instant(day + "T20:00:00Z"))
	if err := b.Delete(t.Context(), ledger.Key("eu-1", hole), bucket.Condition{}); err != nil {
		t.Fatal(err)
	}
	config := "--config=" + files{
		"gputally.yaml":  mainFile(emptyPrometheus(t), setting) + "schedules: schedules.yaml\n",
		"schedules.yaml": daily,
	}.write(t)
	run(t, now, "index", "rebuild", config).succeeds(t)
	c := &clock{}
	c.set("2026-11-20T12:00:00Z")

	s := serve(t, c, config)
	s.eventually(t, "the report", func() bool { return len(states(t, b, "daily")) == 1 })
	s.ticks(t)
	const hours = `gputally_project_month_to_date_gpu_hours{department="(none)",project="(none)"}`
	if v := s.metrics(t)[hours]; v != 11.5 {
		t.Errorf("%v GPU-hours in the month, want those of 23 hours", v)
	}
	put(t, b, usageOf(hole, "NVIDIA H200", 30))
	s.ticks(t)
	if diff := cmp.Diff([]string{day + " 1 Failed"}, states(t, b, "daily")); diff != "" {
		t.Errorf("an hour without samples is tried again at once (-want +got)\n%s", diff)
	}
	c.unix.Add(int64(11 * time.Minute / time.Second))
	s.eventually(t, "the whole report", func() bool { return len(states(t, b, "daily")) == 2 })
	s.eventually(t, "the GPU-hours of all 24 hours", func() bool { return s.metrics(t)[hours] == 12 })
	s.ends(t)
	if diff := cmp.Diff([]string{day + " 1 Failed", day + " 2 Ready"}, states(t, b, "daily")); diff != "" {
		t.Errorf("reports (-want +got)\n%s", diff)
	}
	if n := strings.Count(s.log.String(), "hour="+hole.String()); n != 2 { // without samples, and closed
		t.Errorf("the log names the hour %d times:\n%s", n, s.log)
	}
}

// A command, or a process that is gone, restated hours of a report. Which did
// does not matter: the stored hours are compared.
func TestServeMakesReportsOfOtherHoursAgain(t *testing.T) {
	t.Parallel()
	dir, setting := folder(t)
	b := openFolder(t, dir)
	closeDay(t, b, "NVIDIA H200")
	config := "--config=" + files{
		"gputally.yaml":  mainFile(emptyPrometheus(t), setting) + "schedules: schedules.yaml\n",
		"schedules.yaml": daily,
	}.write(t)
	rebuild := func() { run(t, now, "index", "rebuild", config).succeeds(t) }
	rebuild()
	c := &clock{}
	c.set("2026-11-20T12:00:00Z")
	s := serve(t, c, config)
	want := []string{day + " 1 Ready"}
	is := func(what string) {
		t.Helper()
		s.eventually(t, what, func() bool { return len(states(t, b, "daily")) >= len(want) })
		s.ticks(t)
		if diff := cmp.Diff(want, states(t, b, "daily")); diff != "" {
			t.Fatalf("reports, %s (-want +got)\n%s", what, diff)
		}
	}
	is("at first")
	s.ends(t)

	noon := window.Hour(instant(day + "T12:00:00Z"))
	put(t, b, usageOf(noon, "NVIDIA H200", 40))
	rebuild()
	s = serve(t, c, config)
	want = append(want, day+" 2 Ready")
	is("when it starts")

	put(t, b, usageOf(noon, "NVIDIA H200", 50))
	rebuild()
	is("later that day")
	c.set("2026-11-21T00:30:00Z")
	want = append(want, day+" 3 Ready")
	is("in the night")
	s.ends(t)

	for _, key := range append(keys(snapshot(t, b), "ledger/daily/", ""), ledger.Key("eu-1", noon)) {
		if err := b.Delete(t.Context(), key, bucket.Condition{}); err != nil {
			t.Fatal(err)
		}
	}
	rebuild()
	s = serve(t, c, config)
	is("when an hour is gone")
	s.ends(t)
}

func TestServeOnAPortThatIsTaken(t *testing.T) {
	t.Parallel()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, setting := folder(t)
	config := "--config=" + files{"gputally.yaml": mainFile(closedPort(t), setting)}.write(t)
	run(t, now, "serve", "--web.listen-address="+l.Addr().String(), config).
		want(t, reporter.ExitFailure, l.Addr().String(), "address already in use")
}
