package status

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	shape "github.com/gputally/gputally/collector/metric"
	"github.com/gputally/gputally/reporter/metric"
	"github.com/gputally/gputally/reporter/quota"
)

var _ prometheus.Collector = (*Status)(nil)

// families are those of the catalogue that this package shows.
func families() []*shape.Family {
	return slices.DeleteFunc(metric.Families(), func(f *shape.Family) bool { return slices.Contains(metric.Reading(), f) })
}

func descriptions() map[*shape.Family]*prometheus.Desc {
	descs := map[*shape.Family]*prometheus.Desc{}
	for _, f := range families() {
		descs[f] = prometheus.NewDesc(f.Name, f.Help, f.Labels, nil)
	}
	return descs
}

// Describe sends every family that this package shows.
func (s *Status) Describe(ch chan<- *prometheus.Desc) {
	for _, f := range families() {
		ch <- s.descs[f]
	}
}

// put sends one sample.
type put func(f *shape.Family, v float64, labels ...string)

// Collect shows what is known; what is not known is absent.
func (s *Status) Collect(ch chan<- prometheus.Metric) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var put put = func(f *shape.Family, v float64, labels ...string) {
		kind := prometheus.GaugeValue
		if f.Type == shape.Counter {
			kind = prometheus.CounterValue
		}
		ch <- prometheus.MustNewConstMetric(s.descs[f], kind, v, labels...)
	}
	s.collectTasks(put)
	for _, c := range s.clusters {
		c.collect(put)
	}
	byName := func(a, b outcome) int {
		return cmp.Or(cmp.Compare(a.schedule, b.schedule), cmp.Compare(a.state, b.state))
	}
	for _, o := range slices.SortedFunc(maps.Keys(s.reports), byName) {
		put(&metric.Reports, float64(s.reports[o]), o.schedule, string(o.state))
	}
	for _, schedule := range slices.Sorted(maps.Keys(s.failures)) {
		put(&metric.ReportFailures, float64(s.failures[schedule]), schedule)
	}
	for _, schedule := range slices.Sorted(maps.Keys(s.failed)) {
		put(&metric.FailedReports, float64(s.failed[schedule]), schedule)
	}
	s.collectFigures(put)
}

func (c *clusterState) collect(put put) {
	for _, of := range []struct {
		family *shape.Family
		count  int64
	}{
		{&metric.HoursClosed, c.hours},
		{&metric.CloseFailures, c.failures},
		{&metric.UpkeepFailures, c.upkeepFailures},
		{&metric.HoursRestated, c.restated},
		{&metric.EdgesDisagreed, c.disagreed},
		{&metric.DaysCompacted, c.compacted},
		{&metric.PrunedObjects, c.pruned},
		{&metric.PrunedBytes, c.prunedBytes},
		{&metric.HoursSetAside, int64(len(c.Aside))},
	} {
		put(of.family, float64(of.count), c.Name)
	}
	if c.hours > 0 {
		put(&metric.CloseDuration, c.duration.Seconds(), c.Name)
	}
	if !c.Until.IsZero() {
		put(&metric.ClosedHour, float64(c.Until.Unix()), c.Name)
		put(&metric.HourCoverage, float64(c.Coverage)/1e6, c.Name)
	}
}

// is shows whether something is so.
func (put put) is(f *shape.Family, so bool, labels ...string) {
	v := 0.0
	if so {
		v = 1
	}
	put(f, v, labels...)
}

// at shows a time, if there is one.
func (put put) at(f *shape.Family, at time.Time, labels ...string) {
	if !at.IsZero() {
		put(f, float64(at.UnixMilli())/1e3, labels...)
	}
}

func (s *Status) collectTasks(put put) {
	if s.tasks == nil {
		return
	}
	put.at(&metric.LastTick, s.tasks.Looked())
	for _, t := range s.tasks.States() {
		put.is(&metric.TaskRunning, t.Running, t.Kind, t.Name)
		put.is(&metric.TaskHanging, t.Hangs, t.Kind, t.Name)
		put(&metric.TaskBegun, float64(t.Begun), t.Kind, t.Name)
		put(&metric.TaskFailures, float64(t.Failures), t.Kind, t.Name)
		put(&metric.TaskAttempts, float64(t.Attempts), t.Kind, t.Name)
		put(&metric.TaskBackoff, t.Backoff.Seconds(), t.Kind, t.Name)
		put.at(&metric.TaskNext, t.Next, t.Kind, t.Name)
		put.at(&metric.TaskLastSuccess, t.LastSuccess, t.Kind, t.Name)
		put.at(&metric.TaskLastFailure, t.LastFailure, t.Kind, t.Name)
	}
	put.is(&metric.ReloadSuccessful, s.reloaded.failed == "")
	put.at(&metric.ReloadTime, s.reloaded.at)
}

func (s *Status) collectFigures(put put) {
	put.at(&metric.FiguresUntil, s.figures.Until)
	for _, cluster := range slices.Sorted(maps.Keys(s.figures.Lacking)) {
		put(&metric.FiguresLacking, float64(s.figures.Lacking[cluster]), cluster)
	}
	for _, p := range s.figures.Pools {
		if p.NodePool != quota.AllPools { // a row that only carries a quota
			put(&metric.ProjectAllocatedGPUs, p.Allocated, p.Project, p.Department, p.NodePool)
		}
		if p.Deserved != nil {
			put(&metric.ProjectDeservedGPUs, *p.Deserved, p.Project, p.Department, p.NodePool)
			put(&metric.ProjectOverQuotaGPUs, *p.Over, p.Project, p.Department, p.NodePool)
		}
	}
	for _, p := range s.figures.Projects {
		put(&metric.ProjectMonthGPUHours, p.MonthHours, p.Project, p.Department)
		// A gauge is a float; the exact amount is in the reports.
		if p.MonthCost != nil {
			put(&metric.ProjectMonthCost, float64(*p.MonthCost)/1e6, p.Project, p.Department, s.figures.Currency)
		}
	}
}
