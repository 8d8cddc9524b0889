//go:build real

package replay_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/gputally/gputally/cmd/gputally-replay/replay"
)

// accuracy replays made-up days on three nodes.
func accuracy(t *testing.T, args ...string) (printed string, err error) {
	t.Helper()
	return run(t.Context(), t.TempDir(), append([]string{"accuracy", "--generate", "--max-nodes=3", "--dir=DIR"}, args...)...)
}

// number reads a figure of the printed result.
func number(t *testing.T, printed, name string) float64 {
	t.Helper()
	m := regexp.MustCompile(`(?m)^` + regexp.QuoteMeta(name) + ` +([-+0-9.]+)`).FindStringSubmatch(printed)
	if m == nil {
		t.Fatalf("no %q in\n%s", name, printed)
	}
	v, err := strconv.ParseFloat(m[1], 64)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestThePipelineIsExact(t *testing.T) {
	t.Parallel()
	out, err := accuracy(t, "--days=2-4", "--scrape=1m", "--life=6h")
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	if off := number(t, out, "total off by"); off < -0.01 || off > 0.01 {
		t.Errorf("the total is off by %v %%", off)
	}
	if lost := number(t, out, "pods of 5s or longer missing"); lost != 0 {
		t.Errorf("%v pods are missing", lost)
	}
	if pods, truth := number(t, out, "pods"), number(t, out, "GPU-hours placed: the truth"); pods < 100 || truth < 100 {
		t.Errorf("%v pods with %v GPU-hours are too few to tell", pods, truth)
	}
	if estimated := number(t, out, "estimated over restarts"); estimated <= 0 {
		t.Error("no collector died while pods ran")
	}
}

// Containers of 2 s to 2 h on whole GPUs and fractions: each end is off by at
// most a poll, whatever the scrape interval.
func TestChurnIsExactAtEveryScrapeInterval(t *testing.T) {
	t.Parallel()
	for _, scrape := range []string{"15s", "30s", "60s"} {
		t.Run(scrape, func(t *testing.T) {
			t.Parallel()
			out, err := accuracy(t, "--churn=1500", "--days=1-2", "--life=0s", "--shortest=2s", "--scrape="+scrape)
			if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			if off := number(t, out, "total off by"); off < -0.01 || off > 0.01 {
				t.Errorf("the total is off by %v %%", off)
			}
			if sum := number(t, out, "sum of errors per pod and hour"); sum > 0.05 {
				t.Errorf("the errors sum to %v %%", sum)
			}
			// Two GPUs at most, a poll of 1 s with its jitter at one or both ends.
			if worst := number(t, out, "largest error of a pod and hour"); worst > 2.1 {
				t.Errorf("a pod is off by %v GPU-seconds in an hour", worst)
			}
		})
	}
}

func TestADamagedHistoryEndsWithCode5(t *testing.T) {
	t.Parallel()
	out, err := accuracy(t, "--days=2-3", "--scrape=2m", "--lost=0.9")
	if code := replay.ExitCode(err); code != 5 {
		t.Errorf("code %d, want 5: %v", code, err)
	}
	if off, lost := number(t, out, "total off by"), number(t, out, "pods of 5s or longer missing"); (off > -0.1 && off < 0.1) || lost == 0 {
		t.Errorf("with nine of ten scrapes lost the total is off by %v %% and %v pods are missing", off, lost)
	}
}

func TestTheFolderKeepsEverything(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if _, err := run(t.Context(), dir, "accuracy", "--generate", "--days=2-3", "--max-nodes=1", "--scrape=2m", "--dir=DIR/a folder"); err != nil {
		t.Fatal(err)
	}
	for pattern, want := range map[string]int{
		"bucket/ledger/hourly/*/*/*/usage.parquet": 24,
		"bucket/reports/by-*/*/*/report.csv":       2,
	} {
		found, err := filepath.Glob(filepath.Join(dir, "a folder", pattern))
		if err != nil || len(found) != want {
			t.Errorf("%s: %d, want %d: %v", pattern, len(found), want, err)
		}
	}
	csv, err := os.ReadFile(first(t, filepath.Join(dir, "a folder", "bucket/reports/by-pod/*/*/report.csv")))
	if err != nil || !strings.Contains(string(csv), ",vision-batch,eval-") {
		t.Errorf("no pod in the report: %v\n%s", err, csv)
	}
}

func first(t *testing.T, pattern string) string {
	t.Helper()
	found, err := filepath.Glob(pattern)
	if err != nil || len(found) == 0 {
		t.Fatalf("no %s: %v", pattern, err)
	}
	return found[0]
}
