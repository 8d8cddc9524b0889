package gputally

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"github.com/gputally/gputally/collector/metric"
	"github.com/gputally/gputally/reporter/fold"
	"github.com/gputally/gputally/reporter/series"
	"github.com/gputally/gputally/reporter/source"
)

// doubts are labels of which can't be said whether the exporter wrote them, or the
// scrape put those of its target in their place and dropped what was there.
type doubts struct {
	lacks
	alike   map[labelOfJob]string // values that are the target's own, too
	differ  map[labelOfJob]bool   // labels that are not the target's own in some series
	renamed map[labelOfJob]bool   // labels that Prometheus renamed
}

type labelOfJob struct{ job, name string }

// all are the doubts that are left: where a job's series never have another value than
// the target's own, that may be the target's.
func (d *doubts) all() lacks {
	all := lacks{named: slices.Clone(d.named), count: d.count}
	byJob := func(a, b labelOfJob) int { return cmp.Or(cmp.Compare(a.job, b.job), cmp.Compare(a.name, b.name)) }
	for _, l := range slices.SortedFunc(maps.Keys(d.alike), byJob) {
		if !d.differ[l] {
			all.add("%s of job %q is that of the scraped target in all series: %s", l.name, l.job, d.alike[l])
		}
	}
	return all
}

func (d *doubts) join(o doubts) {
	d.lacks.join(o.lacks)
	for _, m := range []struct{ to, from *map[labelOfJob]bool }{{&d.differ, &o.differ}, {&d.renamed, &o.renamed}} {
		for l := range *m.from {
			mark(m.to, l)
		}
	}
	for l, value := range o.alike {
		d.resembles(l, value)
	}
}

func (d *doubts) resembles(l labelOfJob, value string) {
	if d.alike == nil {
		d.alike = map[labelOfJob]string{}
	}
	d.alike[l] = max(d.alike[l], value)
}

func mark(set *map[labelOfJob]bool, l labelOfJob) {
	if *set == nil {
		*set = map[labelOfJob]bool{}
	}
	(*set)[l] = true
}

// see notes what was renamed in the latest series.
func (d *doubts) see(e *asExported) {
	for _, l := range e.raw {
		if e.identity.isRenamed(l) {
			mark(&d.renamed, labelOfJob{e.raw.Get(jobLabel), e.identity[l.Name]})
		}
	}
	if name := e.twice(); name != "" {
		d.add("%s of job %q shows that a label was renamed twice", name, e.raw.Get(jobLabel))
	}
}

// certain are labels that are never the target's own in what a collector writes: its pod
// holds no GPU, and it has neither a UUID nor a state.
func certain(name string) bool {
	switch name {
	case metric.LabelPod, metric.LabelPodUID, metric.LabelUUID, metric.LabelState:
		return true
	}
	return false
}

// hold holds a label that the exporter wrote into the latest series against those of the
// target, and tells whether it shows that the scrape honours the exporter's.
func (d *doubts) hold(e *asExported, t *target, name, value string) (honours bool) {
	if len(t.own) == 0 || e.renamed(name) || !t.owns(name) {
		return false
	}
	of := labelOfJob{e.raw.Get(jobLabel), name}
	switch {
	case !slices.Contains(t.own, series.Label{Name: name, Value: value}):
		mark(&d.differ, of)
		return true
	case certain(name):
		d.add("%s of job %q is that of the scraped target: %s", name, of.job, value)
	default:
		d.resembles(of, value)
	}
	return false
}

// holder holds the labels of a holding against those of the target.
func (d *doubts) holder(e *asExported, t *target, h fold.Holder) {
	for _, l := range [...]series.Label{
		{Name: metric.LabelNamespace, Value: h.Namespace}, {Name: metric.LabelPod, Value: h.Pod}, {Name: metric.LabelContainer, Value: h.Container},
	} {
		if l.Value == "" {
			d.add("series of containers of job %q have no label %s", e.raw.Get(jobLabel), l.Name)
		}
	}
	d.hold(e, t, metric.LabelPodUID, h.PodUID)
	if d.hold(e, t, metric.LabelPod, h.Pod) {
		return // and so it does with the others
	}
	d.hold(e, t, metric.LabelNamespace, h.Namespace)
	d.hold(e, t, metric.LabelContainer, h.Container)
}

// place holds where a GPU is said to be against the labels of the target, and against
// what its collector says of the node.
func (d *doubts) place(e *asExported, i *info) {
	t := i.target
	d.hold(e, t, metric.LabelModel, i.model)
	if i.node != t.node && !e.renamed(metric.LabelNode) && slices.Contains(t.own, series.Label{Name: metric.LabelNode, Value: i.node}) {
		d.add("node of job %q is that of the scraped target: %s", e.raw.Get(jobLabel), i.node)
	}
}

// nodes doubts the node of collectors that are on one node at one time and list other
// GPUs, where that is the target's own label. listed are the GPUs by UUID.
func (d *doubts) nodes(known map[string]*target, listed map[string]*gpu) {
	of := map[*target]map[string]bool{}
	for uuid, g := range listed {
		for i := range g.infos {
			t := g.infos[i].target
			if of[t] == nil {
				of[t] = map[string]bool{}
			}
			of[t][uuid] = true
		}
	}
	first := map[string]*target{}
	for _, key := range slices.Sorted(maps.Keys(known)) {
		t := known[key]
		if of[t] == nil || t.renamed || !slices.Contains(t.own, series.Label{Name: metric.LabelNode, Value: t.node}) {
			continue
		}
		o := first[t.node]
		if o == nil {
			first[t.node] = t
			continue
		}
		share := func(uuid string) bool { return of[o][uuid] }
		if t.starts.first < o.starts.last && o.starts.first < t.starts.last && !slices.ContainsFunc(slices.Collect(maps.Keys(of[t])), share) {
			d.add("node of job %q is that of the scraped target: several collectors are on %s", t.job, t.node)
		}
	}
}

// Whose scrape configuration has to change.
const (
	collectorJob = "the collectors"
	kubeJob      = "kube-state-metrics"
)

// doubtful is the error of labels in doubt, nil if there are none.
func (l *lacks) doubtful(job string) error {
	if l.count == 0 {
		return nil
	}
	return fmt.Errorf("%w: %s; %s", source.ErrLabels, l.text(), honour(job))
}

// honour says what to change in a scrape configuration.
func honour(job string) string {
	return fmt.Sprintf("add \"honor_labels: true\" to the scrape configuration of %s (\"honorLabels: true\" in a PodMonitor or ServiceMonitor), "+
		"let no relabelling drop or replace labels of samples, and drop the target's own labels of these names by relabel_configs "+
		"(\"relabelings\") with the action labeldrop", job)
}
