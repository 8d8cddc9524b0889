package quota

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/gputally/gputally/reporter/glob"
)

func (c *checker) namespace(index, i int, p *project, n Namespace, clusters []string) {
	field := fmt.Sprintf("namespaces[%d]", i)
	if n.Pattern == "" {
		c.fail(index, field, `is empty; write "*" for all`)
	}
	from, to := checkRange(n.From, n.To, func(bound, format string, args ...any) {
		c.fail(index, field+"."+bound, format, args...)
	})
	for _, cluster := range clusters {
		o := owner{glob.Compile(n.Pattern), glob.Compile(cluster), from, to, p, index, field}
		if o.namespace.Exact() {
			c.out.exact[n.Pattern] = append(c.out.exact[n.Pattern], o)
		} else {
			c.out.patterns = append(c.out.patterns, o)
		}
	}
}

// rivals finds patterns that leave open whose a namespace is at some instant,
// or which pool's a GPU is, and time in which a namespace that projects pass on
// is given to nobody. Exact names meet only among themselves.
func (c *checker) rivals() {
	c.checkOwners(c.out.patterns)
	for _, name := range slices.Sorted(maps.Keys(c.out.exact)) {
		c.checkOwners(c.out.exact[name])
	}
	for i, p := range c.out.pools {
		if first := slices.IndexFunc(c.out.pools[:i], p.rival); first >= 0 {
			c.failPool(p.index, "nodes", "matches the same GPUs as node_pools[%d] and is no more specific", c.out.pools[first].index)
		}
	}
}

func (c *checker) checkOwners(all []owner) {
	for i, o := range all {
		if first := slices.IndexFunc(all[:i], o.rival); first >= 0 {
			c.failRival(o, all[first])
		} else if next := o.gap(all); next != nil {
			c.fail(o.index, o.field+".to", "%q is given to nobody from %s to %s, when %s of projects[%d] begins; "+
				"let one begin where the other ends, or give it to a project in between",
				o.namespace, stamp(o.to), stamp(next.from), next.field, next.index)
		}
	}
}

// rival reports whether there are namespaces that both owners have at some
// instant, neither more than the other. To say twice that a namespace is the
// same project's is no contradiction, unless the times differ.
func (o owner) rival(p owner) bool {
	if o.from >= p.to || p.from >= o.to || compareOwners(o, p) != 0 {
		return false
	}
	if o.project == p.project {
		return (!o.always() || !p.always()) && o.samePatterns(p)
	}
	return glob.Overlap(o.namespace, p.namespace) && glob.Overlap(o.cluster, p.cluster)
}

func (o owner) samePatterns(p owner) bool {
	return o.namespace == p.namespace && o.cluster == p.cluster
}

func (c *checker) failRival(o, first owner) {
	if o.always() && first.always() {
		c.fail(o.index, o.field, "%q matches the same namespaces as %q of projects[%d] and is no more specific",
			o.namespace, first.namespace, first.index)
		return
	}
	c.fail(o.index, o.field, "%q matches the same namespaces at the same time as %q, %s of projects[%d], and is no more specific; "+
		"let one end where the other begins", o.namespace, first.namespace, first.field, first.index)
}

// gap is the owner that has the same patterns next, if there is time between
// that and the end of this one.
func (o owner) gap(all []owner) *owner {
	var next *owner
	for i, p := range all {
		switch {
		case !o.samePatterns(p) || p.to <= o.to:
		case p.from <= o.to:
			return nil // goes on without a gap
		case next == nil || p.from < next.from:
			next = &all[i]
		}
	}
	return next
}

// stamp formats Unix ms for people.
func stamp(ms int64) string {
	return time.UnixMilli(ms).UTC().Format(time.RFC3339Nano)
}
