package gputally

import (
	"cmp"
	"fmt"
	"iter"
	"maps"
	"math"
	"slices"

	"github.com/gputally/gputally/reporter/fold"
	"github.com/gputally/gputally/reporter/usage"
)

// gpuBuilder makes of an intake what is folded, one GPU at a time and in memory
// that is used again for the next.
type gpuBuilder struct {
	pools    nodePools
	listed   map[string]*gpu // where collectors say that GPUs are
	gpu      fold.GPU
	holdings []fold.Holding
	series   []fold.TargetSeries
	scrapes  []fold.Scrape
}

// all yields the GPUs of an intake by UUID.
func (b *gpuBuilder) all(in *intake) iter.Seq[*fold.GPU] {
	return func(yield func(*fold.GPU) bool) {
		for _, uuid := range slices.Sorted(maps.Keys(in.gpus)) {
			if !yield(b.build(in.gpus[uuid], in.notes)) {
				return
			}
		}
	}
}

func (b *gpuBuilder) build(g *gpu, notes usage.Notes) *fold.GPU {
	if l := b.listed[g.uuid]; len(g.infos) == 0 && l != nil {
		g.infos = l.infos
	}
	where, agree := g.info()
	b.holdings, b.series, b.scrapes = b.holdings[:0], b.series[:0], b.scrapes[:0]
	b.gpu = fold.GPU{
		Place:     usage.Device{UUID: g.uuid, Node: where.node, NodePool: b.pools.of(where.node, where.model), Model: where.model},
		Ambiguous: !agree,
		Spoilt:    g.spoilt,
		Ended:     g.stale > g.last,
		Device:    b.targets(g.device, func(s *targetSeries) { b.scrapes = s.deviceScrapes(b.scrapes) }),
	}
	for _, o := range g.holdings {
		h := o.holder
		name := fmt.Sprintf("%s/%s/%s on %s", h.Namespace, h.Pod, h.Container, g.uuid)
		note := func(code usage.Code) { notes.Add(code, name) }
		series := b.targets(o.series, func(s *targetSeries) {
			b.scrapes = s.scrapes(b.scrapes, note)
			s.forgetActivity(note)
		})
		b.holdings = append(b.holdings, fold.Holding{Holder: h, Name: name, Series: series})
	}
	b.gpu.Holdings = b.holdings
	return &b.gpu
}

// targets lists what targets say of one thing, in an order that depends on their
// labels alone. list appends the scrapes of one of them.
func (b *gpuBuilder) targets(all []*targetSeries, list func(*targetSeries)) []fold.TargetSeries {
	slices.SortFunc(all, func(x, y *targetSeries) int { return cmp.Compare(x.key, y.key) })
	first := len(b.series)
	for _, s := range all {
		begin := len(b.scrapes)
		list(s)
		end := len(b.scrapes)
		b.series = append(b.series, fold.TargetSeries{Scrapes: b.scrapes[begin:end:end], Total: s.total, Falls: s.falls})
	}
	return b.series[first:len(b.series):len(b.series)]
}

// forgetActivity makes the activity of a holding unknown that is known in part: what
// was observed without what was active would be idle.
func (s *targetSeries) forgetActivity(note func(usage.Code)) {
	active, idle, observed := &s.total[fold.Active], &s.total[fold.Idle], &s.total[fold.Observed]
	if all := min(len(*active), len(*idle), len(*observed)); all > 0 || len(*active)+len(*idle)+len(*observed) == 0 {
		return
	}
	*active, *idle, *observed = nil, nil, nil
	note(usage.ActivityMissing)
}

// scrapes lists what the target's scrapes say of a holding, in their order.
func (s *targetSeries) scrapes(room []fold.Scrape, note func(usage.Code)) []fold.Scrape {
	var polls cursor
	var lags, starts, ends, shares int // hints
	var tooLarge, backwards bool
	room = slices.Grow(room, len(s.total[fold.Held]))
	for i, sample := range s.total[fold.Held] {
		lag := s.target.lag(sample.T, &lags)
		c := fold.Scrape{At: sample.T, Time: s.target.age.poll(sample.T, &polls) - lag, Value: sample.V, Share: math.NaN(), Index: int32(i)}
		if start, ok := s.start.at(c.At, &starts); ok {
			c.Start = millis(start) - lag
		}
		if share, ok := s.share.at(c.At, &shares); ok {
			c.Share = min(share, 1)
			tooLarge = tooLarge || share > 1
		}
		if len(s.end) > 0 {
			if end, ok := s.end.at(c.At, &ends); ok {
				c.End = millis(end) - lag
				backwards = backwards || c.Start != 0 && c.End < c.Start
			}
		}
		room = append(room, c)
	}
	if tooLarge {
		note(usage.ShareAboveOne)
	}
	if backwards {
		note(usage.EndBeforeStart)
	}
	return room
}

// deviceScrapes lists what the target's scrapes say of a device: its collector
// holds it with share 1 since the collector started, and its total is the sum of
// its states.
func (s *targetSeries) deviceScrapes(room []fold.Scrape) []fold.Scrape {
	var polls cursor
	var lags, starts int // hints
	var at [fold.States]int
	var last [fold.States]float64
	var start int64
	for {
		scrape, more := s.nextScrape(&at)
		if !more {
			return room
		}
		lag := s.target.lag(scrape, &lags)
		c := fold.Scrape{At: scrape, Time: s.target.age.poll(scrape, &polls) - lag, Share: 1, Index: int32(at[0])}
		if v, ok := s.target.start.at(scrape, &starts); ok {
			c.Start = millis(v) - lag
		}
		if c.Start != 0 && c.Start != start {
			last, start = [fold.States]float64{}, c.Start
			c.Grew = fold.Unsteady
		}
		for i := range at {
			if column := s.total[1+i]; at[i] < len(column) && column[at[i]].T == scrape {
				v := column[at[i]].V
				switch grown := v - last[i]; {
				case grown >= 0.001: // a millisecond, so that it shows in whole ones
					c.Grew |= 1 << i
				case grown != 0:
					c.Grew |= fold.Unsteady
				}
				last[i] = v
				at[i]++
			}
			c.Value += last[i]
		}
		room = append(room, c)
	}
}

// nextScrape returns the time of the next scrape that any state has.
func (s *targetSeries) nextScrape(at *[fold.States]int) (t int64, more bool) {
	for i := range at {
		if c := s.total[1+i]; at[i] < len(c) && (!more || c[at[i]].T < t) {
			t, more = c[at[i]].T, true
		}
	}
	return t, more
}
