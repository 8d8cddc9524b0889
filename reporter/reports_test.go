package reporter_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gputally/gputally/reporter"
	"github.com/gputally/gputally/reporter/bucket"
	"github.com/gputally/gputally/reporter/ledger"
	"github.com/gputally/gputally/reporter/report"
	"github.com/gputally/gputally/reporter/window"
)

const dailyByHand = "schedules:\n  - name: daily\n    cron: \"0 6 * * *\"\n    time_zone: UTC\n    period: day\n    group_by: [namespace]\n"

// closedDay is a bucket with a closed day and a configuration with a schedule.
func closedDay(t *testing.T) (b bucket.Bucket, config string) {
	t.Helper()
	dir, setting := folder(t)
	b = openFolder(t, dir)
	closeDay(t, b, "NVIDIA H200")
	return b, "--config=" + files{
		"gputally.yaml":  mainFile(closedPort(t), setting) + "schedules: schedules.yaml\n",
		"schedules.yaml": dailyByHand,
	}.write(t)
}

func TestReportsAreListedShownAndDownloaded(t *testing.T) {
	t.Parallel()
	b, config := closedDay(t)
	run(t, now, "report", "list", config).says(t, "No report.")
	run(t, now, "ledger", "coverage", "--to=2026-11-01", config).says(t, "No hour is closed.")
	if out := run(t, now, "report", "list", "--format=json", config).succeeds(t); out != "[]\n" {
		t.Errorf("no report is %q", out)
	}
	run(t, now, "report", "--by=namespace", config).succeeds(t) // of yesterday
	put(t, b, usageOf(window.Hour(instant(day+"T05:00:00Z")), "NVIDIA H200", 45))
	run(t, now, "report", "make", "--by=namespace", config).succeeds(t)
	records := indexed(t, b, "by-namespace")
	first, last := records[0], records[1]

	run(t, now, "report", "list", config).says(t,
		"NAME          PERIOD      STATE  MADE                  ID                REVISION  ROWS     HOURS   COVERAGE",
		"by-namespace  2026-11-19  Ready  2026-11-20T12:00:00Z  "+last.ID+"         2     2  24 of 24  100.0000%")
	if out := run(t, now, "report", "list", config).succeeds(t); strings.Contains(out, first.ID) {
		t.Errorf("it lists a superseded report:\n%s", out)
	}
	run(t, now, "report", "list", "--all-revisions", config).says(t, first.ID, last.ID)
	for _, none := range []string{"--name=other", "--state=Failed", "--from=2026-11-20", "--to=2026-11-19"} {
		run(t, now, "report", "list", none, config).says(t, "No report.")
	}
	var listed []struct {
		ID string `json:"id"`
	}
	out := run(t, now, "report", "list", "--all-revisions", "--limit=1", "--from=2026-11-19", "--format=json", config).succeeds(t)
	if err := json.Unmarshal([]byte(out), &listed); err != nil || len(listed) != 1 || listed[0].ID != last.ID {
		t.Errorf("JSON is %s (%v)", out, err)
	}

	run(t, now, "report", "show", "by-namespace", config).says(t, "revision    2, id "+last.ID, "supersedes  "+first.ID, "100.0000%, 24 of 24 hours closed", "44100.000 GPU-seconds")
	run(t, now, "report", "show", "by-namespace", "yesterday", "--revision=1", config).says(t, "revision    1, id "+first.ID)
	shown := run(t, now, "report", "show", "by-namespace", day, "--format=json", config).succeeds(t)
	if diff := cmp.Diff(string(read(t, b, last.KeyPrefix+"manifest.json")), shown); diff != "" {
		t.Errorf("the manifest (-stored +shown)\n%s", diff)
	}

	stored := string(read(t, b, last.KeyPrefix+"report.csv"))
	if out := run(t, now, "report", "download", "by-namespace", "--output=-", config).succeeds(t); out != stored {
		t.Errorf("the download is\n%s", out)
	}
	file := filepath.Join(t.TempDir(), "out.csv")
	run(t, now, "report", "download", "by-namespace", day, "-o", file, config).says(t, "Wrote "+file+": revision 2, Ready, 2 rows.")
	has(t, file, stored)
	run(t, now, "report", "download", "by-namespace", "2026-11-18", config).want(t, reporter.ExitBucket, "report by-namespace 2026-11-18: no such report", "report list")
	run(t, now, "report", "show", "by-namespace", "--revision=3", config).want(t, reporter.ExitBucket, "revision 3: no such report")
}

func TestADownloadOfADamagedReportLeavesTheFileThatWasThere(t *testing.T) {
	t.Parallel()
	b, config := closedDay(t)
	run(t, now, "report", "--by=namespace", config).succeeds(t)
	key := indexed(t, b, "by-namespace")[0].KeyPrefix + "report.csv"
	rows := read(t, b, key)
	rows[len(rows)-3] ^= 1
	if _, err := bucket.PutBytes(t.Context(), b, key, rows, bucket.Condition{}); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "out.csv")
	if err := os.WriteFile(file, []byte("of yesterday"), 0o600); err != nil {
		t.Fatal(err)
	}
	run(t, now, "report", "download", "by-namespace", "--output="+file, config).want(t, reporter.ExitDamage, "SHA-256")
	has(t, file, "of yesterday")
	alone(t, dir)
}

func TestAReportIsWrittenToAFile(t *testing.T) {
	t.Parallel()
	b, config := closedDay(t)
	dir := t.TempDir()
	file := filepath.Join(dir, "usage.csv")
	run(t, now, "report", "--by=namespace", "--output="+file, config).says(t, "Wrote "+file+": 2 rows.\nPublished reports/by-namespace/2026-11-19/")
	has(t, file, string(read(t, b, indexed(t, b, "by-namespace")[0].KeyPrefix+"report.csv")))
	alone(t, dir)
	run(t, now, "report", "--dry-run", "--output="+filepath.Join(dir, "nowhere", "usage.csv"), config).want(t, reporter.ExitFailure, "nowhere")

	var printed struct {
		Manifest report.Manifest     `json:"manifest"`
		Rows     []map[string]string `json:"rows"`
	}
	out := run(t, now, "report", "--by=namespace", "--format=json", config).succeeds(t)
	if err := json.Unmarshal([]byte(out), &printed); err != nil {
		t.Fatalf("%v:\n%s", err, out)
	}
	if printed.Manifest.Name != "by-namespace" || printed.Manifest.Period.Key != day || len(printed.Rows) != 2 ||
		printed.Rows[0]["state"] != "allocated" || printed.Rows[0]["gpu_seconds"] != "43200.000" {
		t.Errorf("JSON is\n%s", out)
	}
}

func TestAReportOfAScheduleByHand(t *testing.T) {
	t.Parallel()
	b, config := closedDay(t)
	run(t, now, "report", "--schedule=daily", config).says(t, "Published reports/daily/2026-11-19/")
	first := indexed(t, b, "daily")[0]
	if m := manifest(t, b, first.KeyPrefix+"manifest.json"); !cmp.Equal(m.GroupBy, []report.Dimension{report.ByCluster, report.ByNamespace}) {
		t.Errorf("it is grouped by %v", m.GroupBy)
	}
	other := []string{"report", "--name=daily", "--by=pod", config}
	run(t, now, other...).want(t, reporter.ExitUsage, "belongs to a schedule", "--supersede")
	run(t, now, append(other, "--dry-run")...).succeeds(t)
	if n := len(indexed(t, b, "daily")); n != 1 {
		t.Errorf("there are %d reports", n)
	}
	run(t, now, append(other, "--supersede")...).succeeds(t)
	if n := len(indexed(t, b, "daily")); n != 2 {
		t.Errorf("there are %d reports", n)
	}
}

func TestAFailedReportIsNotPublishedUnlessAsked(t *testing.T) {
	t.Parallel()
	dir, setting := folder(t)
	b := openFolder(t, dir)
	config := "--config=" + files{"gputally.yaml": mainFile(closedPort(t), setting)}.write(t)
	file := filepath.Join(t.TempDir(), "usage.csv")
	got := run(t, now, "report", "--by=namespace", "--format=table", "--output="+file, config)
	got.want(t, reporter.ExitReport, "coverage 0.000000 is below the minimum", "nothing is published; "+file+" is not written; --publish-failed")
	dry := run(t, now, "report", "--by=namespace", "--dry-run", "--output="+file, config)
	if dry.want(t, reporter.ExitReport, file+" is not written; --publish-failed"); strings.Contains(dry.message, "nothing is published") {
		t.Errorf("a dry run says %q", dry.message)
	}
	if !strings.Contains(got.stdout, "Nothing is known") {
		t.Errorf("it prints %q", got.stdout)
	}
	if _, err := os.Stat(file); err == nil {
		t.Error("the file is there")
	}
	if objects := snapshot(t, b); len(objects) != 0 {
		t.Errorf("the bucket has %v", objects)
	}
	run(t, now, "report", "--by=namespace", "--publish-failed", config).want(t, reporter.ExitReport)
	if records := indexed(t, b, "by-namespace"); len(records) != 1 || records[0].State != report.Failed {
		t.Errorf("the index has %v", records)
	}
}

func TestADryRunOfClosingSaysWhichHours(t *testing.T) {
	t.Parallel()
	b, config := closedDay(t)
	if err := b.Delete(t.Context(), ledger.Key("eu-1", window.Hour(instant(day+"T05:00:00Z"))), bucket.Condition{}); err != nil {
		t.Fatal(err)
	}
	run(t, now, "index", "rebuild", config).succeeds(t)
	before := snapshot(t, b)
	run(t, now, "close", "--dry-run", "--from="+day, config).says(t, "Would close 12 hours of cluster eu-1:\n",
		"  2026-11-19T05:00:00Z to 2026-11-19T06:00:00Z: 1 hours\n", "  2026-11-20T00:00:00Z to 2026-11-20T11:00:00Z: 11 hours\n")
	run(t, now, "close", "--dry-run", "--from="+day+"T05", "--to="+day+"T06", config).says(t, "Would close 1 hours")
	run(t, now, "close", "--dry-run", "--restate", "--from="+day, "--to="+day+"T02", config).says(t, "Would read again 2 hours of cluster eu-1:\n")
	run(t, now, "close", "--to=2026-11-18", config).says(t, "No hour to close: --to 2026-11-18 is not after", "give --from, too")
	if diff := cmp.Diff(before, snapshot(t, b)); diff != "" {
		t.Errorf("the bucket changed (-before +after)\n%s", diff)
	}
}

// Off a terminal, the log says now and then how far a command has come.
func TestProgressInTheLog(t *testing.T) {
	t.Parallel()
	_, config := closedDay(t)
	var asked atomic.Int64 // of the clock
	var log bytes.Buffer
	err := reporter.Run(t.Context(), []string{"report", "--by=namespace", config}, io.Discard, &log, reporter.Options{Now: func() time.Time {
		return now.Add(time.Duration(asked.Add(1)) * 4 * time.Second)
	}})
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(log.String(), `msg="Still reading" at="2026-11-19 `); n < 1 || n >= 24 {
		t.Errorf("the log has %d lines of progress:\n%s", n, log.String())
	}
	if out := run(t, now, "report", "--by=namespace", config); strings.Contains(out.stderr, "Still") {
		t.Errorf("a short work says %s", out.stderr)
	}
}

// No command walks through the time in which there is nothing.
func TestCommandsOnAnEmptyBucketEnd(t *testing.T) {
	t.Parallel()
	_, setting := folder(t)
	config := "--config=" + files{"gputally.yaml": mainFile(closedPort(t), setting)}.write(t)
	for name, args := range map[string][]string{
		"verify":   {"ledger", "verify"},
		"compact":  {"ledger", "compact"},
		"coverage": {"ledger", "coverage"},
		"prune":    {"ledger", "prune"},
		"give up":  {"ledger", "compact", "--give-up", "--from=2000-01-01", "--to=9999-01-01"},
		"list":     {"report", "list", "--from=2000-01-01"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			err := reporter.Run(ctx, append(args, config), io.Discard, io.Discard, reporter.Options{Now: func() time.Time { return now }})
			if err != nil {
				t.Error(err)
			}
		})
	}
}

// has fails the test unless a file has the content.
func has(t *testing.T, file, want string) {
	t.Helper()
	got, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("%s (-want +got)\n%s", file, diff)
	}
}

// alone fails the test if there is more than one file in a folder.
func alone(t *testing.T, dir string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) != 1 {
		t.Errorf("the folder has %v", entries)
	}
}
