package dashboards_test

import (
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/gputally/gputally/dashboards"
)

type rule struct {
	Alert, Record, Expr string
	Labels, Annotations map[string]string
}

func rules(t *testing.T) []rule {
	t.Helper()
	raw, err := fs.ReadFile(dashboards.Files, path.Join("rules", "gputally.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Groups []struct{ Rules []rule } }
	if err := yaml.Unmarshal(raw, &file); err != nil {
		t.Fatal(err)
	}
	var all []rule
	for _, g := range file.Groups {
		all = append(all, g.Rules...)
	}
	if len(all) == 0 {
		t.Fatal("no rules")
	}
	return all
}

// Whoever is woken by an alert has to know what to do and where to look.
func TestEachAlertSaysWhatToDo(t *testing.T) {
	t.Parallel()
	for _, r := range rules(t) {
		if r.Labels["severity"] == "" || r.Annotations["summary"] == "" || r.Annotations["description"] == "" {
			t.Errorf("%s lacks its severity, summary or description", r.Alert)
		}
	}
}

// promtool says whether the tests pass; this says that there are enough of them.
func TestEachAlertIsTestedFiringAndQuiet(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(filepath.Join("rules", "*_test.yaml"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no tests of rules: %v", err)
	}
	fires, quiet := map[string]bool{}, map[string]bool{}
	for _, name := range files {
		raw, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		var file struct {
			Tests []struct {
				Checks []struct {
					Alert string `yaml:"alertname"`
					Want  []any  `yaml:"exp_alerts"`
				} `yaml:"alert_rule_test"`
			}
		}
		if err := yaml.Unmarshal(raw, &file); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for _, test := range file.Tests {
			for _, c := range test.Checks {
				if len(c.Want) > 0 {
					fires[c.Alert] = true
				} else {
					quiet[c.Alert] = true
				}
			}
		}
	}
	for _, r := range rules(t) {
		if r.Alert != "" && (!fires[r.Alert] || !quiet[r.Alert]) {
			t.Errorf("%s: tested to fire: %t, to be quiet: %t", r.Alert, fires[r.Alert], quiet[r.Alert])
		}
	}
}
