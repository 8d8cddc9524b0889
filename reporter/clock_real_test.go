//go:build real

package reporter_test

import (
	"bytes"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gputally/gputally/internal/faultproxy"
	"github.com/gputally/gputally/reporter"
)

// This machine's clock is set forward and back while serve runs; Prometheus' is
// right. No hour is closed before it is over, no report is made twice, and no task
// hangs or begins again and again.
func TestTheClockIsSetWhileServeRuns(t *testing.T) {
	t.Parallel()
	right, own := &clock{}, &clock{} // of Prometheus, and of this machine
	p, err := faultproxy.Start(shared.prometheus.URL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	p.Set(faultproxy.Fault{Play: faultproxy.Change(func(resp *http.Response, body []byte) []byte {
		resp.Header.Set("Date", right.now().UTC().Format(http.TimeFormat))
		return body
	})})
	dir, setting := folder(t)
	b := openFolder(t, dir)
	f := priced(p.URL, setting, "schedules: schedules.yaml\nminimum_coverage: 0.98\n")
	f["schedules.yaml"] = hourly
	config := "--config=" + f.write(t)
	opts := reporter.Options{Now: own.now, CompareClocks: true}
	made := []string{"2026-11-02T23 1 Ready", "2026-11-03T00 1 Ready", "2026-11-03T01 1 Ready"}

	right.set("2026-11-03T02:25:00Z")
	own.set("2026-11-03T02:25:00Z")
	s := serveAs(t, own, opts, config)
	s.eventually(t, "the reports", func() bool { return len(states(t, b, "hourly")) == len(made) })
	s.ticks(t)
	before := content(t, dir)

	same := func(t *testing.T, s *serving) {
		t.Helper()
		s.ticks(t)
		s.calm(t)
		if status, text := s.get(t, "/healthz"); status != http.StatusOK {
			t.Errorf("/healthz: %d %s", status, text)
		}
		if diff := cmp.Diff(made, states(t, b, "hourly")); diff != "" {
			t.Errorf("reports (-want +got)\n%s", diff)
		}
		if diff := cmp.Diff(before, content(t, dir)); diff != "" {
			t.Errorf("objects (-before +after)\n%s", diff)
		}
	}
	for _, step := range []struct{ what, to string }{
		{"forward an hour", "2026-11-03T03:25:00Z"},
		{"forward three hours", "2026-11-03T05:25:00Z"},
		{"back, right", "2026-11-03T02:30:00Z"},
		{"back an hour", "2026-11-03T01:30:00Z"},
		{"back before the last close", "2026-11-02T23:30:00Z"},
		{"forward again", "2026-11-03T03:25:00Z"},
	} {
		t.Run(step.what, func(t *testing.T) { own.set(step.to); same(t, s) })
	}
	if text := s.log.String(); !strings.Contains(text, "This machine's clock is ahead of the metrics server's") {
		t.Errorf("the log does not say that the clock is ahead:\n%s", text)
	}
	s.ends(t)

	t.Run("a process that starts while it is ahead", func(t *testing.T) {
		s := serveAs(t, own, opts, config)
		s.eventually(t, "the hour is read", func() bool { return strings.Contains(s.log.String(), "2026-11-03T02:00:00Z") })
		same(t, s)
		s.ends(t)
	})
	t.Run("a command", func(t *testing.T) {
		var stdout, stderr bytes.Buffer
		err := reporter.Run(t.Context(), []string{"close", config}, &stdout, &stderr, opts)
		if code := reporter.ExitCode(err); code != reporter.ExitSource || !strings.Contains(err.Error(), "the hour has not settled; set this machine's clock") {
			t.Errorf("exit code %d: %v", code, err)
		}
		if diff := cmp.Diff(before, content(t, dir)); diff != "" {
			t.Errorf("objects (-before +after)\n%s", diff)
		}
	})
	t.Run("one of two replicas has a clock that is behind", func(t *testing.T) {
		_, setting := folder(t)
		f := priced(p.URL, setting, "")
		f["gputally.yaml"] = strings.Replace(f["gputally.yaml"], "url: \""+p.URL+"\"", "replicas: [\""+p.URL+"\", \""+shared.prometheus.URL+"\"]", 1)
		var stdout, stderr bytes.Buffer
		err := reporter.Run(t.Context(), []string{"close", "--from=2026-11-03T00:00:00Z", "--config=" + f.write(t)}, &stdout, &stderr, opts)
		if err != nil || !strings.Contains(stdout.String(), "Closed 3 hours") {
			t.Errorf("%v\n%s%s", err, &stdout, &stderr)
		}
		if said := strings.Count(stderr.String(), "This machine's clock is ahead"); said > 1 {
			t.Errorf("it says %d times that the clock is ahead", said)
		}
	})
	t.Run("both are right an hour later", func(t *testing.T) {
		right.set("2026-11-03T03:25:00Z")
		own.set("2026-11-03T03:25:00Z")
		s := serveAs(t, own, opts, config)
		made = append(made, "2026-11-03T02 1 Ready")
		s.eventually(t, "the next report", func() bool { return len(states(t, b, "hourly")) == len(made) })
		s.ticks(t)
		if diff := cmp.Diff(made, states(t, b, "hourly")); diff != "" {
			t.Errorf("reports (-want +got)\n%s", diff)
		}
		s.ends(t)
	})
}

// calm fails the test if tasks begin although nothing is due.
func (s *serving) calm(t *testing.T) {
	t.Helper()
	runs := func() (n float64) {
		for name, v := range s.metrics(t) {
			if strings.HasPrefix(name, "gputally_reporter_task_runs_total{") {
				n += v
			}
		}
		return n
	}
	before := runs()
	at := float64(s.clock.unix.Add(1))
	s.eventually(t, "another look for tasks", func() bool { return s.metrics(t)["gputally_reporter_last_tick_timestamp_seconds"] == at })
	if more := runs() - before; more > 1 {
		t.Errorf("%v tasks begin within a second", more)
	}
}
