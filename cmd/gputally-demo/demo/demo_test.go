package demo_test

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

	"github.com/gputally/gputally/cmd/gputally-demo/demo"
)

func TestFolderOfSomebodyElseIsLeftAlone(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "thesis.txt")
	if err := os.WriteFile(file, []byte("three years"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := demo.OpenFolder(dir)
	if !errors.Is(err, demo.ErrUsage) || !strings.Contains(err.Error(), "is not empty and not a demo's") {
		t.Errorf("error %v", err)
	}
	if _, err := os.Stat(file); err != nil {
		t.Errorf("the file is gone: %v", err)
	}
}

func TestFolderOfAnEarlierDemoIsEmptied(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	f, err := demo.OpenFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	old := filepath.Join(dir, "bucket")
	if err := os.Mkdir(old, 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := demo.OpenFolder(dir); err == nil || !strings.Contains(err.Error(), "a demo is running in") {
		t.Errorf("a locked folder is opened twice: %v", err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	again, err := demo.OpenFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if _, err := os.Stat(old); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("what the earlier demo left is still there: %v", err)
	}
}

func TestTheDaysReportedHaveSettled(t *testing.T) {
	t.Parallel()
	day := func(d int) time.Time { return time.Date(2026, 11, d, 0, 0, 0, 0, time.UTC) }
	for name, tc := range map[string]struct {
		now, from time.Time
		want      string
	}{
		"at noon, the week before today":            {day(21).Add(12 * time.Hour), day(1), "2026-11-14/2026-11-21"},
		"just after midnight, the week before that": {day(21).Add(4 * time.Minute), day(1), "2026-11-13/2026-11-20"},
		"a short history, all of it":                {day(21).Add(12 * time.Hour), day(20), "2026-11-20/2026-11-21"},
		"a day of history just after midnight":      {day(21).Add(4 * time.Minute), day(20), "2026-11-20T00:00:00Z/2026-11-20T23:00:00Z"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := demo.Days(tc.now, tc.from); got != tc.want {
				t.Errorf("%s, want %s", got, tc.want)
			}
		})
	}
}

func TestFullDiskIsExplained(t *testing.T) {
	t.Parallel()
	full := &os.PathError{Op: "write", Path: "chunks", Err: syscall.ENOSPC}
	err := demo.Explain(full, ".demo")
	if !errors.Is(err, syscall.ENOSPC) || !strings.Contains(err.Error(), "free some space or use --dir on another disk") {
		t.Errorf("error %v", err)
	}
	if got := demo.Explain(errors.New("other"), ".demo").Error(); got != "other" {
		t.Errorf("another error is changed to %q", got)
	}
}

func TestWrongFlagsAreUsageErrors(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"--days=0"}, {"--no-such-flag"}, {"--days=word"}} {
		err := demo.Run(t.Context(), args, io.Discard, io.Discard, demo.Options{Now: time.Now})
		if !errors.Is(err, demo.ErrUsage) {
			t.Errorf("%v: %v", args, err)
		}
	}
	var out bytes.Buffer
	if err := demo.Run(t.Context(), []string{"--help"}, &out, io.Discard, demo.Options{Now: time.Now}); err != nil || !strings.Contains(out.String(), "--days") {
		t.Errorf("--help: %v\n%s", err, out.String())
	}
}
