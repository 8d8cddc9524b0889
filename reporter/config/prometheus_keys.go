package config

import (
	"maps"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

type prometheusKeys struct {
	URL                string            `yaml:"url"`
	Replicas           []string          `yaml:"replicas"`
	Road               string            `yaml:"road"`
	Timeout            duration          `yaml:"timeout"`
	MaxConcurrent      int               `yaml:"max_concurrent"`
	Selector           map[string]string `yaml:"selector"`
	NodeLabelsSelector map[string]string `yaml:"node_labels_selector"`
	HTTP               httpClient        `yaml:"http"`
}

// roads are the ways to read samples that can be asked for.
func roads() []string { return []string{DefaultRoad, "remote_read", "export", "json"} }

var labelName = regexp.MustCompile(`^[a-zA-Z_][a-zA-Z0-9_]*$`)

// check notes what is wrong with the keys that the file has at the path, and
// makes the names of files relative to the main file.
func (k *prometheusKeys) check(d *document, at string) {
	k.HTTP.SetDirectory(filepath.Dir(d.file))
	if d.has(at+".url") && d.has(at+".replicas") {
		d.fail(at+".replicas", "and url are both here; several replicas of one source need no url")
	}
	if d.has(at+".replicas") && len(k.Replicas) < 2 {
		d.fail(at+".replicas", "must name at least two; write one as url")
	}
	if d.has(at+".road") && !slices.Contains(roads(), k.Road) {
		d.fail(at+".road", "%q is none of %s", k.Road, strings.Join(roads(), ", "))
	}
	if d.has(at+".timeout") && k.Timeout <= 0 {
		d.fail(at+".timeout", "must be above 0")
	}
	if d.has(at+".max_concurrent") && k.MaxConcurrent < 1 {
		d.fail(at+".max_concurrent", "must be at least 1")
	}
	checkSelector(d, at+".selector", k.Selector)
	checkSelector(d, at+".node_labels_selector", k.NodeLabelsSelector)
}

func checkSelector(d *document, at string, selector map[string]string) {
	for _, name := range slices.Sorted(maps.Keys(selector)) {
		if !labelName.MatchString(name) || name == "__name__" {
			d.fail(at+"."+name, "is no label to select by")
		}
	}
}

// over gives the keys that the file has at the path, and for the others those
// of base. Labels of a selector are single keys.
func (k prometheusKeys) over(base prometheusKeys, d *document, at string) prometheusKeys {
	if d.has(at+".url") || d.has(at+".replicas") {
		base.URL, base.Replicas = k.URL, k.Replicas
	}
	if d.has(at + ".road") {
		base.Road = k.Road
	}
	if d.has(at + ".timeout") {
		base.Timeout = k.Timeout
	}
	if d.has(at + ".max_concurrent") {
		base.MaxConcurrent = k.MaxConcurrent
	}
	if d.has(at + ".http") {
		base.HTTP = k.HTTP
	}
	base.Selector = withLabels(base.Selector, k.Selector)
	base.NodeLabelsSelector = withLabels(base.NodeLabelsSelector, k.NodeLabelsSelector)
	return base
}

// withLabels is a selector with the labels of another, which replace its own.
func withLabels(base, more map[string]string) map[string]string {
	if len(more) == 0 {
		return base
	}
	all := map[string]string{}
	maps.Copy(all, base)
	maps.Copy(all, more)
	return all
}

// targetLabels tell the scrape targets of one cluster apart, so kube-state-metrics
// has other values of them than the collectors.
func targetLabels() []string {
	return []string{"job", "instance", "namespace", "pod", "container", "service", "endpoint"}
}

// nodeLabels is the selector for kube-state-metrics: what tells the clusters
// apart, and the labels that are given for it alone.
func (k prometheusKeys) nodeLabels() map[string]string {
	shared := maps.Clone(k.Selector)
	for _, name := range targetLabels() {
		delete(shared, name)
	}
	return withLabels(shared, k.NodeLabelsSelector)
}

// urls parses the server or the replicas that the file has at the path. What is
// wrong is left out and noted.
func (k prometheusKeys) urls(d *document, at string) []*url.URL {
	const example = "http://prometheus.monitoring:9090"
	if len(k.Replicas) == 0 {
		u := d.httpURL(at+".url", k.URL, example, true)
		if u == nil {
			return nil
		}
		return []*url.URL{u}
	}
	var all []*url.URL
	first := map[string]string{}
	for i, text := range k.Replicas {
		path := item(at+".replicas", i)
		u := d.httpURL(path, text, example, true)
		if u == nil {
			continue
		}
		if other, again := first[endpoint(u)]; again {
			d.fail(path, "is %s too: no replica of it", other)
			continue
		}
		first[endpoint(u)] = path
		all = append(all, u)
	}
	return all
}

// typed is what the keys say, with the servers that were parsed of them.
func (k prometheusKeys) typed(urls []*url.URL) Prometheus {
	return Prometheus{
		URLs:               urls,
		Road:               k.Road,
		Timeout:            time.Duration(k.Timeout),
		MaxConcurrent:      k.MaxConcurrent,
		Selector:           k.Selector,
		NodeLabelsSelector: k.nodeLabels(),
		HTTP:               k.HTTP.HTTPClientConfig,
	}
}

// endpoint is a URL in the one way to write it, so that two can be compared.
func endpoint(u *url.URL) string {
	host, port := strings.ToLower(u.Hostname()), u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	return u.Scheme + "://" + host + ":" + port + strings.TrimRight(u.EscapedPath(), "/")
}
