//go:build real

package reporter_test

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/shopspring/decimal"

	"github.com/gputally/gputally/reporter"
	"github.com/gputally/gputally/reporter/archive"
	"github.com/gputally/gputally/reporter/bucket"
	"github.com/gputally/gputally/reporter/index"
	"github.com/gputally/gputally/reporter/report"
	"github.com/gputally/gputally/reporter/window"
)

// The three hours from midnight on, in full, and a time at which they are closed.
const (
	threeHours = "2026-11-03T00:00:00Z/2026-11-03T03:00:00Z"
	closeNight = "--from=2026-11-03T00:00:00Z"
)

var afterThree = instant("2026-11-03T03:11:00Z")

// table is a CSV file: a row is a map of its columns.
type table []map[string]string

func parseCSV(t *testing.T, data []byte) table {
	t.Helper()
	records, err := csv.NewReader(bytes.NewReader(data)).ReadAll()
	if err != nil || len(records) == 0 {
		t.Fatalf("%v in\n%s", err, data)
	}
	var rows table
	for _, record := range records[1:] {
		row := map[string]string{}
		for i, name := range records[0] {
			row[name] = record[i]
		}
		rows = append(rows, row)
	}
	return rows
}

// find is the row of a state whose column has a value.
func (rows table) find(t *testing.T, state, column, value string) map[string]string {
	t.Helper()
	for _, row := range rows {
		if row["state"] == state && row[column] == value {
			return row
		}
	}
	t.Fatalf("no row of %s with %s %q in %v", state, column, value, rows)
	return nil
}

func number(t *testing.T, text string) float64 {
	t.Helper()
	v, err := strconv.ParseFloat(text, 64)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// total adds a column up, exactly.
func (rows table) total(t *testing.T, column string) decimal.Decimal {
	t.Helper()
	var sum decimal.Decimal
	for _, row := range rows {
		if row[column] == "" {
			continue
		}
		v, err := decimal.NewFromString(row[column])
		if err != nil {
			t.Fatal(err)
		}
		sum = sum.Add(v)
	}
	return sum
}

// near fails the test unless a cell is the truth up to the seconds that polling
// once a second may miss or add at the edges of what was held.
func near(t *testing.T, row map[string]string, column string, want, tolerance float64) {
	t.Helper()
	if got := number(t, row[column]); math.Abs(got-want) > tolerance {
		t.Errorf("%s of %v is %v, want %v ± %v", column, row, got, want, tolerance)
	}
}

// conserves fails the test unless the rows add up to the fleet's time, which is
// known: the residue, of rounding only, is told, and is milliseconds.
func conserves(t *testing.T, m report.Manifest, rows table, fleet string) {
	t.Helper()
	sum := rows.total(t, "gpu_seconds")
	residue := decimal.RequireFromString(m.Coverage.Residue)
	if sum.StringFixed(3) != m.Totals.GPUSeconds || sum.Add(residue).StringFixed(3) != fleet || residue.Abs().GreaterThan(decimal.New(5, -3)) {
		t.Errorf("the rows have %s GPU-seconds, the manifest %s and a residue of %s; want %s", sum, m.Totals.GPUSeconds, residue, fleet)
	}
}

// published is the latest report of a name, with its file.
func published(t *testing.T, b bucket.Bucket, name string) (archive.Record, report.Manifest, table) {
	t.Helper()
	records := indexed(t, b, name)
	if len(records) == 0 {
		t.Fatalf("there is no report %s", name)
	}
	record := records[len(records)-1]
	m := manifest(t, b, record.KeyPrefix+"manifest.json")
	if m.State != report.Ready {
		t.Fatalf("the report is %s: %v", m.State, m.Failures)
	}
	data := read(t, b, record.KeyPrefix+"report.csv")
	rows := parseCSV(t, data)
	want := []report.File{{Name: "report.csv", Size: int64(len(data)), Rows: len(rows), SHA256: sum(data)}}
	if diff := cmp.Diff(want, m.Files); diff != "" {
		t.Errorf("files of the manifest (-want +got)\n%s", diff)
	}
	return record, m, rows
}

func TestFromSamplesToReportsInS3(t *testing.T) {
	t.Parallel()
	b, setting := s3Bucket(t, "night")
	config := "--config=" + priced(shared.prometheus.URL, setting, "").write(t)
	if out := run(t, afterThree, "close", closeNight, config).succeeds(t); !strings.Contains(out,
		"Closed 3 hours of cluster eu-1, 2026-11-03T00:00:00Z to 2026-11-03T03:00:00Z") {
		t.Errorf("it says %q", out)
	}
	for _, by := range []string{"project", "namespace", "pod"} {
		run(t, afterThree, "report", "--by="+by, "--period="+threeHours, config).succeeds(t)
	}

	t.Run("the index names the hours and reports", func(t *testing.T) {
		hours, err := index.New(b, index.Config{}).Hours(t.Context(), "eu-1", window.Window{From: midnight, To: afterThree})
		if err != nil {
			t.Fatal(err)
		}
		for i, hour := range hours {
			if hour.SHA256 != sum(read(t, b, hour.Key)) || !hour.From.Equal(midnight.Add(time.Duration(i)*time.Hour)) || hour.Revision != 1 {
				t.Errorf("hour %d is %+v", i, hour)
			}
		}
		names, err := archive.New(archive.Config{Bucket: b}).Names(t.Context())
		if diff := cmp.Diff([]string{"by-namespace", "by-pod", "by-project"}, names); err != nil || diff != "" || len(hours) != 3 {
			t.Errorf("%d hours, %v, reports (-want +got)\n%s", len(hours), err, diff)
		}
	})
	t.Run("by project", func(t *testing.T) {
		_, m, rows := published(t, b, "by-project")
		if len(rows) != 4 { // three owners and the unallocated rest
			t.Errorf("%d rows: %v", len(rows), rows)
		}
		vision, search := rows.find(t, "allocated", "project", "vision"), rows.find(t, "allocated", "project", "search")
		near(t, vision, "gpu_seconds", 13950, 2)
		near(t, vision, "over_quota_gpu_seconds", 3150, 2)
		near(t, vision, "left_gpu_seconds", 0, 0)
		near(t, vision, "cost", 13.95, 0.002)
		near(t, search, "gpu_seconds", 4495, 4)
		near(t, search, "over_quota_gpu_seconds", 600, 2)
		near(t, search, "left_gpu_seconds", 10800-3895, 4)
		near(t, search, "cost", 3.295+1200*0.0002, 0.003)
		near(t, rows.find(t, "allocated", "project", "(none)"), "gpu_seconds", 150, 1)
		for _, row := range []map[string]string{vision, search} {
			if row["deserved_gpu_seconds"] != "10800.000" || row["currency"] != "EUR" || row["coverage_ratio"] != "1.000000" {
				t.Errorf("row %v", row)
			}
		}
		conserves(t, m, rows, "32400.000")
	})
	t.Run("by pod", func(t *testing.T) {
		_, _, rows := published(t, b, "by-pod")
		// Each pod is held from a poll to a poll: a second at each end, times its share.
		for pod, truth := range map[string][2]float64{
			"train": {10800, 0}, "notebook": {3150, 1}, "serve": {3295, 1}, "index": {1200, 2}, "shell": {150, 0.5},
		} {
			row := rows.find(t, "allocated", "pod", pod)
			near(t, row, "gpu_seconds", truth[0], truth[1])
			if row["pod_uid"] != "uid-"+pod || row["cluster"] != "eu-1" || row["gpu_seconds"] != row["allocated_gpu_seconds"] {
				t.Errorf("row %v", row)
			}
		}
	})
	t.Run("every grouping has the same totals", func(t *testing.T) {
		want := map[string]string{}
		for _, name := range []string{"by-project", "by-namespace", "by-pod"} {
			_, m, rows := published(t, b, name)
			for _, column := range []string{"gpu_seconds", "allocated_gpu_seconds", "active_gpu_seconds", "idle_gpu_seconds", "cost"} {
				got := rows.total(t, column).String()
				if want[column] == "" {
					want[column] = got
				}
				if got != want[column] {
					t.Errorf("%s of %s is %s, and %s elsewhere", column, name, got, want[column])
				}
			}
			if cost := rows.total(t, "cost").StringFixed(6); m.Totals.Cost != cost {
				t.Errorf("cost of %s is %s, and %s in the manifest", name, cost, m.Totals.Cost)
			}
		}
	})
	t.Run("doing all of it again writes nothing", func(t *testing.T) {
		before := snapshot(t, b)
		if out := run(t, afterThree, "close", closeNight, config).succeeds(t); !strings.Contains(out, "No hour to close") {
			t.Errorf("it says %q", out)
		}
		run(t, afterThree, "close", "--restate", closeNight, "--to=2026-11-03T03:00:00Z", config).succeeds(t)
		for _, by := range []string{"project", "namespace", "pod"} {
			run(t, afterThree.Add(time.Hour/2), "report", "--by="+by, "--period="+threeHours, config).succeeds(t)
		}
		if diff := cmp.Diff(before, snapshot(t, b)); diff != "" {
			t.Errorf("objects (-before +after)\n%s", diff)
		}
	})
}

// The second node's samples arrive after the hours were closed and reported.
func TestSamplesThatArriveLateMakeTheNextRevision(t *testing.T) {
	t.Parallel()
	dir, setting := folder(t)
	b := openFolder(t, dir)
	url := shared.prometheus.URL
	half := priced(url, setting, "")
	half["gputally.yaml"] = strings.Replace(half["gputally.yaml"], "timeout:", "selector: {instance: node-a}, timeout:", 1)
	before, after := "--config="+half.write(t), "--config="+priced(url, setting, "").write(t)
	closeHours := []string{"close", closeNight, "--to=2026-11-03T03:00:00Z"}
	report := []string{"report", "--by=namespace", "--period=" + threeHours}

	run(t, afterThree, append(closeHours, before)...).succeeds(t)
	run(t, afterThree, append(report, before)...).succeeds(t)
	first, m, rows := published(t, b, "by-namespace")
	conserves(t, m, rows, "21600.000")
	// What is closed stays until somebody says otherwise.
	run(t, afterThree, append(closeHours, after)...).succeeds(t)
	run(t, afterThree, append(report, after)...).succeeds(t)
	if again, _, _ := published(t, b, "by-namespace"); again != first {
		t.Errorf("the record was %+v and is %+v", first, again)
	}

	run(t, afterThree, append(slices.Clone(closeHours), "--restate", after)...).succeeds(t)
	run(t, afterThree, append(report, after)...).succeeds(t)
	second, m, rows := published(t, b, "by-namespace")
	conserves(t, m, rows, "32400.000")
	if second.Revision != 2 || second.Supersedes != first.ID || m.Supersedes != first.ID {
		t.Errorf("the second report is %+v", second)
	}
	hours, err := index.New(b, index.Config{}).Hours(t.Context(), "eu-1", window.Window{From: midnight, To: afterThree})
	if err != nil || len(hours) != 3 {
		t.Fatalf("%v, %d hours", err, len(hours))
	}
	for _, hour := range hours {
		if hour.Revision != 2 || hour.SHA256 != sum(read(t, b, hour.Key)) {
			t.Errorf("hour %+v", hour)
		}
	}
}

func TestAnHourThatIsNotClosedFailsTheReport(t *testing.T) {
	t.Parallel()
	dir, setting := folder(t)
	b := openFolder(t, dir)
	config := "--config=" + priced(shared.prometheus.URL, setting, "").write(t)
	for _, hour := range []int{0, 2} {
		at := func(h int) string { return midnight.Add(time.Duration(h) * time.Hour).Format(time.RFC3339) }
		run(t, afterThree, "close", "--from="+at(hour), "--to="+at(hour+1), config).succeeds(t)
	}
	run(t, afterThree, "report", "--publish-failed", "--period="+threeHours, config).want(t, reporter.ExitReport,
		"coverage 0.666666 is below the minimum 0.99",
		"no closed hours from 2026-11-03T01:00:00Z to 2026-11-03T02:00:00Z; run gputally-reporter close")
	if files := keys(snapshot(t, b), "reports/", ".csv"); len(files) != 0 {
		t.Errorf("a Failed report has %v", files)
	}
	// The hole is found without being named.
	if out := run(t, afterThree, "close", config).succeeds(t); !strings.Contains(out, "Closed 1 hours") {
		t.Errorf("it says %q", out)
	}
	run(t, afterThree, "report", "--period="+threeHours, config).succeeds(t)
	if record, _, _ := published(t, b, "by-project"); record.Revision != 2 || record.Supersedes == "" {
		t.Errorf("the repaired report is %+v", record)
	}
}

func TestAPreviewIncludesTheOpenHourAndIsSuperseded(t *testing.T) {
	t.Parallel()
	dir, setting := folder(t)
	b := openFolder(t, dir)
	config := "--config=" + priced(shared.prometheus.URL, setting, "").write(t)
	run(t, instant("2026-11-03T02:11:00Z"), "close", closeNight, config).succeeds(t)
	const name = "--name=night"
	// At 02:40 the third hour is open: the notebook has ended, serve just ends.
	run(t, instant("2026-11-03T02:40:00Z"), "report", "--by=pod", "--preview", name, "--period="+threeHours, config).succeeds(t)
	preview, m, rows := published(t, b, "night")
	if !m.Provisional || !preview.Provisional || m.Coverage.HoursClosed != 2 || m.Coverage.HoursOpen != 1 ||
		m.Coverage.Ratio < 880_000 || m.Coverage.Ratio > 888_889 { // two hours and 40 minutes of three
		t.Errorf("the preview is %+v", m)
	}
	file := filepath.Join(t.TempDir(), "night.csv")
	run(t, afterThree, "report", "download", "night", "--output="+file, config).says(t, "Wrote "+file+": revision 1, Ready, provisional, ")
	near(t, rows.find(t, "allocated", "pod", "train"), "gpu_seconds", 9600, 30) // the last scrape may be 30 s old
	near(t, rows.find(t, "allocated", "pod", "notebook"), "gpu_seconds", 3150, 1)

	run(t, afterThree, "close", config).succeeds(t)
	run(t, afterThree, "report", "--by=pod", "--preview", name, "--period="+threeHours, config).succeeds(t)
	final, m, rows := published(t, b, "night")
	if m.Provisional || final.Supersedes != preview.ID || final.Revision != 2 {
		t.Errorf("with nothing open, the report is %+v", final)
	}
	near(t, rows.find(t, "allocated", "pod", "train"), "gpu_seconds", 10800, 0)

	before := snapshot(t, b)
	run(t, afterThree, "report", "--by=pod", name, "--period="+threeHours, config).succeeds(t)
	if diff := cmp.Diff(before, snapshot(t, b)); diff != "" {
		t.Errorf("the report without --preview is another one (-before +after)\n%s", diff)
	}
}

func TestAModelWithoutAPriceThatIsAllowedOne(t *testing.T) {
	t.Parallel()
	dir, setting := folder(t)
	b := openFolder(t, dir)
	f := priced(shared.prometheus.URL, setting, "")
	f["prices.yaml"] = strings.Replace(pricesFile, `  - {model: "NVIDIA L40S", gpu_hour: "0.72"}`+"\n", "", 1)
	config := "--config=" + f.write(t)
	run(t, afterThree, "close", closeNight, config).succeeds(t)
	run(t, afterThree, "report", "--publish-failed", "--period="+threeHours, config).want(t, reporter.ExitReport, `model "NVIDIA L40S" has no price`)
	if files := keys(snapshot(t, b), "reports/", ".csv"); len(files) != 0 {
		t.Errorf("a Failed report has %v", files)
	}
	f["prices.yaml"] += "allow_unpriced: [\"NVIDIA L40S\"]\n"
	config = "--config=" + f.write(t)
	run(t, afterThree, "report", "--period="+threeHours, config).succeeds(t)
	_, m, rows := published(t, b, "by-project")
	near(t, rows.find(t, "allocated", "project", "search"), "cost", 3.295, 0.002)
	if text := fmt.Sprint(m.Warnings); !strings.Contains(text, `model "NVIDIA L40S" has no price and is allowed to`) {
		t.Errorf("warnings %s", text)
	}
}

// A first close without --from reaches back a day; what is older is not hidden.
func TestAFirstCloseSaysThatThereAreOlderSamples(t *testing.T) {
	t.Parallel()
	_, setting := folder(t)
	config := "--config=" + priced(shared.prometheus.URL, setting, "").write(t)
	later := instant("2026-11-08T02:30:00Z") // begins at 2026-11-07T02:30
	for _, args := range [][]string{{"close", "--dry-run"}, {"close"}} {
		out := run(t, later, append(args, config)...).stdout
		if !strings.Contains(out, "There are older samples, from about 4 days before 2026-11-07T02:30:00Z on") || !strings.Contains(out, "close --from=2026-11-03\n") {
			t.Errorf("%v says %q", args, out)
		}
	}
	run(t, later, "close", "--from=2026-11-03", "--to=2026-11-03T03", config).succeeds(t)
	if out := run(t, later, "close", "--dry-run", config).stdout; strings.Contains(out, "older samples") {
		t.Errorf("once they are closed, it says %q", out)
	}
}
