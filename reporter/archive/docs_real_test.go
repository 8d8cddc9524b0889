//go:build real

package archive_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gputally/gputally/reporter/archive"
	"github.com/gputally/gputally/reporter/bucket/dir"
	"github.com/gputally/gputally/reporter/quota"
	"github.com/gputally/gputally/reporter/report"
	"github.com/gputally/gputally/reporter/rollup/rolluptest"
)

// The query in docs/reports.md has each period once, however often it was made.
func TestTheDocumentedGlobHasEachPeriodOnce(t *testing.T) {
	t.Parallel()
	docs, err := os.ReadFile("../../docs/reports.md")
	if err != nil {
		t.Fatal(err)
	}
	_, sql, _ := strings.Cut(string(docs), "```sql\n")
	sql, _, _ = strings.Cut(sql, "```")
	const bucketOfDocs = "s3://reports/prod/"
	if !strings.Contains(sql, bucketOfDocs) {
		t.Fatalf("the query is %q", sql)
	}
	folder := t.TempDir()
	b, err := dir.New(t.Context(), folder)
	if err != nil {
		t.Fatal(err)
	}
	projects, err := quota.New(nil, []quota.Project{{Name: "sight", Namespaces: quota.Always("vision")}})
	if err != nil {
		t.Fatal(err)
	}
	a := open(b, start)
	as := archive.Publication{Name: "by-project", Period: "2026-11-20"}
	for _, c := range []struct {
		period   string
		revision int
		hours    int
	}{{"2026-11-20", 1, 2}, {"2026-11-20", 2, 2}, {"2026-11-21", 1, 2}, {"2026-11-22", 1, 2}, {"2026-11-22", 1, 1}} {
		s := spec("eu-1")
		s.GroupBy = []report.Dimension{report.ByProject}
		table, err := rolluptest.Table(s, day(c.revision)[:c.hours], projects, nil)
		if err != nil {
			t.Fatal(err)
		}
		as.Period = c.period
		publish(t, a, table, as)
	}
	binary, err := filepath.Abs("../../.tools/bin/duckdb")
	if err != nil {
		t.Fatal(err)
	}
	sql = strings.Replace(sql, bucketOfDocs, folder+"/", 1)
	out, err := exec.CommandContext(t.Context(), binary, "-threads", "1", "-c", sql).CombinedOutput()
	if err != nil {
		t.Fatalf("%s (run make tools): %v: %s", binary, err, out)
	}
	// Of the day whose latest revision is Failed there is none.
	if diff := cmp.Diff("sight,4", lastColumns(string(out))); diff != "" {
		t.Errorf("%s\n(-want +got)\n%s", out, diff)
	}
}

// lastColumns are the last two columns of the last line.
func lastColumns(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	cells := strings.Split(lines[len(lines)-1], ",")
	return strings.Join(cells[max(0, len(cells)-2):], ",")
}
