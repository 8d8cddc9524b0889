package gputally

import (
	"cmp"
	"slices"

	"github.com/gputally/gputally/collector/metric"
	"github.com/gputally/gputally/reporter/fold"
	"github.com/gputally/gputally/reporter/series"
	"github.com/gputally/gputally/reporter/usage"
)

// intake takes series in any order and puts together what one process said of
// one thing. It is filled again for every piece of a fleet.
type intake struct {
	families families
	exported asExported
	filter   sampleFilter
	arena    arena
	notes    usage.Notes
	doubts   doubts
	uuids    struct{ plain, renamed bool } // how GPUs that are listed have their UUID

	known   map[string]*target // found by the intake of targets; not changed here
	targets map[string]*target // others
	series  map[string]*targetSeries
	gpus    map[string]*gpu // by UUID
	key     []byte
}

// gpu is what all targets say of one GPU.
type gpu struct {
	uuid     string
	device   []*targetSeries // its own seconds by state
	holdings []*holding
	infos    []info
	spoilt   bool  // samples of it cannot be
	last     int64 // time of the latest sample of its seconds, Unix ms
	stale    int64 // time of the latest staleness marker, Unix ms
}

type info struct {
	node, model string
	last        int64 // time of the latest sample, Unix ms
	target      *target
	seen        tally
}

// targetSeries is what one target says of one holding, or of one device.
type targetSeries struct {
	key               string // names it among others of the same thing
	target            *target
	start, end, share steps // of a holding
	starts, shares    tally // samples of its start and share
	total             [fold.Quantities]fold.Column
	falls             []int64 // times of samples smaller than the ones before, of any total but Held
}

// holding is what all targets say of one container on a physical GPU.
type holding struct {
	key    fold.HolderKey
	holder fold.Holder // the first by name, where targets differ
	series []*targetSeries
}

func newIntake(fs families, id identity, known map[string]*target, from, to int64) *intake {
	in := &intake{families: fs, exported: asExported{identity: id}, known: known, filter: sampleFilter{from: from, to: to}}
	in.reset()
	return in
}

// reset forgets what was taken.
func (in *intake) reset() {
	in.arena.reset()
	in.notes, in.doubts = usage.Notes{}, doubts{}
	in.targets, in.series, in.gpus = map[string]*target{}, map[string]*targetSeries{}, map[string]*gpu{}
}

// take files one series.
func (in *intake) take(s series.Series) error {
	f, ok := in.families[s.Labels.Get(nameLabel)]
	if !ok {
		return nil
	}
	s.Labels = in.exported.labels(s.Labels)
	samples, fell := in.filter.apply(s, f.most, in.notes)
	if len(samples) > 0 {
		in.doubts.see(&in.exported)
	}
	if f.role <= node {
		in.takeTarget(s, f.role, samples)
		return nil
	}
	uuid := s.Labels.Get(metric.LabelUUID)
	if uuid == "" {
		in.notes.Add(usage.UUIDMissing, describe(s.Labels))
		return nil
	}
	if in.filter.impossible {
		in.gpu(uuid).spoilt = true
	}
	if f.role == deviceSeconds {
		in.takeSeconds(in.gpu(uuid), s, samples, fell)
		return nil
	}
	if len(samples) == 0 {
		return nil
	}
	switch f.role {
	case deviceInfo:
		in.takeInfo(in.gpu(uuid), s.Labels, samples)
	case holdingStart:
		h := in.holding(s.Labels)
		h.start.add(samples)
		h.starts.add(samples)
	case holdingEnd:
		in.holding(s.Labels).end.add(samples)
	case holdingShare:
		h := in.holding(s.Labels)
		h.share.add(samples)
		h.shares.add(samples)
	case holdingTotal:
		in.add(in.holding(s.Labels), f.quantity, s, samples, fell)
	default: // of a target: see takeTarget
	}
	return nil
}

func (in *intake) takeTarget(s series.Series, r role, samples []series.Sample) {
	if len(samples) == 0 {
		return
	}
	t := in.target(s.Labels)
	switch r {
	case processStart:
		t.start.add(samples)
		t.starts.add(samples)
		in.takeOwn(t)
	case pollAge:
		t.age.add(in.filter.from, samples)
		t.ages.add(samples)
	case pollInterval:
		t.interval.add(samples)
		t.intervals.add(samples)
	case node:
		t.nodes.add(samples)
		t.driver = t.driver || s.Labels.Get(metric.LabelDriverVersion) != ""
		t.job = s.Labels.Get(jobLabel)
		t.node = max(t.node, s.Labels.Get(metric.LabelNode))
		t.renamed = t.renamed || in.exported.renamed(metric.LabelNode)
		if s.Labels.Get(metric.LabelActivity) == metric.ActivitySplit {
			in.notes.Add(usage.ActivityDivided, s.Labels.Get(metric.LabelNode))
		}
	default: // of a GPU: see take
	}
}

// takeOwn files the labels of a target that have names of labels that collectors write.
func (in *intake) takeOwn(t *target) {
	for _, l := range in.exported.raw {
		switch own := in.exported.identity[l.Name]; {
		case own == "" || own == nameLabel:
		case own != l.Name:
			in.doubts.add("the scraped target of job %q has a label %s of its own", in.exported.raw.Get(jobLabel), l.Name)
		case !slices.Contains(t.own, l):
			t.own = append(t.own, l)
		}
	}
}

// takeInfo files where a target says that a GPU is.
func (in *intake) takeInfo(g *gpu, ls series.Labels, samples []series.Sample) {
	of := info{node: ls.Get(metric.LabelNode), model: ls.Get(metric.LabelModel), target: in.target(ls)}
	i := slices.IndexFunc(g.infos, func(o info) bool { return o.target == of.target && o.node == of.node && o.model == of.model })
	if i < 0 {
		i = len(g.infos)
		g.infos = append(g.infos, of)
	}
	if in.exported.renamed(metric.LabelUUID) {
		in.uuids.renamed = true
	} else {
		in.uuids.plain = true
	}
	if in.known != nil { // before that, not all of the target is known
		in.doubts.hold(&in.exported, of.target, metric.LabelUUID, g.uuid)
		in.doubts.place(&in.exported, &of)
	}
	g.infos[i].last = max(g.infos[i].last, samples[len(samples)-1].T)
	g.infos[i].seen.add(samples)
}

func (in *intake) takeSeconds(g *gpu, s series.Series, samples []series.Sample, fell bool) {
	if n := len(s.Stale); n > 0 {
		g.stale = max(g.stale, s.Stale[n-1])
	}
	if len(samples) == 0 {
		return
	}
	t, state := in.target(s.Labels), s.Labels.Get(metric.LabelState)
	in.doubts.hold(&in.exported, t, metric.LabelUUID, g.uuid)
	in.doubts.hold(&in.exported, t, metric.LabelState, state)
	place, ok := fold.StatePlace(usage.State(state))
	if !ok { // of a later version
		in.notes.Add(usage.UnknownState, describe(s.Labels))
		return
	}
	i := slices.IndexFunc(g.device, func(s *targetSeries) bool { return s.target == t })
	if i < 0 {
		i = len(g.device)
		g.device = append(g.device, &targetSeries{key: t.key, target: t})
	}
	in.add(g.device[i], place, s, samples, fell)
	g.last = max(g.last, samples[len(samples)-1].T)
}

// add keeps a copy of samples. They come in order, except that a server may send
// a series in parts.
func (in *intake) add(to *targetSeries, quantity int, s series.Series, samples []series.Sample, fell bool) {
	c := &to.total[quantity]
	room := append(append(in.arena.take(len(*c)+len(samples)), *c...), samples...)
	if n := len(*c); n > 0 {
		if room[n].T <= room[n-1].T {
			var differ bool
			if room, differ = merge(room); differ {
				in.notes.Add(usage.DuplicateSample, describe(s.Labels))
			}
		}
		fell = fell || falls(room)
	}
	*c = room
	if fell && quantity != fold.Held {
		for i := 1; i < len(room); i++ {
			if room[i].V < room[i-1].V {
				to.falls = append(to.falls, room[i].T)
			}
		}
		slices.Sort(to.falls)
	}
}

// target finds the target that a series comes from by the labels that are not
// the collector's.
func (in *intake) target(ls series.Labels) *target {
	in.key = in.exported.identity.appendTarget(in.key[:0], ls)
	return in.targetOf(in.key)
}

func (in *intake) targetOf(key []byte) *target {
	t := in.known[string(key)]
	if t == nil {
		t = in.targets[string(key)]
	}
	if t == nil {
		t = &target{key: string(key)}
		in.targets[t.key] = t
	}
	return t
}

func (in *intake) gpu(uuid string) *gpu {
	g := in.gpus[uuid]
	if g == nil {
		g = &gpu{uuid: uuid}
		in.gpus[uuid] = g
	}
	return g
}

// holding finds what the series' target says of the series' container.
func (in *intake) holding(ls series.Labels) *targetSeries {
	var uuid string
	var h fold.Holder
	for _, l := range ls {
		switch l.Name {
		case metric.LabelUUID:
			uuid = l.Value
		case metric.LabelNamespace:
			h.Namespace = l.Value
		case metric.LabelPod:
			h.Pod = l.Value
		case metric.LabelPodUID:
			h.PodUID = l.Value
		case metric.LabelContainer:
			h.Container = l.Value
		}
	}
	key := in.exported.identity.appendTarget(in.key[:0], ls)
	ofTarget := len(key)
	for _, part := range [...]string{uuid, h.Namespace, h.Pod, h.PodUID, h.Container} {
		key = append(append(key, 0xff), part...)
	}
	in.key = key
	s := in.series[string(key)]
	if s == nil {
		s = &targetSeries{key: string(key), target: in.targetOf(key[:ofTarget])}
		in.series[s.key] = s
		in.gpu(uuid).hold(h, s)
		in.doubts.hold(&in.exported, s.target, metric.LabelUUID, uuid)
		in.doubts.holder(&in.exported, s.target, h)
	}
	return s
}

// hold files what a target says of a holding.
func (g *gpu) hold(h fold.Holder, s *targetSeries) {
	key := h.Key()
	i := slices.IndexFunc(g.holdings, func(o *holding) bool { return o.key == key })
	if i < 0 {
		g.holdings = append(g.holdings, &holding{key, h, []*targetSeries{s}})
		return
	}
	o := g.holdings[i]
	o.series = append(o.series, s)
	if cmp.Or(cmp.Compare(h.Namespace, o.holder.Namespace), cmp.Compare(h.Pod, o.holder.Pod)) < 0 {
		o.holder = h
	}
}

// info returns where the GPU is, and whether its info series agree.
func (g *gpu) info() (best info, agree bool) {
	if len(g.infos) == 0 {
		for _, s := range g.device {
			best.node = max(best.node, s.target.node)
		}
		return best, true
	}
	best = slices.MaxFunc(g.infos, func(a, b info) int {
		return cmp.Or(cmp.Compare(a.last, b.last), cmp.Compare(a.node, b.node), cmp.Compare(a.model, b.model))
	})
	for _, i := range g.infos {
		agree = i.node == best.node && i.model == best.model
		if !agree {
			break
		}
	}
	return best, agree
}
