package reporter

import (
	"cmp"
	"fmt"
	"html/template"
	"maps"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	shape "github.com/gputally/gputally/collector/metric"
	"github.com/gputally/gputally/reporter/metric"
	"github.com/gputally/gputally/reporter/report"
)

// board holds what the server shows: as metrics and on the status page.
type board struct {
	descs map[*shape.Family]*prometheus.Desc

	mu            sync.Mutex
	cluster       string
	lastTick      time.Time
	duration      time.Duration // of the latest closing
	hours         int64
	closeFailures int64
	closeErr      string
	reports       map[outcome]int64
	failures      map[string]int64
	recent        []report.Published
	until         time.Time // end of the latest closed hour
	figures       figures
}

// outcome is a scheduled report's schedule and state.
type outcome struct {
	schedule string
	state    report.State
}

// recentReports is how many reports the status page shows.
const recentReports = 20

func newBoard(cluster string) *board {
	b := &board{cluster: cluster, descs: map[*shape.Family]*prometheus.Desc{}, reports: map[outcome]int64{}, failures: map[string]int64{}}
	for _, f := range metric.Families() {
		b.descs[f] = prometheus.NewDesc(f.Name, f.Help, f.Labels, nil)
	}
	return b
}

func (b *board) ticked(at time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.lastTick = at
}

func (b *board) closed(d time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.duration = d
	b.hours++
}

func (b *board) closeFailed(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closeErr = err.Error()
	b.closeFailures++
}

// caughtUp says that every hour that can be closed is.
func (b *board) caughtUp() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closeErr = ""
}

func (b *board) reported(schedule string, p report.Published) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.reports[outcome{schedule, p.Manifest.State}]++
	b.recent = append([]report.Published{p}, b.recent[:min(len(b.recent), recentReports-1)]...)
}

func (b *board) reportFailed(schedule string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.failures[schedule]++
}

func (b *board) tally(until time.Time, f figures) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.until, b.figures = until, f
}

var _ prometheus.Collector = (*board)(nil)

// Describe sends every family of the catalogue.
func (b *board) Describe(ch chan<- *prometheus.Desc) {
	for _, f := range metric.Families() {
		ch <- b.descs[f]
	}
}

// Collect shows what is known; what is not known is absent.
func (b *board) Collect(ch chan<- prometheus.Metric) {
	b.mu.Lock()
	defer b.mu.Unlock()
	put := func(f *shape.Family, v float64, labels ...string) {
		kind := prometheus.GaugeValue
		if f.Type == shape.Counter {
			kind = prometheus.CounterValue
		}
		ch <- prometheus.MustNewConstMetric(b.descs[f], kind, v, labels...)
	}
	put(&metric.HoursClosed, float64(b.hours), b.cluster)
	put(&metric.CloseFailures, float64(b.closeFailures), b.cluster)
	if !b.lastTick.IsZero() {
		put(&metric.LastTick, float64(b.lastTick.Unix()))
	}
	if b.hours > 0 {
		put(&metric.CloseDuration, b.duration.Seconds(), b.cluster)
	}
	for _, o := range slices.SortedFunc(maps.Keys(b.reports), compareOutcomes) {
		put(&metric.Reports, float64(b.reports[o]), o.schedule, string(o.state))
	}
	for _, s := range slices.Sorted(maps.Keys(b.failures)) {
		put(&metric.ReportFailures, float64(b.failures[s]), s)
	}
	if b.until.IsZero() {
		return
	}
	put(&metric.ClosedHour, float64(b.until.Unix()), b.cluster)
	b.figures.collect(b.cluster, put)
}

func compareOutcomes(a, b outcome) int {
	return cmp.Or(cmp.Compare(a.schedule, b.schedule), cmp.Compare(a.state, b.state))
}

// page shows the state of the books to people.
func (b *board) page() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		b.mu.Lock()
		data := statusPage{
			Cluster: b.cluster, Until: b.until, LastTick: b.lastTick, CloseErr: b.closeErr,
			Reports: slices.Clone(b.recent), Projects: slices.Clone(b.figures.Projects),
			Currency: b.figures.Currency, Coverage: b.figures.Coverage,
		}
		b.mu.Unlock()
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		if err := pageTemplate.Execute(w, data); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
		}
	})
}

type statusPage struct {
	Cluster, CloseErr, Currency string
	Until, LastTick             time.Time
	Coverage                    report.Ratio
	Reports                     []report.Published
	Projects                    []projectFigures
}

var pageTemplate = template.Must(template.New("status").Funcs(template.FuncMap{
	"gpus": func(v *float64) string {
		if v == nil {
			return ""
		}
		return fmt.Sprintf("%.2f", *v)
	},
	"percent": func(r report.Ratio) string { return fmt.Sprintf("%.2f %%", float64(r)/1e4) },
	"time": func(t time.Time) string {
		if t.IsZero() {
			return "never"
		}
		return t.UTC().Format("2006-01-02 15:04 UTC")
	},
}).Parse(`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>gputally: {{.Cluster}}</title>
<style>
body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1b2a22}
h1{font-size:1.5rem}h2{font-size:1.1rem;margin-top:2rem}
table{border-collapse:collapse;width:100%}th,td{text-align:left;padding:.3rem .8rem .3rem 0;border-bottom:1px solid #dde5e0}
td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}.bad{color:#a32020}
</style></head><body>
<h1>gputally reporter, cluster {{.Cluster}}</h1>
<p>Books closed until <strong>{{time .Until}}</strong>{{if .Coverage}}, coverage of the latest hour {{percent .Coverage}}{{end}}.
Last look for work: {{time .LastTick}}. <a href="metrics">Metrics</a></p>
{{with .CloseErr}}<p class="bad">Hours can't be closed: {{.}}</p>{{end}}
{{if .Projects}}<h2>Projects</h2>
<table><tr><th>Project</th><th>Department</th><th class="n">GPUs, latest hour</th><th class="n">Deserved</th><th class="n">Over quota</th><th class="n">GPU-hours, month to date</th><th class="n">Cost{{with .Currency}}, {{.}}{{end}}</th></tr>
{{range .Projects}}<tr><td>{{.Project}}</td><td>{{.Department}}</td><td class="n">{{printf "%.2f" .Allocated}}</td><td class="n">{{gpus .Deserved}}</td><td class="n">{{gpus .Over}}</td><td class="n">{{printf "%.1f" .MonthHours}}</td><td class="n">{{with .MonthCost}}{{.}}{{end}}</td></tr>
{{end}}</table>{{end}}
<h2>Reports made since the start</h2>
{{if .Reports}}<table><tr><th>Report</th><th>Period</th><th>State</th><th>Object</th></tr>
{{range .Reports}}<tr><td>{{.Manifest.Name}}</td><td>{{.Manifest.Period.Key}}</td><td>{{.Manifest.State}}</td><td><code>{{or .CSVKey .ManifestKey}}</code></td></tr>
{{end}}</table>{{else}}<p>None yet.</p>{{end}}
</body></html>
`))
