package report_test

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gputally/gputally/reporter/rollup/rolluptest"
)

var update = flag.Bool("update", false, "write the golden files")

const (
	h100 = rolluptest.H100
	t4   = rolluptest.T4
)

// The fleet of rolluptest, in short.
var (
	start    = rolluptest.Start()
	spec     = rolluptest.Spec
	book     = rolluptest.Book
	projects = rolluptest.Projects
	held     = rolluptest.Held
	other    = rolluptest.Other
	fleet    = rolluptest.Fleet
	roll     = rolluptest.Roll
)

// golden compares with a file of testdata, or writes it with -update.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s differs, run with -update if that is right (-want +got)\n%s", path, diff)
	}
}
