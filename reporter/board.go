package reporter

import (
	"cmp"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	shape "github.com/gputally/gputally/collector/metric"
	"github.com/gputally/gputally/reporter/archive"
	"github.com/gputally/gputally/reporter/index"
	"github.com/gputally/gputally/reporter/metric"
	"github.com/gputally/gputally/reporter/report"
)

// board holds what the server shows: as metrics and on the status page.
type board struct {
	descs map[*shape.Family]*prometheus.Desc

	mu       sync.Mutex
	clusters []*clusterState
	lastTick time.Time
	reports  map[outcome]int64
	failures map[string]int64
	recent   []archive.Published
	figures  figures
}

// clusterState is what is known of the closing of a cluster's hours.
type clusterState struct {
	Name     string
	Until    time.Time    // end of the latest closed hour
	Coverage report.Ratio // of the latest closed hour
	Err      string       // why hours can't be closed, "" if they can

	meter    *meter
	hours    int64
	failures int64
	upkeep   int64         // failures of it
	duration time.Duration // of the latest closing
}

// outcome is a scheduled report's schedule and state.
type outcome struct {
	schedule string
	state    report.State
}

// recentReports is how many reports the status page shows.
const recentReports = 20

func newBoard(clusters []*cluster) *board {
	b := &board{descs: map[*shape.Family]*prometheus.Desc{}, reports: map[outcome]int64{}, failures: map[string]int64{}}
	for _, c := range clusters {
		b.clusters = append(b.clusters, &clusterState{Name: c.name, meter: c.meter})
	}
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

// of changes the state of a cluster.
func (b *board) of(cluster string, change func(*clusterState)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, c := range b.clusters {
		if c.Name == cluster {
			change(c)
		}
	}
}

func (b *board) closed(cluster string, d time.Duration) {
	b.of(cluster, func(c *clusterState) { c.duration = d; c.hours++ })
}

func (b *board) closeFailed(cluster string, err error) {
	b.of(cluster, func(c *clusterState) { c.Err = err.Error(); c.failures++ })
}

func (b *board) upkeepFailed(cluster string) {
	b.of(cluster, func(c *clusterState) { c.upkeep++ })
}

// caughtUp says that every hour that can be closed is.
func (b *board) caughtUp(cluster string) {
	b.of(cluster, func(c *clusterState) { c.Err = "" })
}

// reached says which is the latest closed hour.
func (b *board) reached(cluster string, last index.HourRecord) {
	coverage := report.Coverage{Coverage: last.Coverage.Usage(), HoursAsked: 1, HoursClosed: 1}
	b.of(cluster, func(c *clusterState) { c.Until, c.Coverage = last.To, coverage.Ratio() })
}

func (b *board) reported(schedule string, p archive.Published) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.reports[outcome{schedule, p.Manifest.State}]++
	b.recent = append([]archive.Published{p}, b.recent[:min(len(b.recent), recentReports-1)]...)
}

func (b *board) reportFailed(schedule string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.failures[schedule]++
}

func (b *board) tally(f figures) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.figures = f
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
	if !b.lastTick.IsZero() {
		put(&metric.LastTick, float64(b.lastTick.Unix()))
	}
	for _, c := range b.clusters {
		c.collect(put)
	}
	for _, o := range slices.SortedFunc(maps.Keys(b.reports), compareOutcomes) {
		put(&metric.Reports, float64(b.reports[o]), o.schedule, string(o.state))
	}
	for _, s := range slices.Sorted(maps.Keys(b.failures)) {
		put(&metric.ReportFailures, float64(b.failures[s]), s)
	}
	b.figures.collect(put)
}

func (c *clusterState) collect(put func(*shape.Family, float64, ...string)) {
	put(&metric.HoursClosed, float64(c.hours), c.Name)
	put(&metric.CloseFailures, float64(c.failures), c.Name)
	put(&metric.UpkeepFailures, float64(c.upkeep), c.Name)
	c.meter.collect(c.Name, put)
	if c.hours > 0 {
		put(&metric.CloseDuration, c.duration.Seconds(), c.Name)
	}
	if !c.Until.IsZero() {
		put(&metric.ClosedHour, float64(c.Until.Unix()), c.Name)
		put(&metric.HourCoverage, float64(c.Coverage)/1e6, c.Name)
	}
}

func compareOutcomes(a, b outcome) int {
	return cmp.Or(cmp.Compare(a.schedule, b.schedule), cmp.Compare(a.state, b.state))
}
