package usage

import (
	"cmp"
	"math"
	"slices"

	"github.com/gputally/gputally/collector/metric"
	"github.com/gputally/gputally/reporter/prom"
)

// nameLabel is the label under which Prometheus keeps the name of a metric.
const nameLabel = "__name__"

// needed lists the families that usage is made from.
func needed() []string {
	names := []string{
		metric.CollectorStartTime.Name, metric.CollectorPollAge.Name, metric.NodeInfo.Name, metric.DeviceInfo.Name,
		metric.DeviceSeconds.Name,
		metric.ContainerStartTime.Name, metric.ContainerEndTime.Name, metric.ContainerShare.Name,
	}
	for _, f := range counters() {
		names = append(names, f.Name)
	}
	return names
}

// counters are a container's integrals, in the order of quantities.
func counters() [6]*metric.Family {
	return [6]*metric.Family{
		held: &metric.ContainerAllocatedSeconds, active: &metric.ContainerActiveSeconds, idle: &metric.ContainerIdleSeconds,
		observed: &metric.ContainerObservedSeconds, memory: &metric.ContainerMemoryByteSeconds, energy: &metric.ContainerEnergy,
	}
}

// intake takes series in any order and puts together what one process said of
// one thing.
type intake struct {
	series  int // that had samples
	faults  faults
	targets map[string]*target
	strands map[string]*strand
	devices map[string]*device // by UUID
	tracks  map[foldKey][]*strand

	identity map[string]bool // labels that are the collector's own, not the target's
	counter  map[string]int  // container counters by name: the quantity
	key      []byte
}

// target is one scraped process, or several one after the other.
type target struct {
	start steps  // Unix seconds
	age   column // seconds between poll and scrape
	node  string
}

// strand is what one target says of one holding.
type strand struct {
	target            *target
	holder            holder
	start, end, share steps
	total             [6]column // by quantity
}

// holder is a container on a physical GPU.
type holder struct{ uuid, namespace, pod, podUID, container string }

// foldKey names a holding across targets.
type foldKey struct{ uuid, pod, container string }

func (h holder) fold() foldKey {
	pod := h.podUID
	if pod == "" {
		pod = h.namespace + "/" + h.pod
	}
	return foldKey{h.uuid, pod, h.container}
}

// device is what all targets say of one GPU.
type device struct {
	states map[*target]*[len(states)]column
	infos  []deviceInfo
	last   int64 // time of the latest sample of its seconds, Unix ms
	stale  int64 // time of the latest staleness marker, Unix ms
}

type deviceInfo struct {
	node, model string
	last        int64 // time of the latest sample, Unix ms
}

func newIntake() *intake {
	in := &intake{
		faults:   faults{},
		targets:  map[string]*target{},
		strands:  map[string]*strand{},
		devices:  map[string]*device{},
		tracks:   map[foldKey][]*strand{},
		identity: map[string]bool{nameLabel: true},
		counter:  map[string]int{},
	}
	for _, f := range metric.Families() {
		for _, l := range f.Labels {
			in.identity[l] = true
		}
	}
	for quantity, f := range counters() {
		in.counter[f.Name] = quantity
	}
	return in
}

// take files one series.
func (in *intake) take(s prom.Series) error {
	samples := in.possible(s)
	if len(samples) == 0 {
		return nil
	}
	in.series++
	name := s.Labels.Get(nameLabel)
	if quantity, ok := in.counter[name]; ok {
		c := &in.strand(s.Labels).total[quantity]
		c.add(samples)
		if quantity != held {
			c.thin()
		}
		return nil
	}
	switch name {
	case metric.ContainerStartTime.Name:
		in.strand(s.Labels).start.add(samples)
	case metric.ContainerEndTime.Name:
		in.strand(s.Labels).end.add(samples)
	case metric.ContainerShare.Name:
		in.strand(s.Labels).share.add(samples)
	case metric.CollectorStartTime.Name:
		in.target(s.Labels).start.add(samples)
	case metric.CollectorPollAge.Name:
		in.target(s.Labels).age.add(samples)
	case metric.NodeInfo.Name:
		t := in.target(s.Labels)
		t.node = max(t.node, s.Labels.Get(metric.LabelNode))
	case metric.DeviceInfo.Name:
		d := in.device(s.Labels)
		d.infos = append(d.infos, deviceInfo{
			s.Labels.Get(metric.LabelNode), s.Labels.Get(metric.LabelModel), samples[len(samples)-1].T,
		})
	case metric.DeviceSeconds.Name:
		in.takeState(s, samples)
	}
	return nil
}

// possible returns the samples that the collector can have meant: no family of
// it has other than finite values from zero on that fit into the ledger.
func (in *intake) possible(s prom.Series) []prom.Sample {
	const most = 1 << 62
	bad := func(p prom.Sample) bool { return math.IsNaN(p.V) || p.V < 0 || p.V > most }
	if !slices.ContainsFunc(s.Samples, bad) {
		return s.Samples
	}
	in.faults.note(faultValue, describe(s.Labels))
	return slices.DeleteFunc(slices.Clone(s.Samples), bad)
}

func describe(ls prom.Labels) string {
	text := ls.Get(nameLabel)
	for _, name := range []string{metric.LabelUUID, metric.LabelNamespace, metric.LabelPod, metric.LabelContainer, metric.LabelState} {
		if v := ls.Get(name); v != "" {
			text += " " + name + "=" + v
		}
	}
	return text
}

func (in *intake) takeState(s prom.Series, samples []prom.Sample) {
	state := slices.Index(states[:], State(s.Labels.Get(metric.LabelState)))
	if state < 0 {
		return // of a later version; its time shows as uncovered
	}
	d, t := in.device(s.Labels), in.target(s.Labels)
	if d.states[t] == nil {
		d.states[t] = new([len(states)]column)
	}
	c := &d.states[t][state]
	c.add(samples)
	c.thin()
	d.last = max(d.last, samples[len(samples)-1].T)
	if n := len(s.Stale); n > 0 {
		d.stale = max(d.stale, s.Stale[n-1])
	}
}

// target finds the target that a series comes from by the labels that are not
// the collector's. A target that keeps labels of those names, such as the
// collector's own pod, still joins: they are left out everywhere.
func (in *intake) target(ls prom.Labels) *target {
	in.key = in.targetKey(in.key[:0], ls)
	t := in.targets[string(in.key)]
	if t == nil {
		t = &target{}
		in.targets[string(in.key)] = t
	}
	return t
}

func (in *intake) targetKey(key []byte, ls prom.Labels) []byte {
	for _, l := range ls {
		if !in.identity[l.Name] {
			key = append(append(append(append(key, l.Name...), 0xff), l.Value...), 0xff)
		}
	}
	return key
}

func (in *intake) strand(ls prom.Labels) *strand {
	var h holder
	for _, l := range ls {
		switch l.Name {
		case metric.LabelUUID:
			h.uuid = l.Value
		case metric.LabelNamespace:
			h.namespace = l.Value
		case metric.LabelPod:
			h.pod = l.Value
		case metric.LabelPodUID:
			h.podUID = l.Value
		case metric.LabelContainer:
			h.container = l.Value
		}
	}
	key := in.targetKey(in.key[:0], ls)
	for _, part := range [...]string{h.uuid, h.namespace, h.pod, h.podUID, h.container} {
		key = append(append(key, 0xff), part...)
	}
	in.key = key
	s := in.strands[string(key)]
	if s == nil {
		name := string(key)
		s = &strand{target: in.target(ls), holder: h}
		in.strands[name] = s
		in.tracks[h.fold()] = append(in.tracks[h.fold()], s)
	}
	return s
}

func (in *intake) device(ls prom.Labels) *device {
	uuid := ls.Get(metric.LabelUUID)
	d := in.devices[uuid]
	if d == nil {
		d = &device{states: map[*target]*[len(states)]column{}}
		in.devices[uuid] = d
	}
	return d
}

// info returns where the device is, and whether its info series agree.
func (d *device) info() (best deviceInfo, agree bool) {
	if len(d.infos) == 0 {
		for t := range d.states {
			best.node = max(best.node, t.node)
		}
		return best, true
	}
	best = slices.MaxFunc(d.infos, func(a, b deviceInfo) int {
		return cmp.Or(cmp.Compare(a.last, b.last), cmp.Compare(a.node, b.node), cmp.Compare(a.model, b.model))
	})
	for _, i := range d.infos {
		agree = i.node == best.node && i.model == best.model
		if !agree {
			break
		}
	}
	return best, agree
}
