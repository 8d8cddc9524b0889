package gputally_test

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/gputally/gputally/collector/metric"
	"github.com/gputally/gputally/reporter/series"
	"github.com/gputally/gputally/reporter/source"
	"github.com/gputally/gputally/reporter/source/gputally"
	"github.com/gputally/gputally/reporter/usage"
)

// scraped is what a scrape makes of a series' labels.
type scraped func(labels map[string]string)

// target gives series the labels of a target, as Prometheus does.
func target(honor bool, names ...string) scraped {
	return func(labels map[string]string) {
		for i := 0; i < len(names); i += 2 {
			name, value := names[i], names[i+1]
			own := labels[name]
			if own != "" && honor {
				continue
			}
			if labels[name] = value; own == "" {
				continue
			}
			renamed := "exported_" + name
			for labels[renamed] != "" {
				renamed = "exported_" + renamed
			}
			labels[renamed] = own
		}
	}
}

// dropping drops labels.
func dropping(names ...string) scraped {
	return func(labels map[string]string) {
		for _, name := range names {
			delete(labels, name)
		}
	}
}

// set replaces labels.
func set(name, value string) scraped {
	return func(labels map[string]string) { labels[name] = value }
}

// some is a scrape of the series with a label of such a value.
func some(name, value string, all ...scraped) scraped {
	return func(labels map[string]string) {
		if !strings.Contains(labels[name], value) {
			return
		}
		for _, one := range all {
			one(labels)
		}
	}
}

// rewritten is the memory after scrapes changed the labels; of two series that become
// one, the server keeps one.
func rewritten(m *memory, all ...scraped) *memory {
	changed := newMemory()
	for _, key := range sortedKeys(m.series) {
		s := m.series[key]
		labels := map[string]string{}
		for _, l := range s.Labels {
			labels[l.Name] = l.Value
		}
		for _, one := range all {
			one(labels)
		}
		var flat []string
		for name, value := range labels {
			if name != "__name__" && value != "" {
				flat = append(flat, name, value)
			}
		}
		sorted := make([]string, 0, len(flat))
		names := make([]string, 0, len(flat)/2)
		for i := 0; i < len(flat); i += 2 {
			names = append(names, flat[i])
		}
		slices.Sort(names)
		for _, name := range names {
			sorted = append(sorted, name, labels[name])
		}
		if to := changed.at(labels["__name__"], sorted); len(to.Samples) == 0 {
			to.Samples, to.Stale = s.Samples, s.Stale
		}
	}
	return changed
}

func sortedKeys(all map[string]*series.Series) []string {
	keys := make([]string, 0, len(all))
	for key := range all {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

// twoScraped are two nodes and what kube-state-metrics says of them.
func twoScraped() *memory {
	m := newMemory()
	a := oneNode(hold{uuid: "GPU-a", pod: "train", share: 1, from: -hour, to: 3 * hour})
	a.processes, a.scrapers[0].phase = []process{{"10.0.0.1:9400", -hour, 2 * hour}}, -hour+7*second
	a.render(m)
	b := oneNode(hold{uuid: "GPU-b", pod: "serve", share: 0.5, from: -hour, to: 3 * hour})
	b.node, b.uuids = "node-2", []string{"GPU-b"}
	b.processes = []process{{"10.0.0.2:9400", -hour, 2 * hour}}
	b.scrapers = a.scrapers
	b.render(m)
	for _, node := range []string{"1", "2"} {
		kube := []string{"instance", "10.0.0.9:8080", "job", "kube-state-metrics", "node", "node-" + node}
		for t := -hour; t < 2*hour; t += minute {
			info := m.at("kube_node_info", append([]string{"system_uuid", node}, kube...))
			info.Samples = append(info.Samples, series.Sample{T: t0 + t, V: 1})
			pools := m.at("kube_node_labels", append([]string{"label_pool", "pool-" + node}, kube...))
			pools.Samples = append(pools.Samples, series.Sample{T: t0 + t, V: 1})
		}
	}
	return m
}

func closeScraped(t *testing.T, m *memory, edit ...func(*gputally.Config)) (usage.Hour, []string, error) {
	t.Helper()
	cfg := gputally.Config{Cluster: "c1", Reader: m, NodePoolLabel: "label_pool", NodesPerPiece: 1}
	for _, e := range edit {
		e(&cfg)
	}
	c, err := gputally.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	wrong, err := c.CheckLabels(context.Background(), span(0, hour).To)
	if err != nil {
		t.Fatal(err)
	}
	h, err := c.Hour(context.Background(), span(0, hour))
	return h, wrong, err
}

// The holder, place and state of each second are what the exporter wrote, whatever
// labels a scrape's target has; or the hour is refused, and so it says.
func TestLabelsOfScrapes(t *testing.T) {
	t.Parallel()
	plain := twoScraped()
	whole, wrong, err := closeScraped(t, plain)
	if err != nil || len(wrong) > 0 {
		t.Fatal(err, wrong)
	}
	const found, refused = true, true
	pod := []string{"namespace", "monitoring", "pod", "collector-x7", "container", "collector"}
	collectors := func(all ...scraped) scraped { return some("job", "collector", all...) }
	kube := func(all ...scraped) scraped { return some("job", "kube-state-metrics", all...) }
	for name, tt := range map[string]struct {
		change         scraped
		found, refused bool
	}{
		"a pod's, not honoured":                         {collectors(target(false, pod...)), found, false},
		"a pod's, honoured":                             {collectors(target(true, pod...)), false, false},
		"a pod's in the holders' namespace, honoured":   {collectors(target(true, "namespace", "team", "pod", "collector-x7")), false, false},
		"a pod's, the target's dropped then":            {collectors(target(false, pod...), dropping("namespace", "pod", "container")), found, false},
		"a pod's, renamed ones dropped":                 {collectors(target(false, pod...), dropping("exported_namespace", "exported_pod", "exported_container")), found, refused},
		"a pod's, only the pod's dropped":               {collectors(target(false, pod...), dropping("exported_pod")), found, refused},
		"a namespace alone, dropped":                    {collectors(target(false, pod[:2]...), dropping("exported_namespace")), found, refused},
		"a container alone, dropped":                    {collectors(target(false, pod[4:]...), dropping("exported_container")), found, refused},
		"a namespace that replaces all":                 {collectors(set("namespace", "monitoring")), found, refused},
		"a pod that replaces all":                       {collectors(set("pod", "collector-x7")), found, refused},
		"no namespace":                                  {collectors(dropping("namespace")), found, refused},
		"no pod and container":                          {collectors(dropping("pod", "container")), found, refused},
		"a pod UID":                                     {collectors(target(false, "pod_uid", "uid-x7")), found, false},
		"a pod UID, dropped":                            {collectors(target(false, "pod_uid", "uid-x7"), dropping("exported_pod_uid")), found, refused},
		"a node, right":                                 {collectors(some("instance", "0.1:", target(false, "node", "node-1")), some("instance", "0.2:", target(false, "node", "node-2"))), found, false},
		"a node, right and dropped":                     {collectors(some("instance", "0.1:", target(true, "node", "node-1")), some("instance", "0.2:", target(true, "node", "node-2"))), false, false},
		"a node, wrong":                                 {collectors(target(false, "node", "node-2")), found, false},
		"a node, wrong and dropped":                     {collectors(target(false, "node", "node-2"), dropping("exported_node")), found, refused},
		"a node, dropped of GPUs alone":                 {collectors(target(false, "node", "node-2"), some("__name__", metric.DeviceInfo.Name, dropping("exported_node"))), found, refused},
		"a model":                                       {collectors(target(false, "model", "L4")), found, false},
		"a model, dropped":                              {collectors(target(false, "model", "L4"), dropping("exported_model")), found, refused},
		"a state":                                       {collectors(target(false, "state", "allocated")), found, false},
		"a state, dropped":                              {collectors(target(false, "state", "allocated"), dropping("exported_state")), found, refused},
		"a UUID":                                        {collectors(target(false, "uuid", "GPU-0")), found, false},
		"a UUID of one target":                          {some("instance", "0.1:", target(false, "uuid", "GPU-0")), found, false},
		"a UUID, dropped":                               {collectors(target(false, "uuid", "GPU-0"), dropping("exported_uuid")), found, refused},
		"a pod's by one target of two":                  {some("instance", "0.1:", target(false, pod...)), found, false},
		"a pod's by two scrapes, one of the other":      {collectors(target(false, pod...), target(false, pod...)), found, refused},
		"an own label of the name of a renamed one":     {collectors(target(false, "exported_namespace", "monitoring")), found, refused},
		"a node of kube-state-metrics":                  {kube(target(false, "node", "node-2")), found, false},
		"a node of kube-state-metrics, dropped":         {kube(target(false, "node", "node-2"), dropping("exported_node")), found, refused},
		"a node of kube-state-metrics that replaces":    {kube(set("node", "node-3")), found, refused},
		"no node of kube-state-metrics":                 {kube(dropping("node")), found, refused},
		"a pool of kube-state-metrics":                  {kube(target(false, "label_pool", "pool-1")), found, false},
		"a pool of kube-state-metrics, honoured":        {kube(target(true, "label_pool", "pool-3")), false, false},
		"a pool of kube-state-metrics, dropped":         {kube(target(false, "label_pool", "pool-1"), dropping("exported_label_pool")), found, refused},
		"other labels of kube-state-metrics, unhonored": {kube(target(false, pod...)), false, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, wrong, err := closeScraped(t, rewritten(plain, tt.change))
			if tt.found != (len(wrong) > 0) || tt.found && !strings.Contains(strings.Join(wrong, ""), `"honor_labels: true"`) {
				t.Errorf("the check found %q", wrong)
			}
			switch {
			case tt.refused:
				if !errors.Is(err, source.ErrLabels) {
					t.Errorf("not refused: %v %v", err, rows(got))
				}
			case err != nil:
				t.Error(err)
			case !reflect.DeepEqual(got.Segments, whole.Segments):
				t.Errorf("segments %+v, want %+v", got.Segments, whole.Segments)
			}
		})
	}
}

// What becomes of a node whose collector is not seen any more is the same, whatever
// the labels of its target: it is looked for by the name that the exporter wrote.
func TestLabelsOfCollectorsThatWereThere(t *testing.T) {
	t.Parallel()
	sc := oneNode(hold{uuid: "GPU-a", pod: "train", share: 1, from: -hour, to: 5 * hour})
	sc.processes = []process{{"10.0.0.1:9400", -hour, 30 * minute}}
	m := newMemory()
	sc.render(m)
	sc.know(m, process{"10.0.0.1:9400", -hour, 150 * minute})
	want := chain(t, m)
	for name, change := range map[string]scraped{
		"a node":         target(false, "node", "node-9"),
		"the same node":  target(false, "node", "node-1"),
		"a pod's":        target(false, "namespace", "monitoring", "pod", "collector-x7", "container", "collector"),
		"all of a GPU's": target(false, "node", "node-9", "uuid", "GPU-0", "model", "L4"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := chain(t, rewritten(m, change))
			for i := range want {
				if !reflect.DeepEqual(got[i].Hour.Segments, want[i].Hour.Segments) {
					t.Errorf("hour %d has segments %+v, want %+v", i, got[i].Hour.Segments, want[i].Hour.Segments)
				}
			}
		})
	}
}

// between keeps the samples of a time, in ms after t0.
func between(m *memory, from, to int64) *memory {
	part := newMemory()
	for key, s := range m.series {
		cut := &series.Series{Labels: s.Labels}
		for _, p := range s.Samples {
			if p.T >= t0+from && p.T < t0+to {
				cut.Samples = append(cut.Samples, p)
			}
		}
		part.series[key] = cut
	}
	return part
}

// A scrape configuration that is mended within the hour leaves no trace in it.
func TestLabelsOfAScrapeThatIsMended(t *testing.T) {
	t.Parallel()
	plain := twoScraped()
	whole, _, err := closeScraped(t, plain)
	if err != nil {
		t.Fatal(err)
	}
	pod := []string{"namespace", "monitoring", "pod", "collector-x7", "container", "collector"}
	for name, names := range map[string][]string{
		"a pod's": pod, "a node": {"node", "node-2"}, "a GPU's": {"uuid", "GPU-0", "model", "L4"}, "a pool": {"label_pool", "pool-9"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			mended := rewritten(between(plain, 30*minute, 5*hour), target(true, names...))
			for key, s := range rewritten(between(plain, -5*hour, 30*minute), target(false, names...)).series {
				if later := mended.series[key]; later != nil {
					s = &series.Series{Labels: s.Labels, Samples: slices.Concat(s.Samples, later.Samples)}
				}
				mended.series[key] = s
			}
			got, _, err := closeScraped(t, mended)
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got.Segments, whole.Segments) {
				t.Errorf("segments %+v, want %+v", got.Segments, whole.Segments)
			}
			if len(got.Findings) != len(whole.Findings) {
				t.Errorf("findings %+v, want %+v", got.Findings, whole.Findings)
			}
		})
	}
}
