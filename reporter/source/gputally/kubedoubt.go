package gputally

import (
	"cmp"
	"hash/fnv"
	"maps"
	"slices"
	"strings"

	"github.com/gputally/gputally/reporter/series"
)

// kubeIdentity names the labels that kube-state-metrics writes and that are read.
func kubeIdentity(poolLabel string) identity {
	id := identity{nameLabel: nameLabel}
	id.add(nodeLabelsLabel)
	if poolLabel != "" {
		id.add(poolLabel)
	}
	return id
}

// shownNodes is what targets show of nodes, by family, target and node. What has the
// node's name from kube-state-metrics has one series at a time.
type shownNodes map[shownNode]*shownSeries

type shownNode struct {
	family, job, node string
	target            uint64 // hash of the target's labels
}

type shownSeries struct {
	ends    map[uint64]*tally // by the hash of all labels, times of samples
	pools   map[string]bool   // values of the pool's label
	renamed bool              // Prometheus renamed the node's name
}

// add takes in what a series with samples shows.
func (n shownNodes) add(e *asExported, s series.Series, poolLabel string) {
	at := shownNode{s.Labels.Get(nameLabel), s.Labels.Get(jobLabel), s.Labels.Get(nodeLabelsLabel), hashOf(s.Labels, ofKubeTarget)}
	shown := n[at]
	if shown == nil {
		shown = &shownSeries{ends: map[uint64]*tally{}, pools: map[string]bool{}}
		n[at] = shown
	}
	shown.renamed = shown.renamed || e.renamed(nodeLabelsLabel)
	if pool := s.Labels.Get(poolLabel); pool != "" && !e.renamed(poolLabel) {
		shown.pools[pool] = true
	}
	all := hashOf(s.Labels, func(string) bool { return true })
	if shown.ends[all] == nil {
		shown.ends[all] = &tally{}
	}
	shown.ends[all].add(s.Samples)
}

// doubts names the nodes and pools that may be the scraped target's own.
func (n *kubeNodes) doubts() lacks {
	d := n.labels.all()
	own := map[uint64]map[string]bool{} // pools by target: kube_node_info has none
	for at, shown := range n.shown {
		if at.family == nodeInfoName && len(shown.pools) > 0 {
			if own[at.target] == nil {
				own[at.target] = map[string]bool{}
			}
			maps.Copy(own[at.target], shown.pools)
		}
	}
	byNode := func(a, b shownNode) int {
		return cmp.Or(cmp.Compare(a.node, b.node), cmp.Compare(a.family, b.family), cmp.Compare(a.target, b.target))
	}
	for _, at := range slices.SortedFunc(maps.Keys(n.shown), byNode) {
		shown := n.shown[at]
		switch {
		case at.node == "":
			d.add("%s of job %q has no label %s", at.family, at.job, nodeLabelsLabel)
		case !shown.renamed && shown.severalAtOnce():
			d.add("%s of job %q has several series of %s at one time, as if its label %s were the scraped target's", at.family, at.job, at.node, nodeLabelsLabel)
		}
		for pool := range own[at.target] {
			if at.family == nodeLabelsName && shown.pools[pool] {
				d.add("%s of job %q is that of the scraped target: %s", n.label, at.job, pool)
			}
		}
	}
	return d
}

// severalAtOnce tells whether two series begin or end at one time. One of a node
// whose labels change ends before the next begins.
func (s *shownSeries) severalAtOnce() bool {
	first, last := map[int64]bool{}, map[int64]bool{}
	for _, t := range s.ends {
		if first[t.first] || last[t.last] {
			return true
		}
		first[t.first], last[t.last] = true, true
	}
	return false
}

// ofKubeTarget tells whether a label is none that kube-state-metrics writes into what
// it shows of nodes.
func ofKubeTarget(name string) bool {
	switch strings.TrimPrefix(name, exportedPrefix) {
	case nameLabel, nodeLabelsLabel, "kernel_version", "os_image", "container_runtime_version", "kubelet_version", "kubeproxy_version",
		"deprecated_kubeproxy_version", "provider_id", "pod_cidr", "system_uuid", "internal_ip":
		return false
	}
	return !strings.HasPrefix(strings.TrimPrefix(name, exportedPrefix), "label_")
}

// hashOf hashes the labels with some names.
func hashOf(ls series.Labels, has func(name string) bool) uint64 {
	h := fnv.New64a()
	for _, l := range ls {
		if has(l.Name) {
			h.Write([]byte(l.Name + "\xff" + l.Value + "\xff"))
		}
	}
	return h.Sum64()
}
