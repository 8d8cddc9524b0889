package reporter_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gputally/gputally/reporter"
)

// fullPipe takes so many bytes, and then no more.
type fullPipe struct{ left int }

func (f *fullPipe) Write(p []byte) (int, error) {
	if len(p) > f.left {
		return 0, syscall.ENOSPC
	}
	f.left -= len(p)
	return len(p), nil
}

// Whoever reads a list that is cut off takes it for whole.
func TestAnOutputThatIsCutOffIsAnError(t *testing.T) {
	t.Parallel()
	_, config := closedDay(t)
	run(t, now, "index", "rebuild", config).succeeds(t)
	for _, command := range []string{
		"check", "version", "--version", "--help", "ledger verify", "ledger coverage", "report list", "report list --format=json",
		"report --dry-run --by=pod", "report --dry-run --by=pod --format=csv", "report --dry-run --by=pod --format=json",
		"close --from=2026-11-19T00:00:00Z --to=2026-11-20T00:00:00Z --dry-run", "index rebuild",
	} {
		t.Run(command, func(t *testing.T) {
			t.Parallel()
			for _, room := range []int{0, 2} {
				var stderr bytes.Buffer
				err := reporter.Run(t.Context(), append(strings.Fields(command), config), &fullPipe{room}, &stderr,
					reporter.Options{Now: func() time.Time { return now }})
				if !errors.Is(err, syscall.ENOSPC) || reporter.ExitCode(err) != reporter.ExitFailure {
					t.Errorf("with room for %d bytes it ends with %v, exit code %d", room, err, reporter.ExitCode(err))
				}
			}
		})
	}
}

func TestADashStandsForStandardOutput(t *testing.T) {
	t.Parallel()
	_, config := closedDay(t)
	run(t, now, "report", "--by=namespace", config).succeeds(t)
	report := []string{"report", "--by=namespace", "--dry-run", "--format=csv", config}
	want := run(t, now, report...).succeeds(t)
	for _, dash := range [][]string{{"--output=-"}, {"--output", "-"}, {"-o", "-"}, {"-o-"}} {
		if got := run(t, now, append(report, dash...)...).succeeds(t); got != want {
			t.Errorf("report %q prints %q", dash, got)
		}
		if got := run(t, now, append([]string{"report", "download", "by-namespace", config}, dash...)...).succeeds(t); got != want {
			t.Errorf("download %q prints %q", dash, got)
		}
	}
	run(t, now, "report", "--by", "", config).want(t, reporter.ExitUsage, "--by is empty")
}

func TestAFileOfAReportIsWrittenWhole(t *testing.T) {
	t.Parallel()
	b, config := closedDay(t)
	report := []string{"report", "--by=namespace", "--dry-run", "--format=csv", config}
	want := run(t, now, report...).succeeds(t)
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	writes := func(name string) {
		t.Helper()
		run(t, now, append(report, "--output="+at(name))...).succeeds(t)
	}
	holds := func(name string) {
		t.Helper()
		if got, err := os.ReadFile(at(name)); err != nil || string(got) != want {
			t.Errorf("%s has %q, %v", name, got, err)
		}
	}
	for _, made := range []error{
		os.WriteFile(at("old.csv"), []byte("old"), 0o600), os.Symlink("old.csv", at("link.csv")), syscall.Mkfifo(at("pipe"), 0o600),
		os.WriteFile(at("a-file"), nil, 0o600),
	} {
		if made != nil {
			t.Fatal(made)
		}
	}
	writes("new.csv")
	holds("new.csv")
	writes("link.csv") // the file that it leads to
	holds("old.csv")
	if info, err := os.Lstat(at("link.csv")); err != nil || info.Mode()&os.ModeSymlink == 0 {
		t.Errorf("the link is %v, %v", info, err)
	}
	read := make(chan string)
	go func() {
		pipe, err := os.Open(at("pipe"))
		if err != nil {
			read <- err.Error()
			return
		}
		defer pipe.Close()
		got, _ := io.ReadAll(pipe)
		read <- string(got)
	}()
	writes("pipe")
	if got := <-read; got != want {
		t.Errorf("the pipe had %q", got)
	}

	before := snapshot(t, b)
	for name, hint := range map[string]string{
		"none/new.csv":   "no such file or directory; make its folder first",
		".":              "is a directory; that is a folder: name a file in it",
		"a-file/new.csv": "not a directory",
	} {
		run(t, now, "report", "--by=namespace", "--output="+at(name), config).want(t, reporter.ExitFailure, "write "+at(name)+": ", hint)
	}
	if after := snapshot(t, b); len(after) != len(before) {
		t.Errorf("a report whose file can't be written is published: %v", after)
	}
	left, err := filepath.Glob(at(".*"))
	if err != nil || len(left) != 0 {
		t.Errorf("left are %q, %v", left, err)
	}
}
