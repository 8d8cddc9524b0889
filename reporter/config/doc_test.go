package config_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gputally/gputally/reporter/config"
)

// tableRow is a row of a table of keys; the first column is the key.
var tableRow = regexp.MustCompile("(?m)^\\| `([^`]+)` \\|")

// The documentation has each key of each file in the order of the code, and
// none besides.
func TestDocumentationHasEveryKey(t *testing.T) {
	t.Parallel()
	sections := strings.Split(documentation(t), "\n## ")
	for file, keys := range config.Keys() {
		i := slices.IndexFunc(sections, func(s string) bool { return strings.HasPrefix(s, file+"\n") })
		if i < 0 {
			t.Errorf("docs/configuration.md has no section %s", file)
			continue
		}
		var documented []string
		for _, m := range tableRow.FindAllStringSubmatch(sections[i], -1) {
			documented = append(documented, m[1])
		}
		if diff := cmp.Diff(keys, documented); diff != "" {
			t.Errorf("keys of %s in docs/configuration.md (-code +documentation):\n%s", file, diff)
		}
	}
}

// The examples of the documentation are the files that TestExample loads.
func TestDocumentationHasTheExamples(t *testing.T) {
	t.Parallel()
	text := documentation(t)
	files, err := filepath.Glob("example/*.yaml")
	if err != nil || len(files) != 5 {
		t.Fatalf("got examples %v, %v", files, err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(text, "```yaml\n"+string(data)+"```\n") {
			t.Errorf("docs/configuration.md does not show %s as it is", file)
		}
	}
}

func TestDocumentationHasTheDefaults(t *testing.T) {
	t.Parallel()
	text := documentation(t)
	for _, row := range []string{
		"| `settle` | `10m` |", "| `minimum_coverage` | `0.99` |", "| `report_deadline` | `6h` |", "| `prometheus.timeout` | `2m` |",
		"| `prometheus.road` | `auto` |", "| `prometheus.max_concurrent` | `2` |",
		"| `ledger.restate_within` | `35d` |", "| `ledger.retain.edges` | `90d` |", "| `ledger.retain.hourly` | for ever |",
		"| `reports.retain` | for ever |",
	} {
		if !strings.Contains(text, row) {
			t.Errorf("docs/configuration.md lacks the row %s", row)
		}
	}
}

func documentation(t *testing.T) string {
	t.Helper()
	data, err := os.ReadFile("../../docs/configuration.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}
