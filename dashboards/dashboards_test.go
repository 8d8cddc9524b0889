package dashboards_test

import (
	"encoding/json"
	"flag"
	"io/fs"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/grafana/grafana-foundation-sdk/go/cog/plugins"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/promql/parser"

	"github.com/gputally/gputally/collector/metric"
	"github.com/gputally/gputally/dashboards"
	"github.com/gputally/gputally/dashboards/build"
	books "github.com/gputally/gputally/reporter/metric"
)

var update = flag.Bool("update", false, "write the dashboards again")

func TestMain(m *testing.M) {
	plugins.RegisterDefaultPlugins()
	m.Run() // since Go 1.15 the exit code is kept
}

func TestDashboardsAreUpToDate(t *testing.T) {
	t.Parallel()
	d, err := build.Usage()
	if err != nil {
		t.Fatal(err)
	}
	want, err := json.MarshalIndent(d, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	want = append(want, '\n')
	if *update {
		if err := os.WriteFile("usage.json", want, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	got, err := fs.ReadFile(dashboards.Files, "usage.json")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("usage.json is stale; run make generate (-want +got):\n%s", diff)
	}
}

// load reads every dashboard strictly.
func load(t *testing.T) map[string]dashboard.Dashboard {
	t.Helper()
	names, err := fs.Glob(dashboards.Files, "*.json")
	if err != nil || len(names) == 0 {
		t.Fatalf("no dashboards: %v", err)
	}
	all := map[string]dashboard.Dashboard{}
	for _, name := range names {
		raw, err := fs.ReadFile(dashboards.Files, name)
		if err != nil {
			t.Fatal(err)
		}
		var d dashboard.Dashboard
		if err := d.UnmarshalJSONStrict(raw); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		all[name] = d
	}
	return all
}

// panel is what the rules of this project ask of every panel.
type panel struct {
	ID          uint32                                `json:"id"`
	Type        string                                `json:"type"`
	Title       string                                `json:"title"`
	Description string                                `json:"description"`
	Datasource  struct{ UID string }                  `json:"datasource"`
	Targets     []struct{ Expr, LegendFormat string } `json:"targets"`
	FieldConfig struct {
		Defaults struct{ Unit string } `json:"defaults"`
	} `json:"fieldConfig"`
}

func panels(t *testing.T, name string) []panel {
	t.Helper()
	raw, err := fs.ReadFile(dashboards.Files, name)
	if err != nil {
		t.Fatal(err)
	}
	var d struct{ Panels []panel }
	if err := json.Unmarshal(raw, &d); err != nil {
		t.Fatal(err)
	}
	return d.Panels
}

func TestDashboardsKeepTheRulesOfTheHouse(t *testing.T) {
	t.Parallel()
	for name, d := range load(t) {
		if d.Uid == nil || !strings.HasPrefix(*d.Uid, "gputally-") {
			t.Errorf("%s: uid must be fixed and begin with gputally-", name)
		}
		ids := map[uint32]bool{}
		for _, p := range panels(t, name) {
			if ids[p.ID] {
				t.Errorf("%s: panel id %d comes twice", name, p.ID)
			}
			ids[p.ID] = true
			if p.Type == "row" {
				continue
			}
			switch {
			case p.Description == "":
				t.Errorf("%s: panel %q has no description", name, p.Title)
			case p.Datasource.UID != "$datasource":
				t.Errorf("%s: panel %q reads from %q, not from $datasource", name, p.Title, p.Datasource.UID)
			case p.FieldConfig.Defaults.Unit == "":
				t.Errorf("%s: panel %q has no unit", name, p.Title)
			case len(p.Targets) == 0:
				t.Errorf("%s: panel %q asks nothing", name, p.Title)
			}
			for _, target := range p.Targets {
				if target.LegendFormat == "" {
					t.Errorf("%s: panel %q: %s has no legend", name, p.Title, target.Expr)
				}
			}
		}
	}
}

// variables stand for Grafana's when an expression is parsed.
var variables = strings.NewReplacer("$__rate_interval", "5m", "$node", ".*", "$namespace", ".*")

func TestExpressionsUseKnownMetricsOnly(t *testing.T) {
	t.Parallel()
	known := map[string]bool{}
	for _, f := range append(metric.Families(), books.Families()...) {
		known[f.Name] = true
	}
	check := func(where, expr string) {
		e, err := parser.NewParser(parser.Options{}).ParseExpr(variables.Replace(expr))
		if err != nil {
			t.Errorf("%s: %v", where, err)
			return
		}
		for _, selectors := range parser.ExtractSelectors(e) {
			for _, m := range selectors {
				if m.Name == model.MetricNameLabel && !known[m.Value] {
					t.Errorf("%s: no such metric: %s", where, m.Value)
				}
			}
		}
	}
	for name := range load(t) {
		for _, p := range panels(t, name) {
			for _, target := range p.Targets {
				check(name+": "+p.Title, target.Expr)
			}
		}
	}
	for _, r := range rules(t) {
		check(r.Alert, r.Expr)
	}
}

func TestVariablesAreAllReplacedInTheTests(t *testing.T) {
	t.Parallel()
	left := regexp.MustCompile(`\$\w+`)
	for name := range load(t) {
		for _, p := range panels(t, name) {
			for _, target := range p.Targets {
				if v := left.FindString(variables.Replace(target.Expr)); v != "" {
					t.Errorf("%s: %s: variable %s is not known to the tests", name, p.Title, v)
				}
			}
		}
	}
}
