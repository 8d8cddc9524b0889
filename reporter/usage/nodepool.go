package usage

import (
	"context"

	"github.com/gputally/gputally/reporter/prom"
	"github.com/gputally/gputally/reporter/window"
)

// kube-state-metrics' names for the labels of nodes.
const (
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

// readPools reads the label that names node pools. A node whose label changes
// has the latest. Without kube-state-metrics the rules decide alone.
func (c *Closer) readPools(ctx context.Context, w window.Window, f faults) (nodePools, error) {
	p := nodePools{byNode: map[string]string{}, rule: c.cfg.NodePools}
	if c.cfg.NodePoolLabel == "" {
		return p, nil
	}
	latest := map[string]int64{}
	err := c.cfg.NodeLabels.Read(ctx, prom.Query{
		From:     w.From.Add(-c.cfg.Lookback),
		To:       w.To.Add(c.cfg.Lookahead),
		Matchers: []prom.Matcher{{Name: nameLabel, Op: prom.Equal, Value: nodeLabelsName}},
	}, func(s prom.Series) error {
		node, pool := s.Labels.Get(nodeLabelsLabel), s.Labels.Get(c.cfg.NodePoolLabel)
		if node == "" || pool == "" || len(s.Samples) == 0 {
			return nil
		}
		at := s.Samples[len(s.Samples)-1].T
		if at > latest[node] || at == latest[node] && pool > p.byNode[node] {
			latest[node], p.byNode[node] = at, pool
		}
		return nil
	})
	if err == nil && len(latest) == 0 {
		f.note(faultNoLabel, c.cfg.NodePoolLabel)
	}
	return p, err
}
