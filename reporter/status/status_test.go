package status_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/prometheus/common/expfmt"

	"github.com/gputally/gputally/reporter/archive"
	"github.com/gputally/gputally/reporter/metric"
	"github.com/gputally/gputally/reporter/price"
	"github.com/gputally/gputally/reporter/quota"
	"github.com/gputally/gputally/reporter/report"
	"github.com/gputally/gputally/reporter/reporting"
	"github.com/gputally/gputally/reporter/status"
	"github.com/gputally/gputally/reporter/task"
)

// samples are those of a registry, a line each, without help and type.
func samples(t *testing.T, s *status.Status) []string {
	t.Helper()
	registry := prometheus.NewPedanticRegistry()
	if err := registry.Register(s); err != nil {
		t.Fatal(err)
	}
	all, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, family := range all {
		text, err := testutil.CollectAndFormat(s, expfmt.TypeTextPlain, family.GetName())
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			if !strings.HasPrefix(line, "#") {
				lines = append(lines, strings.TrimSpace(line))
			}
		}
	}
	return lines
}

func TestWhatIsNotKnownIsAbsent(t *testing.T) {
	t.Parallel()
	for _, line := range samples(t, status.New([]string{"eu-1"})) {
		if !strings.HasSuffix(line, `{cluster="eu-1"} 0`) {
			t.Errorf("before anything happened: %s", line)
		}
	}
}

// worked is the status of a process that has done something of everything.
func worked() *status.Status {
	s := status.New([]string{"eu-1", "eu-2"})
	s.Serves([]string{"eu-1", "eu-2"}, []string{"daily", "monthly"}, working{}, time.Unix(900, 0))
	s.SetAside("eu-2", []status.Aside{{Hour: time.Unix(3600, 0), Tries: 3, Next: time.Unix(9000, 0), Err: "rubbish"}})
	s.Closed("eu-1", 1500*time.Millisecond)
	s.Reached("eu-1", time.Unix(3600, 0), 995_000)
	s.CloseFailed("eu-2", errors.New("no <samples>"))
	s.Restated("eu-1", 3, 2)
	s.Compacted("eu-1", 4)
	s.Pruned("eu-1", 5, 600)
	s.UpkeepFailed("eu-2")
	s.Closed("eu-9", time.Second) // nobody knows it
	published := archive.Published{CSVKey: "reports/daily/2026-11-19/1/report.csv"}
	published.Manifest.Name, published.Manifest.State = "daily", report.Ready
	s.Reported("daily", published)
	s.ReportFailed("monthly")
	s.FailedReports("monthly", 2)
	deserved, over, cost := 2.0, 0.5, price.Amount(12_345_678)
	s.Show(reporting.Figures{
		Until: time.Unix(7200, 0), Lacking: map[string]int{"eu-1": 0, "eu-2": 5}, Currency: "EUR",
		Pools: []reporting.PoolFigures{
			{Project: "vision", Department: "research", NodePool: "a100", Allocated: 2.5, Deserved: &deserved, Over: &over},
			{Project: "vision", Department: "research", NodePool: quota.AllPools, Deserved: &deserved, Over: &over},
			{Project: "speech", Department: "research", NodePool: "a100", Allocated: 1},
		},
		Projects: []reporting.ProjectFigures{
			{Project: "vision", Department: "research", Allocated: 2.5, Deserved: &deserved, Over: &over, MonthHours: 10.5, MonthCost: &cost},
			{Project: "speech", Department: "research", Allocated: 1, MonthHours: 3},
		},
	})
	return s
}

func TestTheMetricsShowWhatWasDone(t *testing.T) {
	t.Parallel()
	got := samples(t, worked())
	for _, want := range []string{
		"gputally_reporter_last_tick_timestamp_seconds 1000",
		`gputally_reporter_hours_closed_total{cluster="eu-1"} 1`,
		`gputally_reporter_close_duration_seconds{cluster="eu-1"} 1.5`,
		`gputally_reporter_closed_until_timestamp_seconds{cluster="eu-1"} 3600`,
		`gputally_reporter_hour_coverage_ratio{cluster="eu-1"} 0.995`,
		`gputally_reporter_close_failures_total{cluster="eu-2"} 1`,
		`gputally_reporter_hours_restated_total{cluster="eu-1"} 3`,
		`gputally_reporter_edge_disagreements_total{cluster="eu-1"} 2`,
		`gputally_reporter_days_compacted_total{cluster="eu-1"} 4`,
		`gputally_reporter_pruned_objects_total{cluster="eu-1"} 5`,
		`gputally_reporter_pruned_bytes_total{cluster="eu-1"} 600`,
		`gputally_reporter_upkeep_failures_total{cluster="eu-2"} 1`,
		`gputally_reporter_reports_total{schedule="daily",state="Ready"} 1`,
		`gputally_reporter_report_failures_total{schedule="monthly"} 1`,
		`gputally_reporter_failed_reports{schedule="monthly"} 2`,
		`gputally_reporter_task_hanging{name="eu-1",task="close"} 1`,
		`gputally_reporter_task_hanging{name="daily",task="schedule"} 0`,
		`gputally_reporter_task_backoff_seconds{name="daily",task="schedule"} 250`,
		`gputally_reporter_task_failed_attempts{name="daily",task="schedule"} 3`,
		`gputally_reporter_task_next_timestamp_seconds{name="daily",task="schedule"} 1200`,
		`gputally_reporter_task_last_success_timestamp_seconds{name="eu-1",task="close"} 500`,
		`gputally_reporter_task_last_failure_timestamp_seconds{name="daily",task="schedule"} 950`,
		`gputally_reporter_figures_until_timestamp_seconds 7200`,
		`gputally_reporter_figures_lacking_hours{cluster="eu-1"} 0`,
		`gputally_reporter_figures_lacking_hours{cluster="eu-2"} 5`,
		`gputally_project_allocated_gpus{department="research",node_pool="a100",project="vision"} 2.5`,
		`gputally_project_deserved_gpus{department="research",node_pool="(all)",project="vision"} 2`,
		`gputally_project_over_quota_gpus{department="research",node_pool="a100",project="vision"} 0.5`,
		`gputally_project_month_to_date_gpu_hours{department="research",project="speech"} 3`,
		`gputally_project_month_to_date_cost{currency="EUR",department="research",project="vision"} 12.345678`,
	} {
		found := false
		for _, line := range got {
			found = found || line == want
		}
		if !found {
			t.Errorf("no %s in\n%s", want, strings.Join(got, "\n"))
		}
	}
	for _, line := range got {
		for _, absent := range []string{
			`gputally_project_allocated_gpus{department="research",node_pool="(all)"`,
			`gputally_project_month_to_date_cost{currency="EUR",department="research",project="speech"}`,
			`cluster="eu-9"`, `gputally_reporter_close_duration_seconds{cluster="eu-2"}`,
		} {
			if strings.HasPrefix(line, absent) || strings.Contains(line, absent) {
				t.Errorf("there is %s", line)
			}
		}
	}
}

// What was removed from the configuration is no longer shown.
func TestARemovedScheduleAndAClusterVanish(t *testing.T) {
	t.Parallel()
	s := worked()
	s.Serves([]string{"eu-1"}, []string{"daily"}, working{}, time.Unix(2000, 0))
	for _, line := range samples(t, s) {
		if strings.Contains(line, "monthly") || strings.Contains(line, `cluster="eu-2"`) && !strings.Contains(line, "figures_lacking") {
			t.Errorf("there is %s", line)
		}
	}
}

// Two packages must not show one family.
func TestEachFamilyOfTheCatalogueIsShownOnce(t *testing.T) {
	t.Parallel()
	descs := make(chan *prometheus.Desc, 100)
	status.New(nil).Describe(descs)
	close(descs)
	shown := 0
	for range descs {
		shown++
	}
	if all, reading := len(metric.Families()), len(metric.Reading()); shown != all-reading {
		t.Errorf("%d families of %d, without %d about reading", shown, all, reading)
	}
}

func TestThePage(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		status *status.Status
		parts  []string
	}{
		"at first": {status.New([]string{"eu-1"}), []string{
			"Hours of cluster eu-1 are closed until <strong>never</strong>", "Last look for work: never", "None yet.",
		}},
		"later": {worked(), []string{
			"<title>gputally: eu-1, eu-2</title>", "<strong>1970-01-01 01:00 UTC</strong>, coverage of the latest hour 99.50 %",
			"Hours can't be closed: no &lt;samples&gt;", "<td>vision</td>", "hangs: hour 2026-11-20T05Z since 1970-01-01 00:16 UTC", "Cost, EUR", "12.345678", "<code>reports/daily/2026-11-19/1/report.csv</code>",
			"Up to 1970-01-01 02:00 UTC.", "5 hours of cluster eu-2 in this month are missing here", "the &lt;bucket&gt; is away",
			`<td>1970-01-01 00:15 UTC</td><td class="n">3</td><td class="n">4m10s</td>`,
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := httptest.NewRecorder()
			tt.status.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil))
			if w.Code != http.StatusOK || !strings.HasPrefix(w.Header().Get("Content-Type"), "text/html") {
				t.Errorf("status %d, %v", w.Code, w.Header())
			}
			for _, part := range tt.parts {
				if !strings.Contains(w.Body.String(), part) {
					t.Errorf("no %q in\n%s", part, w.Body)
				}
			}
		})
	}
}

// working are the tasks of a process that has done something.
type working struct{}

func (working) Looked() time.Time { return time.Unix(1000, 0) }

func (working) States() []task.State {
	return []task.State{
		{
			ID: task.ID{Kind: "close", Name: "eu-1"}, Running: true, Unit: "hour 2026-11-20T05Z", Since: time.Unix(990, 0), Hangs: true,
			LastBegin: time.Unix(980, 0), LastSuccess: time.Unix(500, 0), Begun: 7, Failures: 2,
		},
		{
			ID: task.ID{Kind: "schedule", Name: "daily"}, Next: time.Unix(1200, 0), LastFailure: time.Unix(950, 0),
			LastError: "the <bucket> is away", Attempts: 3, Backoff: 250 * time.Second, Begun: 5, Failures: 4,
		},
		{ID: task.ID{Kind: "figures"}, LastSuccess: time.Unix(970, 0), Begun: 1},
	}
}
