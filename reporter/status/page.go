package status

import (
	"bytes"
	_ "embed" // the page
	"fmt"
	"html/template"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/gputally/gputally/reporter/archive"
	"github.com/gputally/gputally/reporter/report"
	"github.com/gputally/gputally/reporter/reporting"
	"github.com/gputally/gputally/reporter/task"
)

// ServeHTTP shows the status to people. The page is complete before its first
// byte is sent, so that an error has a status of its own.
func (s *Status) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	var body bytes.Buffer
	if err := page.Execute(&body, s.snapshot()); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = body.WriteTo(w) // whoever asked may be gone
}

// snapshot is what the page shows.
type snapshot struct {
	Clusters []clusterState
	Currency string
	LastTick time.Time
	Tasks    []task.State
	Kept     string // why the latest configuration was not taken
	Reports  []archive.Published
	Projects []reporting.ProjectFigures
	Until    time.Time // the hour up to which the figures of projects go
	Lacking  []lacking // hours that they lack, by cluster
}

// lacking is how many hours of a cluster are not in the figures.
type lacking struct {
	Cluster string
	Hours   int
}

func (s *Status) snapshot() snapshot {
	s.mu.Lock()
	defer s.mu.Unlock()
	data := snapshot{
		Kept: s.reloaded.failed, Reports: slices.Clone(s.recent),
		Projects: slices.Clone(s.figures.Projects), Currency: s.figures.Currency, Until: s.figures.Until,
	}
	for _, cluster := range slices.Sorted(maps.Keys(s.figures.Lacking)) {
		if hours := s.figures.Lacking[cluster]; hours > 0 {
			data.Lacking = append(data.Lacking, lacking{cluster, hours})
		}
	}
	for _, c := range s.clusters {
		data.Clusters = append(data.Clusters, *c)
	}
	if s.tasks != nil {
		data.LastTick, data.Tasks = s.tasks.Looked(), s.tasks.States()
	}
	return data
}

//go:embed page.html
var pageText string

var page = template.Must(template.New("status").Funcs(template.FuncMap{
	"gpus": func(v *float64) string {
		if v == nil {
			return ""
		}
		return fmt.Sprintf("%.2f", *v)
	},
	"percent": func(r report.Ratio) string { return fmt.Sprintf("%.2f %%", float64(r)/1e4) },
	"pause":   func(d time.Duration) string { return d.Round(time.Second).String() },
	"time": func(t time.Time) string {
		if t.IsZero() {
			return "never"
		}
		return t.UTC().Format("2006-01-02 15:04 UTC")
	},
}).Parse(pageText))
