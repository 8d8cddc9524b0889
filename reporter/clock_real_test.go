//go:build real

package reporter_test

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gputally/gputally/internal/faultproxy"
	"github.com/gputally/gputally/reporter"
)

// twoClocks are those of this machine and of a Prometheus, and the books that were
// closed before one of them was set.
type twoClocks struct {
	own, right *clock // the latter is that of Prometheus
	url        string // of that
	opts       reporter.Options
	dir        string // of the bucket
	config     string
	made       []string // reports
	before     map[string]string
}

func newTwoClocks(t *testing.T) *twoClocks {
	t.Helper()
	c := &twoClocks{own: &clock{}, right: &clock{}, made: []string{"2026-11-02T23 1 Ready", "2026-11-03T00 1 Ready", "2026-11-03T01 1 Ready"}}
	c.opts = reporter.Options{Now: c.own.now, CompareClocks: true}
	c.url = prometheusWith(t, c.right)
	var setting string
	c.dir, setting = folder(t)
	f := priced(c.url, setting, "schedules: schedules.yaml\nminimum_coverage: 0.98\n")
	f["schedules.yaml"] = hourly
	c.config = "--config=" + f.write(t)
	return c
}

// prometheusWith is the Prometheus with a clock.
func prometheusWith(t *testing.T, c *clock) (url string) {
	t.Helper()
	p, err := faultproxy.Start(shared.prometheus.URL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	p.Set(faultproxy.Fault{Play: faultproxy.Change(func(resp *http.Response, body []byte) []byte {
		resp.Header.Set("Date", c.now().UTC().Format(http.TimeFormat))
		return body
	})})
	return p.URL
}

func (c *twoClocks) reports(t *testing.T) []string {
	t.Helper()
	return states(t, openFolder(t, c.dir), "hourly")
}

// same fails the test unless all is as it was, and nothing moves.
func (c *twoClocks) same(t *testing.T, s *serving) {
	t.Helper()
	s.ticks(t)
	s.calm(t)
	if status, text := s.get(t, "/healthz"); status != http.StatusOK {
		t.Errorf("/healthz: %d %s", status, text)
	}
	if diff := cmp.Diff(c.made, c.reports(t)); diff != "" {
		t.Errorf("reports (-want +got)\n%s", diff)
	}
	c.sameObjects(t)
}

func (c *twoClocks) sameObjects(t *testing.T) {
	t.Helper()
	if diff := cmp.Diff(c.before, content(t, c.dir)); diff != "" {
		t.Errorf("objects (-before +after)\n%s", diff)
	}
}

// This machine's clock is set forward and back while serve runs; Prometheus' is
// right. No hour is closed before it is over, no report is made twice, and no task
// hangs or begins again and again.
func TestTheClockIsSetWhileServeRuns(t *testing.T) {
	t.Parallel()
	c := newTwoClocks(t)
	c.right.set("2026-11-03T02:25:00Z")
	c.own.set("2026-11-03T02:25:00Z")
	s := serveAs(t, c.own, c.opts, c.config)
	s.eventually(t, "the reports", func() bool { return len(c.reports(t)) == len(c.made) })
	s.ticks(t)
	c.before = content(t, c.dir)
	for _, step := range []struct{ what, to string }{
		{"forward an hour", "2026-11-03T03:25:00Z"},
		{"forward three hours", "2026-11-03T05:25:00Z"},
		{"back, right", "2026-11-03T02:30:00Z"},
		{"back an hour", "2026-11-03T01:30:00Z"},
		{"back before the last close", "2026-11-02T23:30:00Z"},
		{"forward again", "2026-11-03T03:25:00Z"},
	} {
		t.Run(step.what, func(t *testing.T) { c.own.set(step.to); c.same(t, s) })
	}
	if text := s.log.String(); !strings.Contains(text, "This machine's clock is ahead of the metrics server's") {
		t.Errorf("the log does not say that the clock is ahead:\n%s", text)
	}
	s.ends(t)

	t.Run("a process that starts while it is ahead", func(t *testing.T) {
		s := serveAs(t, c.own, c.opts, c.config)
		s.eventually(t, "the hour is read", func() bool { return strings.Contains(s.log.String(), "2026-11-03T02:00:00Z") })
		c.same(t, s)
		s.ends(t)
	})
	t.Run("a command", c.command)
	t.Run("one of two replicas has a clock that is behind", c.replicas)
	t.Run("both are right an hour later", func(t *testing.T) {
		c.right.set("2026-11-03T03:25:00Z")
		c.own.set("2026-11-03T03:25:00Z")
		s := serveAs(t, c.own, c.opts, c.config)
		c.made = append(c.made, "2026-11-03T02 1 Ready")
		s.eventually(t, "the next report", func() bool { return len(c.reports(t)) == len(c.made) })
		s.ticks(t)
		if diff := cmp.Diff(c.made, c.reports(t)); diff != "" {
			t.Errorf("reports (-want +got)\n%s", diff)
		}
		s.ends(t)
	})
}

func (c *twoClocks) command(t *testing.T) {
	var stdout, stderr bytes.Buffer
	err := reporter.Run(t.Context(), []string{"close", c.config}, &stdout, &stderr, c.opts)
	if code := reporter.ExitCode(err); code != reporter.ExitSource || !strings.Contains(err.Error(), "the hour has not settled; set this machine's clock") {
		t.Errorf("exit code %d: %v", code, err)
	}
	c.sameObjects(t)
}

func (c *twoClocks) replicas(t *testing.T) {
	_, setting := folder(t)
	f := priced(c.url, setting, "")
	f["gputally.yaml"] = strings.Replace(f["gputally.yaml"], fmt.Sprintf("url: %q", c.url), fmt.Sprintf("replicas: [%q, %q]", c.url, prometheusWith(t, c.own)), 1)
	var stdout, stderr bytes.Buffer
	err := reporter.Run(t.Context(), []string{"close", closeNight, "--config=" + f.write(t)}, &stdout, &stderr, c.opts)
	if err != nil || !strings.Contains(stdout.String(), "Closed 3 hours") {
		t.Errorf("%v\n%s%s", err, &stdout, &stderr)
	}
	if said := strings.Count(stderr.String(), "This machine's clock is ahead"); said > 1 {
		t.Errorf("it says %d times that the clock is ahead", said)
	}
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
