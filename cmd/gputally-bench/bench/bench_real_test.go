//go:build real

package bench_test

import (
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// build builds the commands that are measured.
func build(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	const commands = "github.com/gputally/gputally/cmd/"
	cmd := exec.Command("go", "build", "-o", dir, commands+"gputally-bench", commands+"gputally-reporter", commands+"gputally-replay")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return dir
}

func TestTableOfASmallFleet(t *testing.T) {
	t.Parallel()
	duckdb, err := filepath.Abs("../../../.tools/bin/duckdb")
	if err != nil {
		t.Fatal(err)
	}
	args := []string{
		"--bin=" + build(t), "--dir=" + t.TempDir(), "--duckdb=" + duckdb, "--rounds=2",
		"--gpus=80", "--hours=2", "--big=160", "--month-gpus=40", "--days=1", "--churn=300", "--churn-gpus=8", "--churn-days=1",
	}
	first, err := run(t.Context(), args...)
	if err != nil {
		t.Fatalf("%v\n%s", err, first)
	}
	for _, want := range []string{
		`Closing one hour of 80 GPUs`, `Closing 2 hours, one by one of 80 GPUs`, `Closing one hour of 160 GPUs`,
		`floor, remote_read +\d+\.\d\d s`, `floor, json +\d+\.\d\d s`, `gputally-reporter close +\d+\.\d\d s × \d+\.\d\d +\d+\.\d\d s × \d+\.\d\d +[1-9]\d* MiB`,
		`GPU-hours held, off by [+-]0\.0\d+ %; sum of errors per container, GPU and hour 0\.0\d+ %, 0 of [1-9]\d* are missing`,
		`Reporting 1 days of 40 GPUs by project`, `Reporting 1 days of 40 GPUs by pod`, `in 24 hours`,
		`DuckDB +\d`, `gputally-reporter report +\d`, `[1-9]\d* rows, all sums equal`,
		`300 pods a day on 8 GPUs, 1 days`, `scraped every 60s .* missing`,
	} {
		if !regexp.MustCompile(want).MatchString(first) {
			t.Errorf("%q is not in\n%s", want, first)
		}
	}
	second, err := run(t.Context(), append(args, "reporting")...)
	if err != nil || strings.Contains(second, "Made up") || !strings.Contains(second, "all sums equal") {
		t.Errorf("what was made up is not used again: %v\n%s", err, second)
	}
}
