//go:build real

package dashboards_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"log/slog"
	"math"
	"net/http"
	"net/url"
	"path"
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/tsdb"

	"github.com/gputally/gputally/collector/device"
	"github.com/gputally/gputally/collector/metric"
	"github.com/gputally/gputally/dashboards"
	"github.com/gputally/gputally/internal/promserver"
	"github.com/gputally/gputally/internal/simulate"
	"github.com/gputally/gputally/internal/simulate/history"
	books "github.com/gputally/gputally/reporter/metric"
)

// The history runs from begin to end; queries are asked at end.
var (
	begin = time.Date(2026, 11, 20, 10, 0, 0, 0, time.UTC)
	end   = begin.Add(2 * time.Hour)
)

func TestEveryQueryIsAnsweredByARealPrometheus(t *testing.T) {
	t.Parallel()
	server := startPrometheus(t)
	// What the fleet of the history comes to.
	sums := map[string]float64{
		"GPUs by state":                      3,
		"Allocated GPUs by namespace":        1.75,
		"Over quota":                         1.5,
		"Coverage of the latest closed hour": 1,
	}
	for name := range load(t) {
		for _, p := range panels(t, name) {
			for _, target := range p.Targets {
				t.Run(p.Title, func(t *testing.T) {
					t.Parallel()
					found := server.ask(t, target.Expr)
					sum := 0.0
					for _, r := range found {
						r.hasLabels(t, target.LegendFormat)
						v := r.number(t)
						sum += v
						if p.FieldConfig.Defaults.Unit == "percentunit" && v > 1 {
							t.Errorf("%v is %v, more than the whole", r.Metric, v)
						}
					}
					if want, known := sums[p.Title]; known && math.Abs(sum-want) > 0.01 {
						t.Errorf("the parts sum to %v, want %v", sum, want)
					}
				})
			}
		}
		for _, v := range listVariables(t, name) {
			t.Run("variable "+v.Name, func(t *testing.T) {
				t.Parallel()
				server.listValues(t, v.Query)
			})
		}
	}
	for _, r := range rules(t) {
		t.Run(r.Alert+r.Record, func(t *testing.T) {
			t.Parallel()
			server.ask(t, r.Expr)
		})
	}
}

// startPrometheus runs a server that has scraped two nodes and a reporter.
func startPrometheus(t *testing.T) prometheus {
	t.Helper()
	dir := t.TempDir()
	writeNodes(t, promserver.DataDir(dir))
	writeReporter(t, promserver.DataDir(dir))
	server, err := promserver.Start(t.Context(), promserver.Config{Dir: dir, Retention: 10 * 365 * 24 * time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Stop(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	return prometheus{server.URL}
}

// writeNodes lets collectors meter three GPUs in all; 1.75 of them are held.
func writeNodes(t *testing.T, dir string) {
	t.Helper()
	hold := func(namespace string, gpu, milli int) simulate.Hold {
		return simulate.Hold{
			Holder: device.Holder{Namespace: namespace, Pod: "pod-" + namespace, PodUID: "uid-" + namespace, Container: "main"},
			GPU:    gpu, Milli: milli, From: begin.Add(10 * time.Minute), To: end.Add(time.Hour),
		}
	}
	nodes := []*simulate.Node{
		{
			Name:  "node-0",
			GPUs:  []simulate.GPU{simulate.NewGPU("GPU-0", "NVIDIA H200"), simulate.NewGPU("GPU-1", "NVIDIA H200")},
			Holds: []simulate.Hold{hold("vision", 0, 1000), hold("search", 1, 250), hold("speech", 1, 500)},
		},
		{Name: "node-1", GPUs: []simulate.GPU{simulate.NewGPU("GPU-2", "NVIDIA L40S")}},
	}
	targets, err := history.NewTargets(nodes, begin, history.Timing{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := history.Write(t.Context(), history.Config{Dir: dir, From: begin, To: end}, targets); err != nil {
		t.Fatal(err)
	}
}

// writeReporter writes a series of every family of the reporter, and more, so that
// every alert has a reason: books are behind, a project is over quota, and the like.
func writeReporter(t *testing.T, dir string) {
	t.Helper()
	values := map[string]float64{
		books.ClosedHour.Name:           float64(end.Add(-4 * time.Hour).Unix()),
		books.HourCoverage.Name:         1,
		books.ProjectAllocatedGPUs.Name: 9.5,
		books.ProjectDeservedGPUs.Name:  8,
		books.ProjectOverQuotaGPUs.Name: 1.5,
		books.ReloadSuccessful.Name:     0,
	}
	w, err := tsdb.NewBlockWriter(slog.New(slog.DiscardHandler), dir, 2*end.Sub(begin).Milliseconds())
	if err != nil {
		t.Fatal(err)
	}
	app := w.Appender(t.Context())
	write := func(ls labels.Labels, value func(at time.Time) float64) {
		for at := begin; at.Before(end); at = at.Add(30 * time.Second) {
			if _, err := app.Append(0, ls, at.UnixMilli(), value(at)); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, f := range books.Families() {
		b := labels.NewBuilder(labels.FromStrings("__name__", f.Name, "job", "gputally-reporter", "instance", "reporter:9836"))
		for _, l := range f.Labels {
			b.Set(l, "some-"+l)
		}
		write(b.Labels(), func(at time.Time) float64 {
			if v, fixed := values[f.Name]; fixed {
				return v
			}
			return at.Sub(begin).Seconds()
		})
	}
	for _, zero := range []labels.Labels{
		labels.FromStrings("__name__", books.HoursClosed.Name, "instance", "reporter:9836", "cluster", "new"),
		labels.FromStrings("__name__", metric.CollectorSourceUp.Name, "instance", "node-9:9835", "source", "kubelet"),
	} {
		write(zero, func(time.Time) float64 { return 0 })
	}
	if err := app.Commit(); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
}

// prometheus is a server to ask.
type prometheus struct{ url string }

// result is one series of an answer.
type result struct {
	Metric map[string]string
	Value  [2]any // time and value
}

func (r result) number(t *testing.T) float64 {
	t.Helper()
	v, err := strconv.ParseFloat(fmt.Sprint(r.Value[1]), 64)
	if err != nil || math.IsNaN(v) || v < 0 {
		t.Errorf("%v is %v: no quantity", r.Metric, r.Value[1])
	}
	return v
}

// hasLabels expects the labels that a legend shows.
func (r result) hasLabels(t *testing.T, legend string) {
	t.Helper()
	for _, m := range regexp.MustCompile(`{{(\w+)}}`).FindAllStringSubmatch(legend, -1) {
		if r.Metric[m[1]] == "" {
			t.Errorf("the legend %q has no %s in %v", legend, m[1], r.Metric)
		}
	}
}

// ask evaluates an expression of a panel or rule, which must find something and
// leave the server without remarks.
func (p prometheus) ask(t *testing.T, expr string) (found []result) {
	t.Helper()
	expr = variables.Replace(expr)
	var data struct{ Result []result }
	p.get(t, "query", url.Values{"query": {expr}, "time": {seconds(end)}}, &data)
	if len(data.Result) == 0 {
		t.Errorf("finds nothing: %s", expr)
	}
	return data.Result
}

// listValues makes the list of a variable, which must not be empty.
func (p prometheus) listValues(t *testing.T, definition string) {
	t.Helper()
	m := regexp.MustCompile(`^label_values\((.+), *(\w+)\)$`).FindStringSubmatch(definition)
	if m == nil {
		t.Fatalf("not understood: %s", definition)
	}
	var values []string
	p.get(t, path.Join("label", m[2], "values"), url.Values{"match[]": {m[1]}, "start": {seconds(begin)}, "end": {seconds(end)}}, &values)
	if len(values) < 2 {
		t.Errorf("%s finds %q only", definition, values)
	}
}

func seconds(at time.Time) string { return strconv.FormatInt(at.Unix(), 10) }

func (p prometheus) get(t *testing.T, endpoint string, query url.Values, data any) {
	t.Helper()
	resp, err := http.Get(p.url + "/api/v1/" + endpoint + "?" + query.Encode())
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	answer := struct {
		Status, Error   string
		Warnings, Infos []string
		Data            any
	}{Data: data}
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		t.Fatalf("%s: %s: %v", endpoint, resp.Status, err)
	}
	if answer.Status != "success" || len(answer.Warnings)+len(answer.Infos) > 0 {
		t.Fatalf("%s %v: %s %s, warnings %q, infos %q", endpoint, query, answer.Status, answer.Error, answer.Warnings, answer.Infos)
	}
}

// variable is one that a dashboard fills by a query.
type variable struct{ Name, Type, Query string }

func listVariables(t *testing.T, name string) (queried []variable) {
	t.Helper()
	raw, err := fs.ReadFile(dashboards.Files, name)
	if err != nil {
		t.Fatal(err)
	}
	var d struct{ Templating struct{ List []variable } }
	if err := json.Unmarshal(raw, &d); err != nil {
		t.Fatal(err)
	}
	for _, v := range d.Templating.List {
		if v.Type == "query" {
			queried = append(queried, v)
		}
	}
	if len(queried) == 0 {
		t.Errorf("%s has no variable that is filled by a query", name)
	}
	return queried
}
