package rollup

import (
	"fmt"
	"slices"
	"time"

	"github.com/gputally/gputally/reporter/price"
	"github.com/gputally/gputally/reporter/quota"
	"github.com/gputally/gputally/reporter/report"
	"github.com/gputally/gputally/reporter/rollup/intern"
	"github.com/gputally/gputally/reporter/usage"
)

// Hour is a closed hour with the name of its content in the ledger.
type Hour struct {
	usage.Hour
	Revision int
	SHA256   string // of the ledger object, "" for an hour that is still open
}

// Rollup adds closed hours up to a report.Table. However long the period is, its
// memory is one row per key and the hour that is added last. Not for several
// goroutines at once.
type Rollup struct {
	spec         report.Spec
	columns      []report.Dimension
	projects     *quota.Projects
	moves        []int64 // when namespaces move between projects, Unix ms, in order
	accumulators accumulators

	need     columns
	texts    []usage.Text // whose names get numbers
	names    *intern.Names
	none     uint32 // number of the name (none)
	origins  map[originKey]*origin
	pools    map[[2]uint32]uint32 // node pools by node and model
	previous map[string]*previous // by cluster
	groups   *groups
	scratch  scratch
	key      []uint32 // memory of addTo
	clusters map[string]*cluster
	inputs   []report.Input
	notes    notes
	now      time.Time // start of this hour
}

// cluster is what a rollup knows of one cluster.
type cluster struct {
	coverage usage.Coverage
	hours    map[int64]part // by Unix ms, those that are in
}

// part is how much of an hour is in.
type part struct {
	millis int64
	open   bool // it is not closed: read as far as it went
}

// New returns an empty rollup. Projects and prices may be nil: then there
// are no projects to group by, and no quota or cost columns.
func New(spec report.Spec, projects *quota.Projects, prices *price.Book) (*Rollup, error) {
	if err := spec.Check(); err != nil {
		return nil, err
	}
	r := &Rollup{
		spec: spec, columns: spec.Columns(), projects: projects,
		names: intern.NewNames(), origins: map[originKey]*origin{}, pools: map[[2]uint32]uint32{},
		previous: map[string]*previous{}, clusters: map[string]*cluster{},
		notes: newNotes(),
	}
	if projects == nil && (r.by(report.ByProject) || r.by(report.ByDepartment)) {
		return nil, fmt.Errorf("report of %s: to group by project or department takes a projects file", spec.Window)
	}
	if projects != nil {
		for _, at := range projects.Moves() {
			r.moves = append(r.moves, at.UnixMilli())
		}
	}
	r.accumulators.use(quantities{})
	if prices != nil {
		r.accumulators.use(newCost(prices, r.names))
	}
	// Deserved and left are defined for projects and node pools, not for parts of them.
	if projects != nil && !r.by(report.ByCluster) && !r.by(report.ByNode) && !r.by(report.ByNamespace) && !r.by(report.ByPod) {
		r.accumulators.use(newQuotas(projects, spec, r.names))
	}
	if len(spec.Clusters) != 1 {
		r.accumulators.use(newDuplicates())
	}
	r.need = r.columnsNeeded()
	r.texts = r.need.texts()
	r.none = r.names.ID(quota.None)
	r.groups = newGroups(1+len(r.columns), r.accumulators.width)
	for _, name := range spec.Clusters {
		r.cluster(name)
	}
	return r, nil
}

func (r *Rollup) by(d report.Dimension) bool { return slices.Contains(r.columns, d) }

func (r *Rollup) cluster(name string) *cluster {
	c, ok := r.clusters[name]
	if !ok {
		c = &cluster{hours: map[int64]part{}}
		r.clusters[name] = c
	}
	return c
}
