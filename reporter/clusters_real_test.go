//go:build real

package reporter_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gputally/gputally/reporter"
	"github.com/gputally/gputally/reporter/bucket"
	"github.com/gputally/gputally/reporter/index"
	"github.com/gputally/gputally/reporter/ledger"
	"github.com/gputally/gputally/reporter/usage"
	"github.com/gputally/gputally/reporter/window"
)

// night is the window of the three hours.
func night() window.Window { return window.Window{From: midnight, To: midnight.Add(3 * time.Hour)} }

// entries are what the index says of a cluster's night.
func entries(t *testing.T, b bucket.Bucket, cluster string) []index.HourRecord {
	t.Helper()
	hours, err := index.New(b, index.Config{}).Hours(t.Context(), cluster, night())
	if err != nil {
		t.Fatal(err)
	}
	return hours
}

// hoursOf reads a cluster's night from the ledger, as far as it is closed.
func hoursOf(t *testing.T, b bucket.Bucket, cluster string) []usage.Hour {
	t.Helper()
	var hours []usage.Hour
	for hour := range night().Hours() {
		h, _, err := ledger.New(b, ledger.Config{}).Hour(t.Context(), cluster, hour)
		if errors.Is(err, ledger.ErrHourMissing) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		hours = append(hours, h)
	}
	return hours
}

// twoClusters are the nodes of one Prometheus, told apart by a label.
func twoClusters(prometheus, setting string) files {
	f := priced(prometheus, setting, "")
	f["gputally.yaml"] = fmt.Sprintf(`prometheus: {url: %q, timeout: 20s, selector: {job: gputally-collector}}
clusters:
  - {name: eu-1, prometheus: {selector: {instance: node-a}}}
  - {name: eu-2, prometheus: {selector: {instance: node-b}}}
bucket: %s
prices: prices.yaml
projects: projects.yaml
`, prometheus, setting)
	return f
}

func TestTwoClustersOfOnePrometheus(t *testing.T) {
	t.Parallel()
	dir, setting := folder(t)
	b := openFolder(t, dir)
	config := "--config=" + twoClusters(shared.prometheus.URL, setting).write(t)
	out := run(t, afterThree, "close", closeNight, config).succeeds(t)
	for _, name := range []string{"eu-1", "eu-2"} {
		if !strings.Contains(out, "Closed 3 hours of cluster "+name+", 2026-11-03T00:00:00Z to 2026-11-03T03:00:00Z") {
			t.Errorf("it says %q", out)
		}
	}
	t.Run("a report of both has each GPU once", func(t *testing.T) {
		run(t, afterThree, "report", "--by=cluster", "--period="+threeHours, config).succeeds(t)
		_, m, rows := published(t, b, "by-cluster")
		conserves(t, m, rows, "32400.000")
		near(t, rows.find(t, "allocated", "cluster", "eu-1"), "gpu_seconds", 10800+3150+3295, 3)
		near(t, rows.find(t, "allocated", "cluster", "eu-2"), "gpu_seconds", 1200+150, 3)
		if diff := cmp.Diff([]string{"eu-1", "eu-2"}, m.Clusters); diff != "" || len(m.Findings) > 0 {
			t.Errorf("clusters (-want +got)\n%s\nfindings %v", diff, m.Findings)
		}
	})
	t.Run("a report of one has its own name", func(t *testing.T) {
		run(t, afterThree, "report", "--cluster=eu-2", "--period="+threeHours, config).succeeds(t)
		_, m, rows := published(t, b, "by-project-eu-2")
		conserves(t, m, rows, "10800.000")
		run(t, afterThree, "report", "--cluster=eu-3", "--period="+threeHours, config).
			want(t, reporter.ExitUsage, `--cluster: "eu-3" is none of eu-1, eu-2`)
	})
	t.Run("one of them can be closed alone", func(t *testing.T) {
		out := run(t, afterThree.Add(time.Hour), "close", "--cluster=eu-2", config).succeeds(t)
		if !strings.Contains(out, "Closed 1 hours of cluster eu-2") || strings.Contains(out, "eu-1") {
			t.Errorf("it says %q", out)
		}
	})
}

// What fails for one cluster does not keep the other's hours from being closed.
func TestAClusterThatCannotBeRead(t *testing.T) {
	t.Parallel()
	dir, setting := folder(t)
	b := openFolder(t, dir)
	f := twoClusters(shared.prometheus.URL, setting)
	gone := closedPort(t)
	f["gputally.yaml"] = strings.Replace(f["gputally.yaml"], "eu-1, prometheus: {", "eu-1, prometheus: {url: \""+gone+"\", ", 1)
	got := run(t, afterThree, "close", closeNight, "--config="+f.write(t))
	got.want(t, reporter.ExitSource, "cluster eu-1: 0 of 3 hours closed", gone, "connection refused")
	if n := len(entries(t, b, "eu-2")); n != 3 || !strings.Contains(got.stdout, "Closed 3 hours of cluster eu-2") {
		t.Errorf("%d hours of the other are closed; it says %q", n, got.stdout)
	}
}

// No configuration shows that both read the same; the hours do.
func TestOneGPUInTwoClusters(t *testing.T) {
	t.Parallel()
	dir, setting := folder(t)
	b := openFolder(t, dir)
	all := priced(shared.prometheus.URL, setting, "")
	other := priced(shared.prometheus.URL, setting, "")
	other["gputally.yaml"] = strings.Replace(other["gputally.yaml"], "eu-1", "eu-2", 1)
	run(t, afterThree, "close", closeNight, "--config="+all.write(t)).succeeds(t)
	config := "--config=" + other.write(t)
	run(t, afterThree, "close", closeNight, config).succeeds(t)
	for _, cluster := range []string{"eu-1", "eu-2"} { // neither is read for the other's closing
		for _, h := range hoursOf(t, b, cluster) {
			if len(h.Findings) != 0 {
				t.Errorf("findings of %s of cluster %s: %v", h.Window, cluster, h.Findings)
			}
		}
	}
	got := run(t, afterThree, "ledger", "verify", config)
	got.want(t, reporter.ExitLedger, "3 findings between clusters")
	if n := strings.Count(got.stdout, "BAD   duplicate: "); n != 3 || !strings.Contains(got.stdout, "clusters eu-1 and eu-2 both have GPU-a0, ") {
		t.Errorf("it found\n%s", got.stdout)
	}
}

// Serve closes what can be closed. A report over both clusters waits for the
// one that can't be read.
func TestServeOfTwoClustersOfWhichOneIsGone(t *testing.T) {
	t.Parallel()
	dir, setting := folder(t)
	b := openFolder(t, dir)
	f := twoClusters(shared.prometheus.URL, setting)
	f["schedules.yaml"] = hourly
	f["gputally.yaml"] += "schedules: schedules.yaml\nminimum_coverage: 0.5\n"
	whole := f.write(t)
	f["gputally.yaml"] = strings.Replace(f["gputally.yaml"], "eu-1, prometheus: {", "eu-1, prometheus: {url: \""+closedPort(t)+"\", ", 1)
	c := &clock{}
	c.set("2026-11-03T01:25:00Z")
	s := serve(t, c, "--config="+f.write(t))
	closed := func(cluster string) bool {
		return s.metrics(t)[`gputally_reporter_closed_until_timestamp_seconds{cluster="`+cluster+`"}`] == float64(instant("2026-11-03T01:00:00Z").Unix())
	}
	s.eventually(t, "the hours of the other", func() bool { return closed("eu-2") })
	s.ticks(t)
	got := s.metrics(t)
	if got[`gputally_reporter_close_failures_total{cluster="eu-1"}`] < 1 || got[`gputally_reporter_read_failures_total{cluster="eu-1",kind="unreachable",road="unknown"}`] < 1 {
		t.Errorf("failures of eu-1 are not counted: %v", got)
	}
	if n := len(indexed(t, b, "hourly")); n != 0 || closed("eu-1") {
		t.Errorf("%d reports were made without eu-1", n)
	}
	_, page := s.get(t, "/")
	for _, part := range []string{"Hours of cluster eu-1 are closed until <strong>never", "connection refused", "Hours of cluster eu-2 are closed until <strong>2026-11-03 01:00 UTC"} {
		if !strings.Contains(page, part) {
			t.Errorf("the page lacks %q:\n%s", part, page)
		}
	}
	s.ends(t)

	s = serve(t, c, "--config="+whole)
	s.eventually(t, "the hours of both", func() bool { return closed("eu-1") && closed("eu-2") })
	s.eventually(t, "the reports", func() bool { return len(indexed(t, b, "hourly")) == 2 })
	s.ends(t)
	if diff := cmp.Diff([]string{"2026-11-02T23 1 Ready", "2026-11-03T00 1 Ready"}, states(t, b, "hourly")); diff != "" {
		t.Errorf("reports (-want +got)\n%s", diff)
	}
}
