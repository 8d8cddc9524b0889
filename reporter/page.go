package reporter

import (
	"fmt"
	"html/template"
	"net/http"
	"slices"
	"time"

	"github.com/gputally/gputally/reporter/archive"
	"github.com/gputally/gputally/reporter/report"
)

// page shows the state of the books to people.
func (b *board) page() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		b.mu.Lock()
		data := statusPage{
			LastTick: b.lastTick, Reports: slices.Clone(b.recent),
			Projects: slices.Clone(b.figures.Projects), Currency: b.figures.Currency,
		}
		for _, c := range b.clusters {
			data.Clusters = append(data.Clusters, *c)
		}
		b.mu.Unlock()
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		if err := pageTemplate.Execute(w, data); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
		}
	})
}

type statusPage struct {
	Clusters []clusterState
	Currency string
	LastTick time.Time
	Reports  []archive.Published
	Projects []projectFigures
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
<html lang="en"><head><meta charset="utf-8"><title>gputally: {{range $i, $c := .Clusters}}{{if $i}}, {{end}}{{$c.Name}}{{end}}</title>
<style>
body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1b2a22}
h1{font-size:1.5rem}h2{font-size:1.1rem;margin-top:2rem}
table{border-collapse:collapse;width:100%}th,td{text-align:left;padding:.3rem .8rem .3rem 0;border-bottom:1px solid #dde5e0}
td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}.bad{color:#a32020}
</style></head><body>
<h1>gputally reporter</h1>
{{range .Clusters}}<p>Books of cluster {{.Name}} closed until <strong>{{time .Until}}</strong>{{if .Coverage}}, coverage of the latest hour {{percent .Coverage}}{{end}}.
{{with .Err}}<br><span class="bad">Hours can't be closed: {{.}}</span>{{end}}</p>
{{end}}<p>Last look for work: {{time .LastTick}}. <a href="metrics">Metrics</a></p>
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
