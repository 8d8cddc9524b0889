package status

import (
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	shape "github.com/gputally/gputally/collector/metric"
	"github.com/gputally/gputally/reporter/archive"
	"github.com/gputally/gputally/reporter/report"
	"github.com/gputally/gputally/reporter/reporting"
	"github.com/gputally/gputally/reporter/task"
)

// recentReports is how many reports the page shows.
const recentReports = 20

// Status is what the process shows. Many goroutines may use it at once.
type Status struct {
	descs map[*shape.Family]*prometheus.Desc

	mu       sync.Mutex
	clusters []*clusterState
	tasks    Tasks // nil before there are any
	ready    bool
	reloaded reload
	reports  map[outcome]int64
	failures map[string]int64 // by schedule
	failed   map[string]int   // current reports that are Failed, by schedule
	recent   []archive.Published
	figures  reporting.Figures
}

// clusterState is what is known of one cluster. The page reads its exported fields.
type clusterState struct {
	Name     string
	Until    time.Time    // end of the latest closed hour
	Coverage report.Ratio // of the latest closed hour
	Err      string       // why hours can't be closed, "" if they can
	Aside    []Aside      // hours that are set aside, oldest first

	hours, failures, upkeepFailures int64
	restated, disagreed             int64 // hours, edges
	compacted, pruned, prunedBytes  int64 // days, objects, bytes
	duration                        time.Duration
}

// outcome is a scheduled report's schedule and state.
type outcome struct {
	schedule string
	state    report.State
}

// Tasks are those of the process, as *task.Runner has them.
type Tasks interface {
	// States are those of all tasks, in the order in which they are shown.
	States() []task.State
	// Looked is when somebody last looked for tasks that are due.
	Looked() time.Time
}

// Aside is an hour that is set aside.
type Aside struct {
	Hour  time.Time // its begin
	Tries int
	Next  time.Time // when it is tried again
	Err   string
}

// reload is what became of reading the configuration.
type reload struct {
	failed string // why the latest was not taken, "" if it was
	at     time.Time
}

// New returns the status of a process that closes the hours of these clusters.
func New(clusters []string) *Status {
	s := &Status{descs: descriptions(), reports: map[outcome]int64{}, failures: map[string]int64{}, failed: map[string]int{}}
	for _, name := range clusters {
		s.clusters = append(s.clusters, &clusterState{Name: name})
	}
	return s
}

// Serves notes which tasks there are from now on, whose hours they close, and which
// reports they make. What is known of clusters and schedules that stay is kept.
func (s *Status) Serves(clusters, schedules []string, tasks Tasks, at time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	maps.DeleteFunc(s.reports, func(o outcome, _ int64) bool { return !slices.Contains(schedules, o.schedule) })
	maps.DeleteFunc(s.failures, func(schedule string, _ int64) bool { return !slices.Contains(schedules, schedule) })
	before := s.clusters
	s.clusters, s.tasks, s.reloaded, s.failed = nil, tasks, reload{at: at}, map[string]int{}
	for _, name := range clusters {
		i := slices.IndexFunc(before, func(c *clusterState) bool { return c.Name == name })
		if i < 0 {
			s.clusters = append(s.clusters, &clusterState{Name: name})
			continue
		}
		s.clusters = append(s.clusters, before[i])
	}
}

// Kept notes why a new configuration was not taken.
func (s *Status) Kept(why error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reloaded.failed = why.Error()
}

// Ready notes that there is something to show.
func (s *Status) Ready() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ready = true
}

// IsReady tells whether there is something to show.
func (s *Status) IsReady() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ready
}

// of changes what is known of a cluster.
func (s *Status) of(name string, change func(*clusterState)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.clusters {
		if c.Name == name {
			change(c)
		}
	}
}

// Closed counts an hour of a cluster and notes how long its closing took.
func (s *Status) Closed(cluster string, took time.Duration) {
	s.of(cluster, func(c *clusterState) { c.duration = took; c.hours++ })
}

// CloseFailed notes why hours of a cluster can't be closed.
func (s *Status) CloseFailed(cluster string, err error) {
	s.of(cluster, func(c *clusterState) { c.Err = err.Error(); c.failures++ })
}

// CaughtUp notes that every hour of a cluster that can be closed is closed.
func (s *Status) CaughtUp(cluster string) {
	s.of(cluster, func(c *clusterState) { c.Err = "" })
}

// Reached notes the end and the coverage of a cluster's latest closed hour.
func (s *Status) Reached(cluster string, until time.Time, coverage report.Ratio) {
	s.of(cluster, func(c *clusterState) { c.Until, c.Coverage = until, coverage })
}

// SetAside notes which hours of a cluster are set aside.
func (s *Status) SetAside(cluster string, hours []Aside) {
	s.of(cluster, func(c *clusterState) { c.Aside = hours })
}

// Restated counts hours of a cluster that were replaced, and edges on which
// neighbours did not agree.
func (s *Status) Restated(cluster string, hours, edges int) {
	s.of(cluster, func(c *clusterState) { c.restated += int64(hours); c.disagreed += int64(edges) })
}

// Compacted counts days of a cluster.
func (s *Status) Compacted(cluster string, days int) {
	s.of(cluster, func(c *clusterState) { c.compacted += int64(days) })
}

// Pruned counts objects of a cluster that were deleted, and their bytes.
func (s *Status) Pruned(cluster string, objects int, bytes int64) {
	s.of(cluster, func(c *clusterState) { c.pruned += int64(objects); c.prunedBytes += bytes })
}

// UpkeepFailed counts a compaction or pruning of a cluster that failed.
func (s *Status) UpkeepFailed(cluster string) {
	s.of(cluster, func(c *clusterState) { c.upkeepFailures++ })
}

// Reported notes a report that a schedule made.
func (s *Status) Reported(schedule string, p archive.Published) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reports[outcome{schedule, p.Manifest.State}]++
	s.recent = append([]archive.Published{p}, s.recent[:min(len(s.recent), recentReports-1)]...)
}

// FailedReports notes how many current reports of a schedule are Failed.
func (s *Status) FailedReports(schedule string, periods int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failed[schedule] = periods
}

// ReportFailed counts a failure to make a schedule's report.
func (s *Status) ReportFailed(schedule string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failures[schedule]++
}

// Show replaces the figures per project.
func (s *Status) Show(f reporting.Figures) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.figures = f
}
