package reporting_test

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gputally/gputally/reporter/bucket"
	"github.com/gputally/gputally/reporter/bucket/buckettest"
	"github.com/gputally/gputally/reporter/bucket/mem"
	"github.com/gputally/gputally/reporter/index"
	"github.com/gputally/gputally/reporter/ledger"
	"github.com/gputally/gputally/reporter/quota"
	"github.com/gputally/gputally/reporter/report"
	"github.com/gputally/gputally/reporter/reporting"
	"github.com/gputally/gputally/reporter/usage"
	"github.com/gputally/gputally/reporter/window"
)

const (
	days     = 5
	clusters = 5
)

var (
	begin = time.Date(2026, 11, 2, 0, 0, 0, 0, time.UTC)
	week  = window.Window{From: begin, To: begin.Add(days * 24 * time.Hour)}
)

// closeHours closes all hours of some days in several clusters.
func closeHours(t *testing.T, b bucket.Bucket) {
	t.Helper()
	l, x := ledger.New(b, ledger.Config{Version: "1.2.3"}), index.New(b, index.Config{})
	for c := range clusters {
		name := fmt.Sprintf("eu-%d", c)
		for hour := range week.Hours() {
			millis := hour.Duration().Milliseconds()
			entry, err := l.Put(t.Context(), usage.Hour{
				Cluster: name, Window: hour, Source: "gputally", Road: "json", Coverage: usage.Coverage{Expected: millis, Allocated: millis},
				Segments: []usage.Segment{{
					Cluster: name, Node: "node-1", UUID: "GPU-" + name, Model: "NVIDIA H200", State: usage.Allocated, Namespace: "vision", Pod: "train", PodUID: "uid",
					Container: "main", HeldFrom: hour.From.UnixMilli(), HeldTo: hour.To.UnixMilli(), Share: 1, GPUMillis: millis, ActiveMillis: int64(c),
				}},
			})
			if err == nil {
				err = x.PutHour(t.Context(), index.Hour(entry))
			}
			if err != nil {
				t.Fatal(err)
			}
		}
	}
}

func compactDays(t *testing.T, b bucket.Bucket) {
	t.Helper()
	for c := range clusters {
		for day := range window.PeriodDay.Within(week, time.UTC) {
			if _, err := ledger.New(b, ledger.Config{Version: "1.2.3"}).Compact(t.Context(), fmt.Sprintf("eu-%d", c), day, ledger.Compaction{}); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func remove(t *testing.T, b bucket.Bucket, prefix string) {
	t.Helper()
	for object, err := range b.List(t.Context(), prefix) {
		if err == nil {
			err = b.Delete(t.Context(), object.Key, bucket.Condition{})
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// makeReport makes the report by cluster of the days, and counts the requests.
func makeReport(t *testing.T, b bucket.Bucket) (report.Table, buckettest.Requests) {
	t.Helper()
	counter := buckettest.Count(b)
	projects, err := quota.New(nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	maker := reporting.New(reporting.Config{
		Ledger: ledger.New(counter, ledger.Config{}), Index: index.New(counter, index.Config{}), Projects: projects,
		Now: func() time.Time { return week.To.Add(time.Hour) },
	})
	table, err := maker.Make(t.Context(), report.Spec{Window: week, GroupBy: []report.Dimension{report.ByCluster}}, func(window.Window) {})
	if err != nil {
		t.Fatal(err)
	}
	return table, counter.Take()
}

// Whether hours have objects of their own or only their days, what is read is the
// same, and takes few requests.
func TestAReportReadsADayOfTheDailyTableOnce(t *testing.T) {
	t.Parallel()
	b := mem.New(func() time.Time { return week.To })
	closeHours(t, b)
	first, made := makeReport(t, b)
	if n := made.Of("ledger/", "get", "stat"); n > clusters*days*25 {
		t.Errorf("without a daily table the hours of %d days took %d reads", clusters*days, n)
	}
	compactDays(t, b)
	for _, hours := range []string{"with objects of their own", "in the daily table only"} {
		if hours != "with objects of their own" {
			remove(t, b, "ledger/hourly/")
		}
		table, made := makeReport(t, b)
		if diff := cmp.Diff(csvOf(t, first), csvOf(t, table)); diff != "" {
			t.Errorf("hours %s (-before +now)\n%s", hours, diff)
		}
		all := made.Of("", "get", "stat", "list", "put", "delete")
		t.Logf("hours %s: %d requests for %d days of %d clusters", hours, all, days, clusters)
		if n := made.Of("ledger/", "get", "stat", "list"); n > clusters*days || all > 2*clusters*days {
			t.Errorf("hours %s took %d requests of the ledger, %d in all: %q", hours, n, all, made)
		}
	}
}

// An hour that was restated since its day was made is read in its own object.
func TestAReportReadsWhatIsNewerThanItsDay(t *testing.T) {
	t.Parallel()
	b := mem.New(func() time.Time { return week.To })
	closeHours(t, b)
	compactDays(t, b)
	l, x := ledger.New(b, ledger.Config{}), index.New(b, index.Config{})
	h, _, err := l.Hour(t.Context(), "eu-3", window.Hour(begin.Add(30*time.Hour)))
	if err != nil {
		t.Fatal(err)
	}
	before, _ := makeReport(t, b)
	h.Segments[0].ActiveMillis += 3_600_000
	entry, err := l.Put(t.Context(), h)
	if err == nil {
		err = x.PutHour(t.Context(), index.Hour(entry))
	}
	if err != nil {
		t.Fatal(err)
	}
	after, made := makeReport(t, b)
	if n := made.Of("ledger/", "get", "stat"); n != clusters*days+1 {
		t.Errorf("it took %d reads", n)
	}
	if csvOf(t, before) == csvOf(t, after) {
		t.Error("the report has the day's hour")
	}
}

func csvOf(t *testing.T, table report.Table) string {
	t.Helper()
	var out bytes.Buffer
	if err := table.WriteCSV(&out); err != nil {
		t.Fatal(err)
	}
	return out.String()
}
