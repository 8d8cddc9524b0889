package reporter

import (
	"context"
	"slices"
	"time"

	shape "github.com/gputally/gputally/collector/metric"
	"github.com/gputally/gputally/reporter/metric"
	"github.com/gputally/gputally/reporter/price"
	"github.com/gputally/gputally/reporter/quota"
	"github.com/gputally/gputally/reporter/report"
	"github.com/gputally/gputally/reporter/rollup"
	"github.com/gputally/gputally/reporter/usage"
	"github.com/gputally/gputally/reporter/window"
)

// gpuHour is the number of GPU-milliseconds in a GPU-hour.
const gpuHour = 3_600_000.0

// figures are what the books say of the projects up to the latest hour that all
// clusters have closed.
type figures struct {
	Currency string
	Pools    []poolFigures
	Projects []projectFigures
}

// poolFigures are a project's in one node pool, in the latest closed hour, as
// average GPUs. Deserved and Over are nil without a quota.
type poolFigures struct {
	Project, Department, NodePool string
	Allocated                     float64
	Deserved, Over                *float64
}

// projectFigures add the pools up, with the month to date.
type projectFigures struct {
	Project, Department string
	Allocated           float64
	Deserved, Over      *float64
	MonthHours          float64
	MonthCost           *price.Amount // nil if not known
}

// month keeps the rollup of the running month, so that each closed hour is
// read once.
type month struct {
	window   window.Window
	clusters []string
	rollup   *rollup.Rollup
	until    time.Time
}

// figures brings the month up to the hour and rolls up the hour itself. After
// an error the month is good for nothing.
func (m *month) figures(ctx context.Context, b *books, clusters []string, hour window.Window) (figures, error) {
	var f figures
	if err := m.advance(ctx, b, clusters, hour.To); err != nil {
		return f, err
	}
	monthly, err := m.rollup.Table()
	if err != nil {
		return f, err
	}
	latest, err := b.report(ctx, report.Spec{
		Window: hour, Clusters: clusters,
		GroupBy: []report.Dimension{report.ByProject, report.ByDepartment, report.ByNodePool},
	}, false, func(window.Window) {})
	if err != nil {
		return f, err
	}
	f.Currency = monthly.Currency
	f.add(slices.Collect(latest.Rows()), slices.Collect(monthly.Rows()))
	return f, nil
}

// advance adds the hours that were closed since.
func (m *month) advance(ctx context.Context, b *books, clusters []string, until time.Time) error {
	w := window.PeriodMonth.Containing(until.Add(-1), time.UTC)
	if m.rollup == nil || m.window != w || !slices.Equal(m.clusters, clusters) {
		rolling, err := rollup.New(report.Spec{
			Window: w, Clusters: clusters,
			GroupBy: []report.Dimension{report.ByProject, report.ByDepartment}, Provisional: true,
		}, b.projects, b.book)
		if err != nil {
			return err
		}
		*m = month{window: w, clusters: clusters, rollup: rolling, until: w.From}
	}
	since := window.Window{From: m.until, To: until}
	if err := b.roll(ctx, m.rollup, clusters, since, false, func(window.Window) {}); err != nil {
		return err
	}
	m.until = until
	return nil
}

// add joins the rows of the latest hour and of the month.
func (f *figures) add(latest, monthly []report.Row) {
	at := map[string]int{}
	find := func(r report.Row) *projectFigures {
		i, ok := at[r.Project]
		if !ok {
			i = len(f.Projects)
			at[r.Project] = i
			f.Projects = append(f.Projects, projectFigures{Project: r.Project, Department: r.Department})
		}
		return &f.Projects[i]
	}
	for _, r := range monthly {
		if r.State != usage.Allocated {
			continue
		}
		p := find(r)
		p.MonthHours = float64(r.AllocatedMillis) / gpuHour
		if r.Priced {
			p.MonthCost = &r.Cost
		}
	}
	for _, r := range latest {
		if r.State != usage.Allocated {
			continue
		}
		pool := poolFigures{Project: r.Project, Department: r.Department, NodePool: r.NodePool, Allocated: float64(r.AllocatedMillis) / gpuHour}
		p := find(r)
		p.Allocated += pool.Allocated
		if q := r.Quota; q != nil {
			deserved, over := float64(q.Deserved)/gpuHour, float64(q.Over)/gpuHour
			pool.Deserved, pool.Over = &deserved, &over
			p.Deserved, p.Over = sum(p.Deserved, deserved), sum(p.Over, over)
		}
		f.Pools = append(f.Pools, pool)
	}
}

func sum(so *float64, v float64) *float64 {
	if so != nil {
		v += *so
	}
	return &v
}

// collect shows the figures as metrics.
func (f figures) collect(put func(*shape.Family, float64, ...string)) {
	for _, p := range f.Pools {
		if p.NodePool != quota.AllPools { // a row that only carries a quota
			put(&metric.ProjectAllocatedGPUs, p.Allocated, p.Project, p.Department, p.NodePool)
		}
		if p.Deserved != nil {
			put(&metric.ProjectDeservedGPUs, *p.Deserved, p.Project, p.Department, p.NodePool)
			put(&metric.ProjectOverQuotaGPUs, *p.Over, p.Project, p.Department, p.NodePool)
		}
	}
	for _, p := range f.Projects {
		put(&metric.ProjectMonthGPUHours, p.MonthHours, p.Project, p.Department)
		// A gauge is a float; the exact amount is in the reports.
		if p.MonthCost != nil {
			put(&metric.ProjectMonthCost, float64(*p.MonthCost)/1e6, p.Project, p.Department, f.Currency)
		}
	}
}
