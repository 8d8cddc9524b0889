package gputally

import (
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
	byNode map[string]string               // from labels
	rule   func(node, model string) string // where there is no label
}

func (p nodePools) of(node, model string) string {
	if pool := p.byNode[node]; pool != "" {
		return pool
	}
	return p.rule(node, model)
}

// kubeNodes is what kube-state-metrics says of nodes.
type kubeNodes struct {
	pools  nodePools
	seen   map[string]*sighting
	label  string           // of node pools, "" for none
	latest map[string]int64 // time of the latest sample of a node's pool, Unix ms
	to     int64            // Unix ms
}

// nodes reads until when there were which nodes, and the label that names node
// pools. Without kube-state-metrics the rules decide alone.
func (r *reading) nodes(ctx context.Context) (*kubeNodes, error) {
	cfg := &r.source.cfg
	n := &kubeNodes{pools: nodePools{rule: cfg.NodePools}, label: cfg.NodePoolLabel, to: r.to}
	names := []string{nodeInfoName}
	if n.label != "" {
		names = append(names, nodeLabelsName)
	}
	q := r.query
	q.Matchers = []series.Matcher{anyOf(nameLabel, names)}
	if err := r.all(ctx, cfg.NodeLabels, q, n); err != nil {
		return nil, err
	}
	if n.label != "" && len(n.latest) == 0 {
		r.notes.Add(usage.NodePoolLabelMissing, n.label)
	}
	return n, nil
}

func (n *kubeNodes) reset() {
	n.pools.byNode, n.seen, n.latest = map[string]string{}, map[string]*sighting{}, map[string]int64{}
}

func (n *kubeNodes) take(s series.Series) error {
	node := s.Labels.Get(nodeLabelsLabel)
	switch {
	case node == "" || len(s.Samples) == 0 && len(s.Stale) == 0:
	case s.Labels.Get(nameLabel) == nodeInfoName:
		if n.seen[node] == nil {
			n.seen[node] = &sighting{}
		}
		n.seen[node].see(s, n.to)
	default:
		n.takeLabels(node, s)
	}
	return nil
}

// takeLabels takes a node's pool; one whose label changes has the latest.
func (n *kubeNodes) takeLabels(node string, s series.Series) {
	pool := s.Labels.Get(n.label)
	if pool == "" || len(s.Samples) == 0 {
		return
	}
	at := s.Samples[len(s.Samples)-1].T
	if at > n.latest[node] || at == n.latest[node] && pool > n.pools.byNode[node] {
		n.latest[node], n.pools.byNode[node] = at, pool
	}
}
