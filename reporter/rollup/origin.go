package rollup

import (
	"slices"

	"github.com/gputally/gputally/reporter/quota"
	"github.com/gputally/gputally/reporter/report"
	"github.com/gputally/gputally/reporter/usage"
)

// originKey is what decides about the owner, the price and the quota of a
// segment: numbers of names. What the report does not need is intern.Empty.
type originKey struct {
	state, cluster, namespace, nodePool, model uint32
	epoch                                      uint32 // see epochAt
}

// origin is what the segments with one originKey have in common. There are
// millions of segments and thousands of origins. To make one is slow, because
// patterns are tried one by one.
type origin struct {
	originKey
	number              int // from 0, in the order in which they were found
	stateName           usage.State
	rank                uint32 // of the state
	project, department uint32 // numbers of names, (none) for none, "" if no tenant held the time

	// The origin alone decides about the row, unless the report groups by pod or node.
	row    uint32
	hasRow bool
}

// origin returns the origin with a key, and makes it the first time.
func (r *Rollup) origin(k originKey) *origin {
	if o, ok := r.origins[k]; ok {
		return o
	}
	state := usage.State(r.names.Text(k.state))
	o := &origin{originKey: k, number: len(r.origins), stateName: state, rank: uint32(rank(state))}
	r.origins[k] = o
	if state != usage.Allocated {
		return o
	}
	project, department := "", ""
	if r.projects != nil && r.need.namespace {
		project, department = r.projects.Of(r.names.Text(k.cluster), r.names.Text(k.namespace), r.epochStart(k.epoch))
	}
	o.project, o.department = r.names.ID(orNone(project)), r.names.ID(orNone(department))
	return o
}

// columns are what a report needs to know of the segments, by itself and for
// its accumulators.
type columns struct {
	namespace, nodePool, model, node, pod bool
	poolRules                             bool // node pools that the ledger does not name are found by rules
	numbers                               []usage.Number
}

func (r *Rollup) columnsNeeded() columns {
	var c columns
	c.namespace = r.by(report.ByProject) || r.by(report.ByDepartment) || r.by(report.ByNamespace) ||
		r.accumulators.need(func(n needs) bool { return n.owner })
	c.nodePool = r.by(report.ByNodePool) || r.accumulators.need(func(n needs) bool { return n.nodePool })
	c.poolRules = c.nodePool && r.projects != nil && r.projects.HasNodePools()
	c.model = c.poolRules || r.accumulators.need(func(n needs) bool { return n.model })
	c.node = c.poolRules || r.by(report.ByNode)
	c.pod = r.by(report.ByPod)
	c.numbers = r.accumulators.numbers()
	return c
}

// texts are the columns with names.
func (c columns) texts() []usage.Text {
	texts := []usage.Text{usage.TextCluster, usage.TextState}
	for _, column := range []struct {
		needed bool
		text   usage.Text
	}{
		{c.namespace, usage.TextNamespace},
		{c.nodePool, usage.TextNodePool},
		{c.model, usage.TextModel},
		{c.node, usage.TextNode},
		{c.pod, usage.TextPod},
		{c.pod, usage.TextPodUID},
	} {
		if column.needed {
			texts = append(texts, column.text)
		}
	}
	return texts
}

func orNone(name string) string {
	if name == "" {
		return quota.None
	}
	return name
}

// rank is the index of a state in report.States, -1 if it is none of them.
func rank(s usage.State) int {
	all := report.States()
	return slices.Index(all[:], s)
}
