package reporting

import (
	"time"

	"github.com/gputally/gputally/reporter/price"
	"github.com/gputally/gputally/reporter/report"
	"github.com/gputally/gputally/reporter/usage"
)

// gpuHour is the number of GPU-milliseconds in a GPU-hour.
const gpuHour = 3_600_000.0

// Figures say what projects hold in the latest hour, and what they held in the month
// so far.
type Figures struct {
	Until    time.Time      // end of the latest hour
	Lacking  map[string]int // hours of the month so far that are not in the figures, by cluster
	Currency string
	Pools    []PoolFigures
	Projects []ProjectFigures
}

// PoolFigures are a project's in one node pool, in the latest closed hour, as
// average GPUs. Deserved and Over are nil without a quota. A quota over all node
// pools has the pool quota.AllPools.
type PoolFigures struct {
	Project, Department, NodePool string
	Allocated                     float64
	Deserved, Over                *float64
}

// ProjectFigures add the pools up, with the month to date.
type ProjectFigures struct {
	Project, Department string
	Allocated           float64
	Deserved, Over      *float64
	MonthHours          float64       // GPU-hours
	MonthCost           *price.Amount // nil if not known
}

// add joins the rows of the latest hour and of the month.
func (f *Figures) add(latest, monthly []report.Row) {
	at := map[string]int{}
	find := func(r report.Row) *ProjectFigures {
		i, ok := at[r.Project]
		if !ok {
			i = len(f.Projects)
			at[r.Project] = i
			f.Projects = append(f.Projects, ProjectFigures{Project: r.Project, Department: r.Department})
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
		pool := PoolFigures{Project: r.Project, Department: r.Department, NodePool: r.NodePool, Allocated: float64(r.AllocatedMillis) / gpuHour}
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
