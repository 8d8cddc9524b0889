package config_test

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gputally/gputally/reporter/config"
	"github.com/gputally/gputally/reporter/usage"
)

var update = flag.Bool("update", false, "write the messages that testdata/bad gives into its golden files")

const minimal = "cluster: prod\nprometheus: {url: http://prometheus:9090}\nbucket: {url: s3://reports/prod}\n"

// write puts a main file into a folder of its own.
func write(t testing.TB, main string, others map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	path := filepath.Join(dir, "gputally.yaml")
	files := map[string]string{"gputally.yaml": main}
	for name, content := range others {
		files[name] = content
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return path
}

// Each file in testdata/bad breaks one rule; what it is, is the part of its
// name before the first underscore.
func TestBadFiles(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/bad/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no bad files: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".yaml"), func(t *testing.T) {
			t.Parallel()
			path := mainFor(t, file)
			cfg, err := config.Load(path)
			var errs config.Errors
			if cfg != nil || !errors.As(err, &errs) {
				t.Fatalf("got %v, %v; want no configuration and config.Errors", cfg, err)
			}
			folder, err := filepath.Abs("testdata/bad")
			if err != nil {
				t.Fatal(err)
			}
			got := strings.NewReplacer(folder+"/", "", "testdata/bad/", "").Replace(errs.Error()) + "\n"
			if strings.Contains(got, "hunter2") {
				t.Errorf("the message has a password in it:\n%s", got)
			}
			golden := strings.TrimSuffix(file, ".yaml") + ".golden"
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// mainFor returns a main file that is the file or, if that is of another kind,
// names it.
func mainFor(t *testing.T, file string) string {
	t.Helper()
	kind, _, _ := strings.Cut(filepath.Base(file), "_")
	if kind == "main" {
		return file
	}
	abs, err := filepath.Abs(file)
	if err != nil {
		t.Fatal(err)
	}
	main := minimal + fmt.Sprintf("%s: %q\n", kind, abs)
	if kind == "schedules" {
		main += "projects: projects.yaml\n"
	}
	return write(t, main, map[string]string{"projects.yaml": "projects: [{name: vision, namespaces: [vision]}]\n"})
}

func TestDefaults(t *testing.T) {
	t.Parallel()
	cfg, err := config.Load(write(t, minimal, nil))
	if err != nil {
		t.Fatal(err)
	}
	if len(cfg.Clusters) != 1 {
		t.Fatalf("got %+v", cfg)
	}
	p := cfg.Clusters[0].Prometheus
	if cfg.Clusters[0].Name != "prod" || cfg.Settle != 10*time.Minute || cfg.MinimumCoverage != 0.99 ||
		p.Timeout != 2*time.Minute || p.Road != "auto" || p.MaxConcurrent != 2 {
		t.Errorf("got %+v", cfg)
	}
	const day = 24 * time.Hour
	if diff := cmp.Diff(config.Ledger{RestateWithin: 35 * day, Retain: config.Retain{Edges: 90 * day}}, cfg.Ledger); diff != "" {
		t.Errorf("ledger (-want +got):\n%s", diff)
	}
	if cfg.Reports != (config.Reports{}) {
		t.Errorf("reports are kept for %s, and not for ever", cfg.Reports.Retain)
	}
	if cfg.Prices != nil || cfg.Projects != nil || cfg.Bucket.Endpoint != nil {
		t.Error("what no file names is not nil")
	}
	if !p.HTTP.FollowRedirects || !p.HTTP.EnableHTTP2 {
		t.Error("the HTTP client lacks its library's defaults")
	}
	// Without projects, the shipped schedules that need none.
	var names []string
	for _, s := range cfg.Schedules {
		names = append(names, s.Name)
	}
	if diff := cmp.Diff([]string{"daily-by-namespace", "monthly-by-node-pool"}, names); diff != "" {
		t.Errorf("schedules (-want +got):\n%s", diff)
	}
}

func TestExample(t *testing.T) {
	t.Parallel()
	cfg, err := config.Load(filepath.Join("example", "gputally.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := cfg.Clusters[0].Prometheus.HTTP.BasicAuth.PasswordFile, filepath.Join("example", "prometheus-password"); got != want {
		t.Errorf("a file of the HTTP client is %s, not %s beside the main file", got, want)
	}
	if cfg.Prices.Currency() != "EUR" || len(cfg.Schedules) != 2 || cfg.Schedules[0].Zone.String() != "Europe/Berlin" {
		t.Errorf("got %+v", cfg)
	}
	for at, want := range map[time.Time]string{
		time.Date(2026, 6, 30, 21, 59, 0, 0, time.UTC): "robots",
		time.Date(2026, 6, 30, 22, 0, 0, 0, time.UTC):  "vision", // midnight in Berlin
	} {
		if project, _ := cfg.Projects.Of("prod", "robots-sim", at); project != want {
			t.Errorf("namespace robots-sim is of %q at %s", project, at)
		}
	}
	if project, department := cfg.Projects.Of("prod", "vision-train", time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)); project != "vision" || department != "research" {
		t.Errorf("namespace vision-train is of %q, %q", project, department)
	}
	if grants := cfg.Projects.At(time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)); len(grants) == 0 ||
		grants[0].DeservedMilli != 8000 || *grants[0].LimitMilli != 16000 || grants[0].OverQuotaWeight != 2 {
		t.Errorf("quotas are %+v", grants)
	}
	// Midnight in Berlin is 22:00 UTC in summer: the new price counts from there.
	for at, want := range map[string]string{"2026-06-30T21:00:00Z": "3.200000", "2026-06-30T22:00:00Z": "2.900000"} {
		from, err := time.Parse(time.RFC3339, at)
		if err != nil {
			t.Fatal(err)
		}
		got, err := cfg.Prices.Cost(usage.Segment{
			State: usage.Allocated, Model: "NVIDIA H200", Share: 1, GPUMillis: 3_600_000,
			HeldFrom: from.UnixMilli(), HeldTo: from.Add(time.Hour).UnixMilli(),
		})
		if err != nil || got.String() != want {
			t.Errorf("an hour from %s costs %s, %v; want %s", at, got, err, want)
		}
	}
}

// What a cluster does not say, it has from the main file's own keys.
func TestClustersInherit(t *testing.T) {
	t.Parallel()
	cfg, err := config.Load(filepath.Join("example", "clusters.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	type cluster struct {
		Name, Servers, Road, User, PasswordFile, Pool string
		Concurrent                                    int
		Selector, NodeLabels                          map[string]string
	}
	var got []cluster
	for _, c := range cfg.Clusters {
		p := c.Prometheus
		made := cluster{c.Name, p.String(), p.Road, "", "", c.NodePoolLabel, p.MaxConcurrent, p.Selector, p.NodeLabelsSelector}
		if auth := p.HTTP.BasicAuth; auth != nil {
			made.User, made.PasswordFile = auth.Username, auth.PasswordFile
		}
		got = append(got, made)
	}
	password := filepath.Join("example", "prometheus-password")
	want := []cluster{
		{"eu-1", "http://thanos-query:9090, timeout 1m0s", "auto", "gputally", password, "label_nodepool", 2, map[string]string{"job": "gputally", "cluster": "eu-1"}, map[string]string{"cluster": "eu-1"}},
		{"eu-2", "http://thanos-query:9090, timeout 1m0s", "auto", "gputally", password, "label_pool", 2, map[string]string{"job": "gputally", "cluster": "eu-2"}, map[string]string{"cluster": "eu-2"}},
		{
			"lab", "http://prometheus-0.lab:9090 and http://prometheus-1.lab:9090, timeout 1m0s", "remote_read", "", "", "label_nodepool", 4,
			map[string]string{"job": "collectors"},
			map[string]string{},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("clusters (-want +got):\n%s", diff)
	}
}

// kube-state-metrics is another target than the collectors, of the same cluster.
func TestSelectorOfNodeLabels(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		prometheus string
		want       map[string]string
	}{
		"there is none": {"{}", nil},
		"what tells targets apart does not count":   {"{selector: {job: a, instance: b, namespace: c, pod: d, container: e, service: f, endpoint: g}}", map[string]string{}},
		"what tells clusters apart does":            {"{selector: {job: a, cluster: eu-1, region: eu}}", map[string]string{"cluster": "eu-1", "region": "eu"}},
		"a label may be added":                      {"{selector: {cluster: eu-1}, node_labels_selector: {job: ksm}}", map[string]string{"cluster": "eu-1", "job": "ksm"}},
		"a label may be another one":                {`{selector: {cluster: eu-1}, node_labels_selector: {cluster: "", k8s: one}}`, map[string]string{"cluster": "", "k8s": "one"}},
		"without a selector, its own labels remain": {"{node_labels_selector: {k8s: one}}", map[string]string{"k8s": "one"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text := "prometheus: {url: http://thanos}\nbucket: {url: s3://reports/prod}\nclusters: [{name: a, prometheus: " + tt.prometheus + "}]\n"
			cfg, err := config.Load(write(t, text, nil))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, cfg.Clusters[0].Prometheus.NodeLabelsSelector); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// Servers of many tenants have one URL for all of them.
func TestTenantsOfOneServerDoNotOverlap(t *testing.T) {
	t.Parallel()
	for name, main := range map[string]string{
		"told apart by a header": `
  - {name: a, prometheus: {http: {http_headers: {X-Scope-OrgID: {values: [a]}}}}}
  - {name: b, prometheus: {http: {http_headers: {X-Scope-OrgID: {values: [b]}}}}}
`,
		"told apart by the user": `
  - {name: a, prometheus: {http: {basic_auth: {username: a, password_file: p}}}}
  - {name: b, prometheus: {http: {basic_auth: {username: b, password_file: p}}}}
`,
		"told apart by an empty label": `
  - {name: a, prometheus: {selector: {cluster: ""}}}
  - {name: b, prometheus: {selector: {cluster: b}}}
`,
		"told apart by the port": `
  - {name: a, prometheus: {url: "http://mimir:80/"}}
  - {name: b, prometheus: {url: "http://mimir:8080"}}
`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text := "prometheus: {url: http://mimir/prometheus}\nbucket: {url: s3://reports/prod}\nclusters:" + main
			if _, err := config.Load(write(t, text, nil)); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestAnEmptyListOfSchedulesIsNone(t *testing.T) {
	t.Parallel()
	cfg, err := config.Load(write(t, minimal+"schedules: s.yaml\n", map[string]string{"s.yaml": "schedules: []\n"}))
	if err != nil || len(cfg.Schedules) != 0 {
		t.Errorf("got %v, %v", cfg, err)
	}
}

func TestAScheduleByProjectNeedsProjects(t *testing.T) {
	t.Parallel()
	_, err := config.Load(write(t, minimal+"schedules: s.yaml\n", map[string]string{
		"s.yaml": "schedules: [{name: a, cron: '@daily', period: day, group_by: [department]}]\n",
	}))
	if err == nil || !strings.Contains(err.Error(), "s.yaml:1:62: schedules[0].group_by: needs a projects file") {
		t.Errorf("got %v", err)
	}
}

func TestProblemsOfAllFilesComeAtOnce(t *testing.T) {
	t.Parallel()
	_, err := config.Load(write(t, "cluster: a b\nprometheus: {url: http://p}\nbucket: {url: file:///b}\n"+
		"prices: prices.yaml\nprojects: projects.yaml\nschedules: schedules.yaml\n", map[string]string{
		"prices.yaml": "currency: 1\n", "projects.yaml": "project: []\n", "schedules.yaml": "schedules: [{}]\n",
	}))
	var errs config.Errors
	if !errors.As(err, &errs) {
		t.Fatalf("got %v", err)
	}
	var files []string
	for _, e := range errs {
		if name := filepath.Base(e.File); len(files) == 0 || files[len(files)-1] != name {
			files = append(files, name)
		}
	}
	if diff := cmp.Diff([]string{"gputally.yaml", "prices.yaml", "projects.yaml", "schedules.yaml"}, files); diff != "" {
		t.Errorf("files with problems (-want +got):\n%s", diff)
	}
}

func TestNoMainFile(t *testing.T) {
	t.Parallel()
	_, err := config.Load("nowhere/gputally.yaml")
	if want := "nowhere/gputally.yaml: cannot be read: no such file or directory"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestSecretsAreNotPrinted(t *testing.T) {
	t.Parallel()
	cfg, err := config.Load(write(t, `cluster: prod
bucket: {url: file:///b}
prometheus:
  url: http://prometheus:9090
  http:
    basic_auth: {username: gputally, password: hunter2}
    tls_config: {key: hunter2, cert: c}
    proxy_url: http://u:hunter2@proxy
`, nil))
	if err != nil {
		t.Fatal(err)
	}
	prometheus := cfg.Clusters[0].Prometheus
	if prometheus.HTTP.BasicAuth.Password != "hunter2" {
		t.Fatal("the password is not there to be used")
	}
	for _, format := range []string{"%v", "%+v", "%#v", "%s"} {
		for _, v := range []any{cfg, *cfg, prometheus, &prometheus} {
			if text := fmt.Sprintf(format, v); strings.Contains(text, "hunter2") {
				t.Errorf("%s of %T has a password in it: %s", format, v, text)
			}
		}
	}
	if data, err := json.Marshal(prometheus); err != nil || strings.Contains(string(data), "hunter2") {
		t.Errorf("as JSON: %s, %v", data, err)
	}
}

func FuzzLoad(f *testing.F) {
	for _, file := range []string{"gputally.yaml", "prices.yaml", "projects.yaml", "schedules.yaml"} {
		data, err := os.ReadFile(filepath.Join("example", file))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(data))
	}
	f.Add("a: &a [*a]\n")
	f.Add("prometheus: {http: &h {basic_auth: *h}}\n")
	f.Fuzz(func(t *testing.T, text string) {
		// The same text in the place of each file: an error or a configuration, no panic.
		self := write(t, text, nil)
		for _, main := range []string{self, write(t, minimal+fmt.Sprintf("prices: %q\nprojects: %q\nschedules: %q\n", self, self, self), nil)} {
			cfg, err := config.Load(main)
			var errs config.Errors
			if (cfg == nil) != errors.As(err, &errs) || err != nil && len(errs) == 0 {
				t.Errorf("got %v, %v", cfg, err)
			}
		}
	})
}
