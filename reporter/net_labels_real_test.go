//go:build real

package reporter_test

import (
	"strings"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/labels"

	"github.com/gputally/gputally/internal/simulate"
	"github.com/gputally/gputally/reporter"
)

// Two nodes whose GPUs are held by others.
func twoNodes(from, to time.Time) past {
	held := func(namespace, pod string, milli int) simulate.Hold {
		h := hold(namespace, pod, 0, milli, 0, 0)
		h.From, h.To = from.Add(5*time.Minute), to.Add(time.Hour)
		return h
	}
	node := func(name string, holds ...simulate.Hold) *simulate.Node {
		return &simulate.Node{Name: "node-" + name, GPUs: []simulate.GPU{simulate.NewGPU("GPU-"+name+"0", "NVIDIA H200")}, Holds: holds}
	}
	return past{
		nodes: []*simulate.Node{node("a", held("vision", "train", 1000)), node("b", held("search", "serve", 500))},
		born:  from, from: from, to: to,
	}
}

// clash gives series what a scrape without honor_labels gives them: the target's
// own labels take the names, and what the exporter wrote is renamed.
func clash(job string, target map[string]string) func(labels.Labels) labels.Labels {
	return func(l labels.Labels) labels.Labels {
		if l.Get("job") != job {
			return l
		}
		b := labels.NewBuilder(l)
		for name, value := range target {
			if own := l.Get(name); own != "" {
				b.Set("exported_"+name, own)
			}
			b.Set(name, value)
		}
		return b.Labels()
	}
}

// drop is a relabelling of samples that drops the names that clash gave.
func drop(change func(labels.Labels) labels.Labels) func(labels.Labels) labels.Labels {
	return func(l labels.Labels) labels.Labels {
		b := labels.NewBuilder(change(l))
		change(l).Range(func(l labels.Label) {
			if strings.HasPrefix(l.Name, "exported_") {
				b.Del(l.Name)
			}
		})
		return b.Labels()
	}
}

// honor is clash with honor_labels: the target's labels are where the exporter has none.
func honor(job string, target map[string]string) func(labels.Labels) labels.Labels {
	return func(l labels.Labels) labels.Labels {
		b := labels.NewBuilder(l)
		for name, value := range target {
			if l.Get("job") == job && l.Get(name) == "" {
				b.Set(name, value)
			}
		}
		return b.Labels()
	}
}

// of changes the series of one collector.
func of(instance string, change func(labels.Labels) labels.Labels) func(labels.Labels) labels.Labels {
	return func(l labels.Labels) labels.Labels {
		if !strings.Contains(l.Get("instance"), instance) {
			return l
		}
		return change(l)
	}
}

const collectorsJob, kubeJob = "gputally-collector", "kube-state-metrics"

// A target's own labels.
var (
	podLabels  = map[string]string{"namespace": "monitoring", "pod": "gputally-collector-x7", "container": "collector"}
	gpuLabels  = map[string]string{"uuid": "GPU-none", "model": "NVIDIA L40S"}
	nodeLabel  = map[string]string{"node": "node-b"}
	poolLabel  = map[string]string{"label_pool": "pool-of-node-b"}
	otherLabel = map[string]string{"namespace": "monitoring", "pod": "kube-state-metrics-0"}
)

// What closing an hour and check --live make of labels.
const (
	fine    = iota // the hour is right, and nothing is found
	told           // the hour is right, and check --live says what to change
	refused        // the hour is refused, too
)

// clashes are scrapes whose own labels clash with the exporter's.
var clashes = map[string]struct {
	change func(labels.Labels) labels.Labels
	want   int
}{
	"of collectors without honor_labels":          {clash(collectorsJob, podLabels), told},
	"of collectors, the namespace alone":          {clash(collectorsJob, map[string]string{"namespace": "monitoring"}), told},
	"of collectors, the pod alone":                {clash(collectorsJob, map[string]string{"pod": "gputally-collector-x7"}), told},
	"of collectors, the node":                     {clash(collectorsJob, nodeLabel), told},
	"of collectors, GPU and model":                {clash(collectorsJob, gpuLabels), told},
	"of one collector of two":                     {of("node-a", clash(collectorsJob, podLabels)), told},
	"of one collector of two, GPU and model":      {of("node-a", clash(collectorsJob, gpuLabels)), told},
	"of collectors with honor_labels":             {honor(collectorsJob, podLabels), fine},
	"of collectors with honor_labels, the node":   {honor(collectorsJob, nodeLabel), fine},
	"of collectors, dropped":                      {drop(clash(collectorsJob, podLabels)), refused},
	"of collectors, the namespace alone, dropped": {drop(clash(collectorsJob, map[string]string{"namespace": "monitoring"})), refused},
	"of collectors, the node, dropped":            {drop(clash(collectorsJob, nodeLabel)), refused},
	"of kube-state-metrics, the node":             {clash(kubeJob, nodeLabel), told},
	"of kube-state-metrics, the node, dropped":    {drop(clash(kubeJob, nodeLabel)), refused},
	"of kube-state-metrics, the pool":             {clash(kubeJob, poolLabel), told},
	"of kube-state-metrics, the pool, dropped":    {drop(clash(kubeJob, poolLabel)), refused},
	"of kube-state-metrics, no other":             {clash(kubeJob, otherLabel), fine},
	"of kube-state-metrics, with honor_labels":    {honor(kubeJob, nodeLabel), fine},
}

// Whatever a scrape does with labels, GPU time is of those of whom the exporter
// says so, or the hour is refused with what to change.
func TestWhoseLabels(t *testing.T) {
	t.Parallel()
	plain := t.TempDir()
	from, to := midnight.Add(-20*time.Minute), midnight.Add(70*time.Minute)
	twoNodes(from, to).write(t, plain)
	writeSeries(t, plain, from, to, 1, kube("node-a", "node-b")...)
	want := amounts{
		"allocated/node-a/pool-of-node-a/vision/train": 3600,
		"allocated/node-b/pool-of-node-b/search/serve": 1800,
		"unallocated/node-b/pool-of-node-b//":          1800,
	}
	for name, tt := range clashes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := served(t, func(data string) { relabeled(t, plain, data, tt.change) })
			_, url := newFaulty(t, server.URL, fault{read: "no fault"}) // it knows all roads
			for _, road := range []string{"remote_read", "json", "export"} {
				_, setting := folder(t)
				f := priced(url, setting, "node_pool_label: label_pool\n")
				f["gputally.yaml"] = strings.Replace(f["gputally.yaml"], "timeout: 20s", "timeout: 20s, road: "+road, 1)
				config := "--config=" + f.write(t)
				b := netBooks{config, midnight.Add(71 * time.Minute)}
				v := &verdict{}
				if got := run(t, b.at, "close", closeNight, config); tt.want == refused {
					v.ends(got, "close by "+road, reporter.ExitSource)
					v.mentions(got.message, "honor_labels")
				} else if v.ends(got, "close by "+road, reporter.ExitOK) {
					rows, _ := b.rows(t, "node,node_pool,namespace,pod", period(midnight, midnight.Add(time.Hour)))
					v.are(rows, want, 1)
				}
				v.judge(t, false)
			}
		})
	}
}

// mentions notes a text that has none of some words.
func (v *verdict) mentions(text string, words ...string) {
	for _, word := range words {
		if strings.Contains(text, word) {
			return
		}
	}
	v.errorf("it does not mention any of %q: %s", words, text)
}

// check --live finds labels that clash, where they are of those that are read.
func TestLiveCheckOfWhoseLabels(t *testing.T) {
	t.Parallel()
	plain := t.TempDir()
	clock := time.Now().UTC().Truncate(time.Second) // the server's clock is the real one
	from, to := clock.Add(-20*time.Minute), clock.Add(5*time.Minute)
	twoNodes(from, to).write(t, plain)
	writeSeries(t, plain, from, to, 1, kube("node-a", "node-b")...)
	for name, tt := range clashes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := served(t, func(data string) { relabeled(t, plain, data, tt.change) })
			_, setting := folder(t)
			got := run(t, clock, "check", "--live", "--config="+priced(server.URL, setting, "node_pool_label: label_pool\n").write(t))
			v := &verdict{}
			if tt.want != fine {
				v.ends(got, "check --live", reporter.ExitNotReady)
				v.mentions(badLines(got.stdout), "honor_labels")
			} else {
				v.ends(got, "check --live", reporter.ExitOK)
			}
			v.judge(t, false)
		})
	}
}

// badLines are what check --live found.
func badLines(text string) string {
	var bad strings.Builder
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "BAD") {
			bad.WriteString(line)
		}
	}
	return bad.String()
}

// nobody is two nodes on which no GPU was ever held.
func nobody(from, to time.Time) past {
	p := twoNodes(from, to)
	for _, node := range p.nodes {
		node.Holds = nil
	}
	return p
}

// A fresh install has no series of containers, and needs none as long as
// nothing is allocated.
func TestLiveCheckOfAFreshInstall(t *testing.T) {
	t.Parallel()
	clock := time.Now().UTC().Truncate(time.Second) // the server's clock is the real one
	from, to := clock.Add(-20*time.Minute), clock.Add(5*time.Minute)
	for name, tt := range map[string]struct {
		known bool // the fault is known: part 6 §5
		past  past
		code  int
	}{
		"on which nobody holds a GPU":                     {true, nobody(from, to), reporter.ExitOK},
		"on which GPUs are held, and containers are lost": {false, twoNodes(from, to), reporter.ExitNotReady},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := served(t, func(data string) {
				plain := t.TempDir()
				tt.past.write(t, plain)
				relabeled(t, plain, data, func(l labels.Labels) labels.Labels {
					if strings.HasPrefix(l.Get("__name__"), "gputally_container_") {
						return labels.EmptyLabels()
					}
					return l
				})
			})
			_, setting := folder(t)
			v := &verdict{}
			v.ends(run(t, clock, "check", "--live", "--config="+priced(server.URL, setting, "").write(t)), "check --live", tt.code)
			v.judge(t, tt.known)
		})
	}
}
