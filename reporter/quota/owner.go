package quota

import (
	"cmp"
	"math"
	"slices"
	"time"

	"github.com/gputally/gputally/reporter/glob"
)

// owner gives the namespaces that match to a project, for a time.
type owner struct {
	namespace, cluster glob.Pattern
	from, to           int64 // half-open, Unix ms
	project            *project
	index              int    // of the project in the file
	field              string // of the namespace pattern
}

// always reports whether the owner never changes.
func (o owner) always() bool { return o.from == math.MinInt64 && o.to == math.MaxInt64 }

func (o owner) validAt(at int64) bool { return o.from <= at && at < o.to }

func (o owner) matches(cluster, namespace string) bool {
	return o.namespace.Match(namespace) && o.cluster.Match(cluster)
}

func compareOwners(a, b owner) int {
	return cmp.Or(glob.Compare(b.namespace, a.namespace), glob.Compare(b.cluster, a.cluster))
}

// orderOwners puts the owners in the order of precedence and finds when
// namespaces move.
func (p *Projects) orderOwners() {
	bounds := map[int64]bool{}
	order := func(owners []owner) {
		slices.SortStableFunc(owners, compareOwners)
		for _, o := range owners {
			bounds[o.from], bounds[o.to] = true, true
		}
	}
	order(p.patterns)
	for _, owners := range p.exact {
		order(owners)
	}
	for at := range bounds {
		if at != math.MinInt64 && at != math.MaxInt64 {
			p.moves = append(p.moves, time.UnixMilli(at).UTC())
		}
	}
	slices.SortFunc(p.moves, time.Time.Compare)
}

// Of says which project and department a namespace belongs to at an instant;
// both are empty if no project claims it then, the department also if the
// project has none.
func (p *Projects) Of(cluster, namespace string, at time.Time) (project, department string) {
	if o := p.ownerAt(cluster, namespace, at.UnixMilli()); o != nil {
		return o.name, o.department
	}
	return "", ""
}

// ownerAt is the project that a namespace belongs to at an instant, Unix ms;
// nil if to none.
func (p *Projects) ownerAt(cluster, namespace string, at int64) *project {
	for _, o := range p.exact[namespace] {
		if o.validAt(at) && o.cluster.Match(cluster) {
			return o.project
		}
	}
	for _, o := range p.patterns {
		if o.validAt(at) && o.matches(cluster, namespace) {
			return o.project
		}
	}
	return nil
}

// Moves returns the instants at which a namespace may move from one project to
// another, in order. Between two of them every namespace stays where it is. The
// caller must not change them.
func (p *Projects) Moves() []time.Time { return p.moves }
