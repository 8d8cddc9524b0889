package cmd_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// faultColumns are those of each table of docs/reliability.md.
var faultColumns = []string{"fault", "what happens", "metric and alert", "test"}

var (
	inBackticks = regexp.MustCompile("`([A-Za-z_]+)`")
	testFunc    = regexp.MustCompile(`(?m)^func (Test\w+)\(t \*testing\.T\)`)
	alertName   = regexp.MustCompile(`(?m)^ +- alert: (\w+)$`)
)

// A table of faults that names a test, a metric or an alert that is gone promises
// what nobody looks after.
func TestTheTableOfFaultsNamesWhatIsThere(t *testing.T) {
	t.Parallel()
	tests, alerts := declaredTests(t), matches(t, filepath.Join("..", "dashboards", "rules", "gputally.yaml"), alertName)
	metrics := matches(t, filepath.Join("..", "docs", "metrics.md"), regexp.MustCompile(`\b(gputally_[a-z_]+)`))
	rows := faultRows(t)
	if len(rows) == 0 {
		t.Error("docs/reliability.md has no row")
	}
	for _, row := range rows {
		shown, tested := named(row[2]), named(row[3])
		if len(tested) == 0 {
			t.Errorf("no test for %q", row[0])
		}
		if len(shown) == 0 && !strings.HasPrefix(row[2], "none") {
			t.Errorf("no metric for %q, and not \"none\"", row[0])
		}
		for _, name := range tested {
			if !tests[name] {
				t.Errorf("%q names %s, which is no test", row[0], name)
			}
		}
		for _, name := range shown {
			if !metrics[name] && !alerts[name] && name != "up" {
				t.Errorf("%q names %s, which is no metric of docs/metrics.md and no alert", row[0], name)
			}
		}
	}
}

// faultRows are the rows of all tables of docs/reliability.md.
func faultRows(t *testing.T) (rows [][]string) {
	t.Helper()
	doc, err := os.ReadFile(filepath.Join("..", "docs", "reliability.md"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(doc)) {
		if !strings.HasPrefix(line, "|") || strings.HasPrefix(line, "|--") {
			continue
		}
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		switch {
		case len(cells) != len(faultColumns):
			t.Errorf("a row has %d columns, want %q: %s", len(cells), faultColumns, line)
		case cells[0] == faultColumns[0]:
			if got := strings.Join(cells, "|"); got != strings.Join(faultColumns, "|") {
				t.Errorf("columns %s, want %q", got, faultColumns)
			}
		default:
			rows = append(rows, cells)
		}
	}
	return rows
}

// named are the names in a cell, without those of anything else.
func named(cell string) (names []string) {
	for _, m := range inBackticks.FindAllStringSubmatch(cell, -1) {
		names = append(names, m[1])
	}
	return names
}

// matches are the first groups of a pattern in a file.
func matches(t *testing.T, path string, pattern *regexp.Regexp) map[string]bool {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{}
	for _, m := range pattern.FindAllStringSubmatch(string(content), -1) {
		found[m[1]] = true
	}
	return found
}

// declaredTests are the tests of all packages, whatever their build tags.
func declaredTests(t *testing.T) map[string]bool {
	t.Helper()
	all := map[string]bool{}
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && strings.HasPrefix(d.Name(), ".") && path != "..":
			return fs.SkipDir
		case d.IsDir() || !strings.HasSuffix(path, "_test.go"):
			return nil
		}
		for name := range matches(t, path, testFunc) {
			all[name] = true
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}
