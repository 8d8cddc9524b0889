//go:build real

package reporter_test

import (
	"fmt"
	"math"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gputally/gputally/internal/promserver"
	"github.com/gputally/gputally/reporter/bucket"
	"github.com/gputally/gputally/reporter/metric"
	"github.com/gputally/gputally/reporter/report"
)

func (s *serving) until(t *testing.T, text string) {
	t.Helper()
	want := float64(instant(text).Unix())
	s.eventually(t, "books closed until "+text, func() bool {
		s.clock.unix.Add(1) // what failed is tried again after a pause
		return s.metrics(t)[`gputally_reporter_closed_until_timestamp_seconds{cluster="eu-1"}`] == want
	})
}

const hourly = `schedules:
  - {name: hourly, cron: "20 * * * *", time_zone: UTC, period: hour, group_by: [project]}
`

var madeReport = regexp.MustCompile(`msg="Made a scheduled report" schedule=hourly period=(\S+)Z/`)

func TestServe(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := writePast(promserver.DataDir(dir), begins, ends, fleet()); err != nil {
		t.Fatal(err)
	}
	prometheus, err := promserver.Start(t.Context(), promserver.Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	b, setting := s3Bucket(t, "served")
	// In the hour in which the collectors began, the seconds before their first poll lack.
	f := priced(prometheus.URL, setting, "schedules: schedules.yaml\nminimum_coverage: 0.98\n")
	f["schedules.yaml"] = hourly
	config := "--config=" + f.write(t)
	c := &clock{}
	reports := func() []string {
		var made []string
		for _, r := range indexed(t, b, "hourly") {
			made = append(made, fmt.Sprintf("%s %d %s", r.PeriodKey, r.Revision, r.State))
		}
		return made
	}
	made := []string{"2026-11-02T23 1 Ready", "2026-11-03T00 1 Ready", "2026-11-03T01 1 Ready", "2026-11-03T02 1 Ready"}

	// Four hours were missed.
	c.set("2026-11-03T03:25:00Z")
	s := serve(t, c, config)
	s.until(t, "2026-11-03T03:00:00Z")
	s.eventually(t, "four reports", func() bool { return len(reports()) == len(made) })
	s.ticks(t)

	t.Run("what was missed is made up for once, oldest first", func(t *testing.T) {
		if diff := cmp.Diff(made, reports()); diff != "" {
			t.Errorf("reports (-want +got)\n%s", diff)
		}
		var order []string
		for _, m := range madeReport.FindAllStringSubmatch(s.log.String(), -1) {
			order = append(order, m[1])
		}
		if len(order) != len(made) || !slices.IsSorted(order) {
			t.Errorf("reports were made for %v", order)
		}
		if n := len(keys(snapshot(t, b), "reports/hourly/", "report.csv")); n != len(made) {
			t.Errorf("there are %d files", n)
		}
	})
	t.Run("metrics say what the reports say", func(t *testing.T) { s.agrees(t, b, made) })
	t.Run("people see the state", func(t *testing.T) {
		if status, text := s.get(t, "/healthz"); status != http.StatusOK || text != "ok\n" {
			t.Errorf("/healthz: %d %q", status, text)
		}
		_, page := s.get(t, "/")
		for _, part := range []string{"cluster eu-1", "2026-11-03 03:00 UTC", "vision", "research", "Cost, EUR", "reports/hourly/2026-11-03T02/", "Ready"} {
			if !strings.Contains(page, part) {
				t.Errorf("the page lacks %q", part)
			}
		}
		if strings.Contains(page, "be closed") {
			t.Errorf("the page tells an error:\n%s", page)
		}
		if status, _ := s.get(t, "/nothing"); status != http.StatusNotFound {
			t.Errorf("/nothing: %d", status)
		}
	})

	t.Run("a Prometheus that goes away and comes back", func(t *testing.T) {
		if err := prometheus.Stop(t.Context()); err != nil {
			t.Fatal(err)
		}
		const failures = `gputally_reporter_close_failures_total{cluster="eu-1"}`
		before := s.metrics(t)[failures]
		c.set("2026-11-03T04:25:00Z")
		s.eventually(t, "failures are counted", func() bool {
			s.clock.unix.Add(1)
			return s.metrics(t)[failures] >= before+2
		})
		if text := s.log.String(); !strings.Contains(text, "A task failed; it will be tried again") || !strings.Contains(text, "connection refused") {
			t.Errorf("the log is\n%s", text)
		}
		if _, page := s.get(t, "/"); !strings.Contains(page, "Hours can&#39;t be closed") && !strings.Contains(page, "Hours can't be closed") {
			t.Errorf("the page is\n%s", page)
		}
		if diff := cmp.Diff(made, reports()); diff != "" {
			t.Errorf("a report did not wait for its hour (-want +got)\n%s", diff)
		}
		startPrometheus(t, promserver.Config{Dir: dir, Listen: strings.TrimPrefix(prometheus.URL, "http://")})
		s.until(t, "2026-11-03T04:00:00Z")
		made = append(made, "2026-11-03T03 1 Ready")
		s.eventually(t, "the report", func() bool { return len(reports()) == len(made) })
		s.ticks(t)
		if diff := cmp.Diff(made, reports()); diff != "" {
			t.Errorf("reports (-want +got)\n%s", diff)
		}
		if _, page := s.get(t, "/"); strings.Contains(page, "be closed") {
			t.Errorf("the page still tells the error:\n%s", page)
		}
	})
	s.ends(t)

	t.Run("another process finds nothing to do", func(t *testing.T) {
		before := snapshot(t, b)
		s := serve(t, c, config)
		s.until(t, "2026-11-03T04:00:00Z")
		s.ticks(t)
		s.ends(t)
		if diff := cmp.Diff(before, snapshot(t, b)); diff != "" {
			t.Errorf("objects (-before +after)\n%s", diff)
		}
	})
}

// agrees compares the metrics with the reports of the hours.
func (s *serving) agrees(t *testing.T, b bucket.Bucket, made []string) {
	t.Helper()
	_, text := s.get(t, "/metrics")
	for _, family := range metric.Families() {
		failed := family == &metric.ReportFailures || family == &metric.ReadFailures || family == &metric.TaskLastFailure // which nothing did
		if !failed && !strings.Contains(text, "# TYPE "+family.Name+" ") {
			t.Errorf("%s is not there", family.Name)
		}
	}
	got := s.metrics(t)
	equal := func(name string, want float64) {
		t.Helper()
		if v, ok := got[name]; !ok || math.Abs(v-want) > 1e-9*max(1, want) {
			t.Errorf("%s is %v (%v), want %v", name, v, ok, want)
		}
	}
	equal(`gputally_reporter_hours_closed_total{cluster="eu-1"}`, float64(len(made)))
	if !strings.Contains(text, `gputally_bucket_operations_total{operation="put",result="ok"} `) ||
		strings.Contains(text, `gputally_bucket_operations_total{operation="put",result="ok"} 0`) {
		t.Error("what was asked of the bucket is not counted")
	}
	equal(`gputally_reporter_reports_total{schedule="hourly",state="Ready"}`, float64(len(made)))
	equal(`gputally_reporter_hour_coverage_ratio{cluster="eu-1"}`, 1)

	var cost, hours float64
	var row map[string]string
	for _, r := range indexed(t, b, "hourly") {
		if r.State != report.Ready {
			t.Fatalf("%+v", r)
		}
		row = parseCSV(t, read(t, b, r.KeyPrefix+"report.csv")).find(t, "allocated", "project", "vision")
		cost += number(t, row["cost"])
		hours += number(t, row["gpu_seconds"]) / 3600
	}
	const vision = `department="research",project="vision"`
	equal(`gputally_project_month_to_date_cost{currency="EUR",`+vision+`}`, cost)
	equal(`gputally_project_month_to_date_gpu_hours{`+vision+`}`, hours)
	equal(`gputally_project_allocated_gpus{department="research",node_pool="(none)",project="vision"}`, number(t, row["gpu_seconds"])/3600)
	equal(`gputally_project_deserved_gpus{department="research",node_pool="(all)",project="vision"}`, 1)
	equal(`gputally_project_over_quota_gpus{department="research",node_pool="(all)",project="vision"}`, number(t, row["over_quota_gpu_seconds"])/3600)
	if over := number(t, row["over_quota_gpu_seconds"]); math.Abs(over-450) > 1 {
		t.Errorf("over quota in the latest hour: %v, want half a GPU for 15 minutes", over)
	}
	if _, there := got[`gputally_project_allocated_gpus{department="research",node_pool="(all)",project="vision"}`]; there {
		t.Error("there is a total beside its parts")
	}
}
