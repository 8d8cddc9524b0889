package reporter_test

import (
	"archive/tar"
	"compress/gzip"
	"errors"
	"io"
	"maps"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gputally/gputally/reporter/bucket"
)

// Where the bucket lies that an earlier version wrote, and when it was left.
const oldBucket = "testdata/bucket-3c1c63a/"

var oldNow = instant("2026-11-03T02:20:00Z")

// unpack puts the files of an archive into a folder.
func unpack(t *testing.T, tarball, dir string) {
	t.Helper()
	file, err := os.Open(tarball)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	zip, err := gzip.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	for r := tar.NewReader(zip); ; {
		header, err := r.Next()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		name := filepath.Join(dir, filepath.FromSlash(header.Name))
		if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o750), os.WriteFile(name, content, 0o600)); err != nil {
			t.Fatal(err)
		}
	}
}

// updated is the bucket of the earlier version, with more archives on top, and a
// configuration of it.
func updated(t *testing.T, prometheus string, more ...string) (b bucket.Bucket, config string) {
	t.Helper()
	dir, setting := folder(t)
	for _, name := range append([]string{"bucket.tar.gz"}, more...) {
		unpack(t, oldBucket+name, dir)
	}
	f := files{"gputally.yaml": mainFile(prometheus, setting) + `node_pool_label: label_pool
minimum_coverage: 0.9
ledger: {restate_within: 1d, retain: {hourly: 1d}}
prices: prices.yaml
projects: projects.yaml
`}
	f["gputally.yaml"] = strings.Replace(f["gputally.yaml"], "timeout:", "selector: {job: gputally-collector}, timeout:", 1)
	for _, name := range []string{"prices.yaml", "projects.yaml"} {
		content, err := os.ReadFile(oldBucket + name)
		if err != nil {
			t.Fatal(err)
		}
		f[name] = string(content)
	}
	return openFolder(t, dir), "--config=" + f.write(t)
}

// oldSays is what the earlier version said of the bucket.
func oldSays(t *testing.T, name string) string {
	t.Helper()
	dir := t.TempDir()
	unpack(t, oldBucket+"expected.tar.gz", dir)
	content, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// indexOfReports is what this version splits by month: where the index of reports
// was, and where it is.
var indexOfReports = []string{"index/reports/", "index/published/"}

// same fails the test unless a bucket is as it was, but for what points to the
// latest reports, and for keys that begin with one of some prefixes.
func same(t *testing.T, what string, before, after map[string]string, but ...string) {
	t.Helper()
	for _, objects := range []map[string]string{before, after} {
		maps.DeleteFunc(objects, func(key, _ string) bool { return path.Base(key) == "latest.json" })
		for _, prefix := range but {
			for _, key := range keys(objects, prefix, "") {
				delete(objects, key)
			}
		}
	}
	if diff := cmp.Diff(before, after); diff != "" {
		t.Errorf("%s (-before +after)\n%s", what, diff)
	}
}

// groupings are the reports of the two whole days, as they were grouped.
var groupings = []string{"project", "department", "node_pool", "node", "cluster", "namespace", "pod"}

// reportsAsBefore fails the test unless the two whole days have the same
// reports, byte for byte.
func reportsAsBefore(t *testing.T, config string) {
	t.Helper()
	for _, by := range groupings {
		got := run(t, oldNow, "report", "--dry-run", "--format=csv", "--by="+by, "--period=2026-11-01T00:00:00Z/2026-11-03T00:00:00Z", config).succeeds(t)
		if diff := cmp.Diff(oldSays(t, by+".csv"), got); diff != "" {
			t.Errorf("the report by %s (-before +now)\n%s", by, diff)
		}
	}
}

// publishedBefore are the reports in the bucket that are current.
var publishedBefore = [][]string{
	{"--by=project", "--period=2026-11-01"},
	{"--by=project", "--period=2026-11-02"},
	{"--by=pod,node", "--period=2026-11-02", "--time-zone=Asia/Kolkata"},
	{"--by=namespace", "--period=2026-11-01T00:00:00Z/2026-11-03T00:00:00Z"},
}

// supersededBefore is where the report of 2026-11-02 lies that another one
// superseded after hours had been restated.
const supersededBefore = "reports/by-project/2026-11-02/c1e38693652f0b30/"

func publishAgain(t *testing.T, config string) {
	t.Helper()
	for _, args := range publishedBefore {
		run(t, oldNow, append([]string{"report", config}, args...)...).succeeds(t)
	}
}

func TestABucketOfAnEarlierVersionIsRead(t *testing.T) {
	t.Parallel()
	b, config := updated(t, closedPort(t))
	before := snapshot(t, b)
	run(t, oldNow, "ledger", "verify", config).succeeds(t)
	reportsAsBefore(t, config)
	if diff := cmp.Diff(oldSays(t, "coverage.csv"), coverageByHour(t, config)); diff != "" {
		t.Errorf("coverage by hour (-before +now)\n%s", diff)
	}
	publishAgain(t, config)
	same(t, "publishing what was published", before, snapshot(t, b), indexOfReports...)
	run(t, oldNow, "index", "rebuild", config).succeeds(t)
	if n := len(keys(snapshot(t, b), "index/reports/", "")); n != 0 {
		t.Errorf("%d objects of the earlier version's index are left", n)
	}
}

func coverageByHour(t *testing.T, config string) string {
	t.Helper()
	return run(t, oldNow, "ledger", "coverage", "--by=hour", "--format=csv", "--cluster=eu-1", config).succeeds(t)
}

// Current reports that are gone are made again, as the same files under the
// same names.
func TestReportsOfAnEarlierVersionAreMadeTheSame(t *testing.T) {
	t.Parallel()
	b, config := updated(t, closedPort(t))
	before := snapshot(t, b)
	for key := range before {
		if strings.HasPrefix(key, "reports/") && !strings.HasPrefix(key, supersededBefore) {
			if err := b.Delete(t.Context(), key, bucket.Condition{}); err != nil {
				t.Fatal(err)
			}
		}
	}
	run(t, oldNow, "index", "rebuild", config).succeeds(t)
	publishAgain(t, config)
	after := snapshot(t, b)
	for _, key := range keys(before, "reports/", "report.csv") {
		if after[key] != before[key] {
			t.Errorf("%s was %q and is %q", key, before[key], after[key])
		}
	}
	for _, name := range []string{"report.csv", "manifest.json"} {
		if was, n := len(keys(before, "reports/", name)), len(keys(after, "reports/", name)); n != was {
			t.Errorf("there were %d %s, and are %d", was, name, n)
		}
	}
}

// The hour of another cluster with the same GPUs says so in its footer.
func TestAnHourOfAnEarlierVersionInTwoClusters(t *testing.T) {
	t.Parallel()
	b, config := updated(t, closedPort(t), "other.tar.gz")
	run(t, oldNow, "index", "rebuild", config).succeeds(t)
	before := snapshot(t, b)
	run(t, oldNow, "report", "--by=cluster", "--period=2026-11-03T00", config).succeeds(t)
	if n := len(keys(before, "ledger/hourly/cluster=eu-2/", "")); n != 1 {
		t.Errorf("%d hours of the other cluster", n)
	}
	same(t, "publishing what was published", before, snapshot(t, b))
}

func TestDaysOfAnEarlierVersionAreCompacted(t *testing.T) {
	t.Parallel()
	b, config := updated(t, closedPort(t))
	before := snapshot(t, b)
	run(t, oldNow, "ledger", "compact", "--to=2026-11-02T00:00:00Z", config).says(t, "Compacted 0 days of cluster eu-1")
	same(t, "compacting a day that is compacted", before, snapshot(t, b))

	run(t, oldNow, "ledger", "compact", config).says(t, "Compacted 1 days of cluster eu-1")
	const table = "ledger/daily/cluster=eu-1/date=2026-11-02/usage.parquet"
	if string(read(t, b, table)) != oldSays(t, "daily.parquet") {
		t.Error("the daily table is not the one that the earlier version makes")
	}
	whole := snapshot(t, b)
	same(t, "compacting", before, snapshot(t, b), table)
	run(t, oldNow, "ledger", "compact", config).says(t, "Compacted 0 days of cluster eu-1")
	same(t, "compacting again", whole, snapshot(t, b))
	reportsAsBefore(t, config)

	// A day later, the tables alone have the hours.
	run(t, instant("2026-11-04T02:20:00Z"), "ledger", "prune", config).says(t, "24 hourly")
	reportsAsBefore(t, config)
	run(t, oldNow, "ledger", "verify", config).succeeds(t)
}

func TestTheIndexOfAnEarlierVersionIsMadeAgain(t *testing.T) {
	t.Parallel()
	b, config := updated(t, closedPort(t))
	for _, key := range keys(snapshot(t, b), "index/", "") {
		if err := b.Delete(t.Context(), key, bucket.Condition{}); err != nil {
			t.Fatal(err)
		}
	}
	run(t, oldNow, "index", "rebuild", config).succeeds(t)
	rebuilt := snapshot(t, b)
	if diff := cmp.Diff(oldSays(t, "coverage.csv"), coverageByHour(t, config)); diff != "" {
		t.Errorf("coverage by hour (-before +now)\n%s", diff)
	}
	publishAgain(t, config)
	run(t, oldNow, "ledger", "verify", config).succeeds(t)
	same(t, "publishing what was published", rebuilt, snapshot(t, b))
}
