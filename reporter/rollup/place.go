package rollup

import (
	"slices"

	"github.com/gputally/gputally/reporter/price"
	"github.com/gputally/gputally/reporter/quota"
	"github.com/gputally/gputally/reporter/report"
	"github.com/gputally/gputally/reporter/usage"
)

// placeKey is what decides about the owner, the price and the quota of a
// segment: numbers of names, that of "" for what the report has no use for.
type placeKey struct {
	state, cluster, namespace, nodePool, model uint32
}

// place is what the segments with one placeKey have in common. Where there are
// millions of segments there are thousands of places, and to look one up is
// slow: patterns are tried one by one.
type place struct {
	placeKey
	stateName           usage.State
	rank                uint32        // of the state
	project, department uint32        // numbers of names, (none) for none, "" if no tenant held the time
	rates               *price.Rates  // nil if the time costs nothing
	holder              *quota.Holder // nil if the use counts against no quota

	// The place alone decides about the row, unless the report groups by pod or node.
	row    uint32
	hasRow bool
}

// place finds out about a place, once.
func (r *Rollup) place(k placeKey) *place {
	if p, ok := r.places[k]; ok {
		return p
	}
	state := usage.State(r.names.text(k.state))
	p := &place{placeKey: k, stateName: state, rank: uint32(rank(state))}
	r.places[k] = p
	if state != usage.Allocated {
		return p
	}
	cluster, nodePool := r.names.text(k.cluster), r.names.text(k.nodePool)
	project, department := "", ""
	if r.projects != nil && r.need.namespace {
		project, department = r.projects.Of(cluster, r.names.text(k.namespace))
	}
	p.project, p.department = r.names.idOf(orNone(project)), r.names.idOf(orNone(department))
	if r.book != nil {
		rates := r.book.Rates(cluster, nodePool, r.names.text(k.model))
		p.rates = &rates
	}
	if r.tally != nil {
		p.holder = r.tally.Holder(project, nodePool)
	}
	return p
}

// needs says what a report needs to know of the segments.
type needs struct {
	namespace, nodePool, model, node, pod bool
	poolRules                             bool // node pools that the ledger does not name are found by rules
	held                                  bool // when a segment was held
}

func (r *Rollup) needs() needs {
	quotas := r.tally != nil && r.projects.HasQuotas() // else there is nothing to count
	var n needs
	n.namespace = quotas || r.by(report.ByProject) || r.by(report.ByDepartment) || r.by(report.ByNamespace)
	n.nodePool = quotas || r.book != nil || r.by(report.ByNodePool)
	n.poolRules = n.nodePool && r.projects != nil && r.projects.HasNodePools()
	n.model = n.poolRules || r.book != nil
	n.node = n.poolRules || r.by(report.ByNode)
	n.pod = r.by(report.ByPod)
	n.held = quotas || r.book != nil
	return n
}

// columns are the columns of an hour that is in the report whole.
func (n needs) columns() usage.Columns {
	c := usage.Columns{Texts: []usage.Text{usage.TextCluster, usage.TextState}, Numbers: amounts()}
	for _, column := range []struct {
		needed bool
		text   usage.Text
	}{
		{n.namespace, usage.TextNamespace},
		{n.nodePool, usage.TextNodePool},
		{n.model, usage.TextModel},
		{n.node, usage.TextNode},
		{n.pod, usage.TextPod},
		{n.pod, usage.TextPodUID},
	} {
		if column.needed {
			c.Texts = append(c.Texts, column.text)
		}
	}
	if n.held {
		c.Numbers = append(c.Numbers, usage.NumberHeldFrom, usage.NumberHeldTo)
	}
	return c
}

// amounts are the columns with quantities.
func amounts() []usage.Number {
	return []usage.Number{
		usage.NumberGPU, usage.NumberActive, usage.NumberIdle, usage.NumberObserved, usage.NumberEstimated,
		usage.NumberMemory, usage.NumberEnergy,
	}
}

func orNone(name string) string {
	if name == "" {
		return quota.None
	}
	return name
}

// rank is the place of a state in states, -1 if it is none of them.
func rank(s usage.State) int {
	all := report.States()
	return slices.Index(all[:], s)
}
