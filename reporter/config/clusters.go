package config

import (
	"fmt"
	"maps"
	"net/url"
	"slices"

	"github.com/gputally/gputally/reporter/ledger"
)

// clusterKeys are one of several clusters. What it lacks of prometheus and
// node_pool_label it has from the main file's own.
type clusterKeys struct {
	Name          string         `yaml:"name"`
	Prometheus    prometheusKeys `yaml:"prometheus"`
	NodePoolLabel string         `yaml:"node_pool_label"`
}

// clusters are those of the list, or the one of the short form.
func (f mainFile) clusters(d *document) []Cluster {
	f.Prometheus.check(d, "prometheus")
	checkNodePoolLabel(d, "node_pool_label", f.NodePoolLabel)
	listed := d.has("clusters") || d.wrong["clusters"]
	if !listed {
		d.clusterName("cluster", f.Cluster)
		urls := f.Prometheus.urls(d, "prometheus")
		return []Cluster{{f.Cluster, f.Prometheus.typed(urls), f.NodePoolLabel}}
	}
	if d.has("cluster") {
		d.fail("cluster", "and clusters are both here: use cluster for one, clusters for several")
	}
	if len(f.Clusters) == 0 {
		d.fail("clusters", "must name at least one cluster")
	}
	var inherited []*url.URL
	if d.has("prometheus.url") || d.has("prometheus.replicas") {
		inherited = f.Prometheus.urls(d, "prometheus")
	}
	all := make([]Cluster, len(f.Clusters))
	for i, k := range f.Clusters {
		all[i] = k.over(f, d, item("clusters", i), inherited)
	}
	refuseOverlaps(d, all)
	return all
}

// over checks the cluster and completes it with the main file's own keys.
func (k clusterKeys) over(f mainFile, d *document, at string, inherited []*url.URL) Cluster {
	d.clusterName(at+".name", k.Name)
	checkNodePoolLabel(d, at+".node_pool_label", k.NodePoolLabel)
	k.Prometheus.check(d, at+".prometheus")
	if !d.has(at + ".node_pool_label") {
		k.NodePoolLabel = f.NodePoolLabel
	}
	urls := inherited
	switch own := d.has(at+".prometheus.url") || d.has(at+".prometheus.replicas"); {
	case own:
		urls = k.Prometheus.urls(d, at+".prometheus")
	case !d.has("prometheus.url") && !d.has("prometheus.replicas"):
		d.fail(at+".prometheus.url", "is required, here or for all clusters under prometheus")
	}
	return Cluster{k.Name, k.Prometheus.over(f.Prometheus, d, at+".prometheus").typed(urls), k.NodePoolLabel}
}

func (d *document) clusterName(path, name string) {
	if name == "" {
		d.fail(path, "is required: it names the cluster in object keys and reports")
	} else if err := ledger.CheckCluster(name); err != nil {
		d.fail(path, "%s", err)
	}
}

func checkNodePoolLabel(d *document, path, label string) {
	if label != "" && !labelName.MatchString(label) {
		d.fail(path, "%q is no label of kube_node_labels: write it as kube-state-metrics does, such as label_nodepool", label)
	}
}

// refuseOverlaps notes clusters of one name and clusters that would count the
// same series. It names both places.
func refuseOverlaps(d *document, all []Cluster) {
	for i, c := range all {
		for j, other := range all[:i] {
			at, first := item("clusters", i), item("clusters", j)
			if c.Name != "" && c.Name == other.Name {
				d.fail(at+".name", "%q is the name of %s on line %d too", c.Name, first, d.line(first+".name"))
				continue
			}
			if server := sameServer(c.Prometheus, other.Prometheus); server != "" && !disjoint(c.Prometheus.Selector, other.Prometheus.Selector) {
				d.fail(at+".prometheus", "reads the same series of %s as %s on line %d, which would be counted twice; "+
					"give both the same label with different values under selector, or one of them another server", server, first, d.line(first))
			}
		}
	}
}

// sameServer is a server that both read as the same tenant, "" if there is none.
func sameServer(a, b Prometheus) string {
	if tenant(a) != tenant(b) {
		return ""
	}
	for _, u := range a.URLs {
		if slices.ContainsFunc(b.URLs, func(v *url.URL) bool { return endpoint(u) == endpoint(v) }) {
			return u.String()
		}
	}
	return ""
}

// tenant is what servers of many tenants tell them apart by: a header such as
// X-Scope-OrgID, or the user.
func tenant(p Prometheus) string {
	var text string
	if headers := p.HTTP.HTTPHeaders; headers != nil {
		for _, name := range slices.Sorted(maps.Keys(headers.Headers)) {
			h := headers.Headers[name]
			text += fmt.Sprintln(name, h.Values, h.Secrets, h.Files)
		}
	}
	if auth := p.HTTP.BasicAuth; auth != nil {
		text += fmt.Sprintln("user", auth.Username, auth.UsernameFile)
	}
	return text
}

// disjoint tells whether no series can have the labels of both.
func disjoint(a, b map[string]string) bool {
	for name, value := range a {
		if other, both := b[name]; both && other != value {
			return true
		}
	}
	return false
}

func item(path string, i int) string { return fmt.Sprintf("%s[%d]", path, i) }
