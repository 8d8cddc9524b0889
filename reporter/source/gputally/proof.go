package gputally

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/gputally/gputally/collector/metric"
	"github.com/gputally/gputally/reporter/fold"
	"github.com/gputally/gputally/reporter/series"
	"github.com/gputally/gputally/reporter/usage"
)

// isWhole tells whether the answer to the collectors' read can be all: there are
// collectors, each says all of what a scrape brings, and each with a driver has GPUs.
func (in *intake) isWhole() bool {
	intervals := in.hasIntervals()
	for _, t := range in.targets {
		want := t.full()
		if t.gpus == 0 && t.driver || isShort(t.starts.count, want) || isShort(t.ages.count, want) || isShort(t.nodes.count, want) ||
			intervals && isShort(t.intervals.count, want) {
			return false
		}
	}
	return len(in.targets) > 0
}

// hasIntervals tells whether any collector says how often it polls.
func (in *intake) hasIntervals() bool {
	for _, t := range in.targets {
		if t.intervals.count > 0 {
			return true
		}
	}
	return false
}

// samples is how many the collectors' read brought.
func (in *intake) samples() (n int) {
	for _, t := range in.targets {
		n += t.starts.count + t.ages.count + t.intervals.count + t.nodes.count
	}
	for _, g := range in.gpus {
		n += g.told()
	}
	return n
}

// told is how many samples say where the GPU is.
func (g *gpu) told() (n int) {
	for i := range g.infos {
		n += g.infos[i].seen.count
	}
	return n
}

// proof holds the answer to the read of a piece against the collectors' read.
type proof struct {
	lacks     lacks // without this the hour can't be closed
	weak      bool  // it lacks something that is made up for, or that a relabelling may have dropped
	joined    bool  // a device's series are of a collector that is known
	doubts    doubts
	strangers lacks // devices whose series are of none
}

// prove proves the answer to the read of a piece.
func (r *reading) prove(piece series.Piece, in *intake) (p proof) {
	p.doubts = in.doubts
	for _, uuid := range r.uuids {
		if g := in.gpus[uuid]; piece.Has(uuid) && (g == nil || !g.spoilt) {
			p.device(uuid, g, r.listed[uuid].told())
		}
	}
	for _, g := range in.gpus {
		if g.spoilt { // it has fewer samples than came
			continue
		}
		p.collectors(r, g)
		p.weak = p.weak || len(g.holdings) == 0 && g.isAllocated()
		for _, h := range g.holdings {
			for _, s := range h.series {
				p.holding(g, h, s)
				p.lasting(r, g, h, s)
			}
		}
	}
	return p
}

// device holds the samples of a GPU's states against those that say where it is. A
// scrape brings both.
func (p *proof) device(uuid string, g *gpu, want int) {
	for _, state := range fold.CountedStates() {
		place, _ := fold.StatePlace(state)
		have := 0
		if g != nil {
			for _, s := range g.device {
				have += len(s.total[place])
			}
		}
		if isShort(have, want) {
			p.lacks.add("%s has %d samples of its %s seconds, and %d of %s", uuid, have, state, want, metric.DeviceInfo.Name)
			return
		}
	}
}

// isAllocated tells whether the GPU was allocated, by its own account.
func (g *gpu) isAllocated() bool {
	place, _ := fold.StatePlace(usage.Allocated)
	return slices.ContainsFunc(g.device, func(s *targetSeries) bool {
		c := s.total[place]
		return len(c) > 0 && c[len(c)-1].V > c[0].V
	})
}

// collectors holds the series of a GPU against what is known of their collectors.
func (p *proof) collectors(r *reading, g *gpu) {
	for _, s := range g.device {
		t, want := s.target, 0
		for i := range fold.States {
			want = max(want, len(s.total[1+i]))
		}
		switch {
		case r.known[t.key] == nil:
			p.strangers.add("%s", g.uuid)
		case isShort(t.starts.count, want):
			p.lacks.add("the collector on %s has %d samples of its start, and %d of the seconds of %s",
				cmp.Or(t.node, "an unknown node"), t.starts.count, want, g.uuid)
			p.joined = true
		case r.intervalChanged(g.uuid, t):
			p.lacks.add("the collector on %s says how often it polls in one hour and not in the other: this one or the previous one, "+
				"which then has to be restated", cmp.Or(t.node, "an unknown node"))
			p.joined = true
		default:
			p.joined = true
		}
	}
}

// intervalChanged tells whether the previous hour stored the edges of a collector's
// GPU with a start that this hour does not find, since a start is earlier by half of
// the interval between polls where that is known.
func (r *reading) intervalChanged(uuid string, t *target) bool {
	const halfSeconds = 120 // the longest interval that is looked for is two minutes
	if len(t.start) == 0 {
		return false
	}
	start, hint := millis(t.start[0].v), 0
	lag := t.lag(t.start[0].from, &hint)
	stored := func(start int64) bool {
		return slices.ContainsFunc(r.before, func(e *usage.EdgeTable) bool {
			_, ok := e.Find(uuid, "", "", start)
			return ok
		})
	}
	if stored(start - lag) {
		return false
	}
	if lag > 0 {
		return stored(start)
	}
	for half := range int64(halfSeconds) {
		if stored(start - (1+half)*500) {
			return true
		}
	}
	return stored(start-50) || stored(start-125) || stored(start-250) // intervals below a second
}

// holding holds the families of a holding against each other. A scrape brings all.
func (p *proof) holding(g *gpu, h *holding, s *targetSeries) {
	want := max(s.starts.count, s.shares.count)
	activity := [...]int{len(s.total[fold.Active]), len(s.total[fold.Idle]), len(s.total[fold.Observed])}
	for _, have := range append(activity[:], len(s.total[fold.Held])) {
		want = max(want, have)
	}
	for _, have := range [...]int{s.starts.count, s.shares.count, len(s.total[fold.Held])} {
		p.weak = p.weak || isShort(have, want)
	}
	if have := slices.Min(activity[:]); isShort(have, want) {
		if p.weak = true; have > 0 {
			p.lacks.add("%s has %d samples of its activity, and %d of others", h.on(g), have, want)
		}
	}
}

// lasting holds the families of a holding that may be unknown against its seconds:
// once a process knows them they are as long as the others.
func (p *proof) lasting(r *reading, g *gpu, h *holding, s *targetSeries) {
	for _, q := range [...]int{fold.Memory, fold.Energy} {
		c, want, reached := s.total[q], 0, int64(0)
		for _, life := range s.start {
			i := since(c, max(life.from, reached)) // an answer may bring a life twice
			if i < len(c) && c[i].T <= life.to {
				want += since(s.total[fold.Held], life.to+1) - since(s.total[fold.Held], c[i].T)
			}
			reached = max(reached, life.to+1)
		}
		if len(c) == 0 && r.knew(g.uuid, h, s, q) {
			want = len(s.total[fold.Held])
		}
		if isShort(len(c), want) {
			p.lacks.add("%s has %d samples of its memory or energy, and %d of others", h.on(g), len(c), want)
		}
	}
}

// since is the place of the first sample at a time or after it.
func since(c fold.Column, at int64) int {
	i, _ := slices.BinarySearchFunc(c, at, func(s series.Sample, at int64) int { return cmp.Compare(s.T, at) })
	return i
}

// knew tells whether the previous hour stored some of a quantity of a holding.
func (r *reading) knew(uuid string, h *holding, s *targetSeries, quantity int) bool {
	if len(s.start) == 0 {
		return false
	}
	var hint int // at the first start, which is the one of the previous hour
	start := millis(s.start[0].v) - s.target.lag(s.start[0].from, &hint)
	return slices.ContainsFunc(r.before, func(e *usage.EdgeTable) bool {
		total, _ := e.Find(uuid, h.key.Pod, h.key.Container, start)
		return total[quantity] > 0
	})
}

// on names the holding.
func (h *holding) on(g *gpu) string {
	return fmt.Sprintf("%s/%s/%s on %s", h.holder.Namespace, h.holder.Pod, h.holder.Container, g.uuid)
}

// isWhole tells whether the answer can be all.
func (p *proof) isWhole() bool { return p.lacks.count == 0 && !p.weak }

func (p *proof) join(o proof) {
	p.lacks.join(o.lacks)
	p.strangers.join(o.strangers)
	p.doubts.join(o.doubts)
	p.joined = p.joined || o.joined
}

// accept is nil if there is no such error, or if it is accepted: then it is a finding.
func (r *reading) accept(err error) error {
	if err == nil || !r.source.accepts {
		return err
	}
	r.notes.Add(usage.ReadIncomplete, err.Error())
	return nil
}

// judge says what the answers lack. Where no device at all is of a collector that is
// known, a relabelling may have changed the labels that tie them together.
func (r *reading) judge(p *proof) error {
	all := p.lacks
	if p.joined || len(r.known) == 0 {
		for _, uuid := range p.strangers.named {
			all.add("%s is of a collector that says nothing of itself", uuid)
		}
		all.count += p.strangers.count - len(p.strangers.named)
	}
	if r.source.accepts {
		for _, text := range all.named {
			r.notes.Add(usage.ReadIncomplete, text)
		}
		return nil
	}
	return all.err("some of what the collectors showed is not in all of the answers")
}

// withoutGPUs says that a window that begins then, Unix ms, can't be without GPUs:
// collectors had a driver.
func (r *reading) withoutGPUs(begin int64) error {
	var all lacks
	for _, t := range r.known {
		if t.driver && !t.former && t.starts.last >= begin {
			all.add("%s", cmp.Or(t.node, t.key))
		}
	}
	return all.err("no GPU has a series, though there were collectors on nodes with a driver")
}
