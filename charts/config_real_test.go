//go:build real

package charts_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"github.com/gputally/gputally/reporter/config"
)

// What the chart makes of the values is a configuration that the reporter takes.
func TestTheReporterTakesTheConfiguration(t *testing.T) {
	t.Parallel()
	const bucket = "    bucket: {url: s3://reports/prod}\n"
	tests := map[string]struct {
		values string
		want   []string // clusters with their servers
	}{
		"one cluster": {
			"    cluster: prod\n    prometheus: {url: http://prometheus:9090}\n" + bucket,
			[]string{"prod http://prometheus:9090, timeout 2m0s"},
		},
		"replicas": {
			"    cluster: prod\n    prometheus: {replicas: [http://p-0:9090, http://p-1:9090]}\n" + bucket,
			[]string{"prod http://p-0:9090 and http://p-1:9090, timeout 2m0s"},
		},
		"several clusters of one server": {
			"    prometheus: {url: http://thanos:9090}\n" + bucket +
				"    clusters: [{name: a, prometheus: {selector: {cluster: a}}}, {name: b, prometheus: {selector: {cluster: b}}}]\n",
			[]string{"a http://thanos:9090, timeout 2m0s", "b http://thanos:9090, timeout 2m0s"},
		},
		"several clusters of several": {
			bucket + "    clusters: [{name: a, prometheus: {url: http://a}}, {name: b, prometheus: {url: http://b, timeout: 5m}}]\n",
			[]string{"a http://a, timeout 2m0s", "b http://b, timeout 5m0s"},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			values := filepath.Join(dir, "values.yaml")
			if err := os.WriteFile(values, []byte("reporter:\n  config:\n"+tt.values), 0o600); err != nil {
				t.Fatal(err)
			}
			main := filepath.Join(dir, "gputally.yaml")
			if err := os.WriteFile(main, []byte(reporterConfig(t, render(t, values))), 0o600); err != nil {
				t.Fatal(err)
			}
			cfg, err := config.Load(main)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, c := range cfg.Clusters {
				got = append(got, c.Name+" "+c.Prometheus.String())
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("clusters (-want +got):\n%s", diff)
			}
		})
	}
}

// reporterConfig is gputally.yaml in what the chart renders.
func reporterConfig(t *testing.T, rendered string) string {
	t.Helper()
	for _, doc := range strings.Split(rendered, "\n---\n") {
		var m struct {
			Kind string
			Data map[string]string
		}
		if err := yaml.Unmarshal([]byte(doc), &m); err != nil {
			t.Fatal(err)
		}
		if text, found := m.Data["gputally.yaml"]; found && m.Kind == "ConfigMap" {
			return text
		}
	}
	t.Fatal("the chart renders no gputally.yaml")
	return ""
}
