package gputally

import (
	"cmp"
	"context"

	"github.com/gputally/gputally/reporter/series"
	"github.com/gputally/gputally/reporter/usage"
)

// kube-state-metrics' names for nodes and their labels.
const (
	nodeInfoName    = "kube_node_info"
	nodeLabelsName  = "kube_node_labels"
	nodeLabelsLabel = "node"
)

// nodePools names the node pools of nodes.
type nodePools struct {
	byNode   map[string]string               // from labels
	rule     func(node, model string) string // where there is no label
	previous map[string]string               // by node, of the previous hour, where there is no rule either
}

func (p nodePools) of(node, model string) string {
	return cmp.Or(p.byNode[node], p.rule(node, model), p.previous[node])
}

// kubeNodes is what kube-state-metrics says of nodes.
type kubeNodes struct {
	pools    nodePools
	seen     map[string]*sighting
	label    string           // of node pools, "" for none
	labelled map[string]bool  // nodes whose labels it shows
	latest   map[string]int64 // time of the latest sample of a node's pool, Unix ms
	from, to int64            // Unix ms

	exported asExported
	labels   doubts
	shown    shownNodes
}

// nodes reads until when there were which nodes, and the label that names node
// pools, once more if the answer can't be all: both count. Without kube-state-metrics
// the rules decide alone. A node whose labels kube-state-metrics does not show has
// the pool that it had in the previous hour. The window begins then, Unix ms.
func (r *reading) nodes(ctx context.Context, begin int64, devices []usage.Device) (*kubeNodes, error) {
	cfg := &r.source.cfg
	n := &kubeNodes{
		pools: nodePools{byNode: map[string]string{}, rule: cfg.NodePools, previous: map[string]string{}}, label: cfg.NodePoolLabel,
		seen: map[string]*sighting{}, labelled: map[string]bool{}, latest: map[string]int64{}, from: r.from, to: r.to,
		exported: asExported{identity: kubeIdentity(cfg.NodePoolLabel)}, shown: shownNodes{},
	}
	names := []string{nodeInfoName}
	if n.label != "" {
		names = append(names, nodeLabelsName)
	}
	q := r.query
	q.Matchers = []series.Matcher{anyOf(nameLabel, names)}
	for range 2 {
		if err := r.all(ctx, cfg.NodeLabels, q, n); err != nil {
			return nil, err
		}
		if r.nodesAreWhole(n, begin) {
			break
		}
	}
	if n.label != "" && len(n.latest) == 0 {
		r.notes.Add(usage.NodePoolLabelMissing, n.label)
	}
	for _, d := range devices {
		if n.label != "" && d.Node != "" && !n.labelled[d.Node] {
			n.pools.previous[d.Node] = d.NodePool
		}
	}
	return n, nil
}

// nodesAreWhole tells whether the answer can be all: it knows each node on which
// a collector is, as long as that is there, and its pool. There may be no
// kube-state-metrics: that matters for pools, and for nodes without collectors.
func (r *reading) nodesAreWhole(n *kubeNodes, begin int64) bool {
	for _, t := range r.known {
		if t.node == "" || !t.former && t.starts.last < begin {
			continue
		}
		s := n.seen[t.node]
		asked := len(n.seen) > 0 || n.label != "" || t.former
		if asked && (s == nil || s.last < t.starts.last-silence.Milliseconds()) || n.label != "" && n.latest[t.node] == 0 {
			return false
		}
	}
	return true
}

// reset keeps what was taken: it is true whatever the rest of an answer is.
func (n *kubeNodes) reset() {}

func (n *kubeNodes) take(s series.Series) error {
	s.Labels = n.exported.labels(s.Labels)
	node := s.Labels.Get(nodeLabelsLabel)
	if len(s.Samples) > 0 {
		n.labels.see(&n.exported)
		n.shown.add(&n.exported, s, n.label)
	}
	switch {
	case node == "" || len(s.Samples) == 0 && len(s.Stale) == 0:
	case s.Labels.Get(nameLabel) == nodeInfoName:
		if n.seen[node] == nil {
			n.seen[node] = &sighting{}
		}
		n.seen[node].see(s, n.from, n.to)
	default:
		n.takeLabels(node, s)
	}
	return nil
}

// takeLabels takes a node's pool; one whose label changes has the latest.
func (n *kubeNodes) takeLabels(node string, s series.Series) {
	n.labelled[node] = true
	pool := s.Labels.Get(n.label)
	if pool == "" || len(s.Samples) == 0 {
		return
	}
	at := s.Samples[len(s.Samples)-1].T
	if at > n.latest[node] || at == n.latest[node] && pool > n.pools.byNode[node] {
		n.latest[node], n.pools.byNode[node] = at, pool
	}
}
