package usage

import (
	"cmp"
	"math"
	"slices"

	"github.com/gputally/gputally/collector/metric"
)

// The quantities of a container, places in a totals.
const (
	held     = iota // GPU-seconds
	active          // GPU-seconds
	idle            // GPU-seconds
	observed        // GPU-seconds
	memory          // byte-seconds
	energy          // joules
)

// The states of a device, places in a totals after its sum of all.
var states = [...]State{metric.StateAllocated, metric.StateUnallocated, metric.StateUnattributed, metric.StateUnavailable}

// totals are cumulative values of a container by quantity. Those of a device
// are the seconds of all its states, then of each.
type totals [6]float64

// point is what one scrape says.
type point struct {
	at    int64   // time of the scrape, Unix ms
	t     int64   // time of the poll that it shows, Unix ms
	share float64 // held from then on; NaN if unknown
	end   int64   // when the holding ended, Unix ms; 0 if it had not
	v     totals
}

// epoch is what one process counted, from its start.
type epoch struct {
	start  int64 // Unix ms
	known  bool  // start is given; else it is the first sample, and the value there counts for nothing
	points []point
}

// epochs collects points by the start that they count from.
type epochs []*epoch

func (es *epochs) add(start int64, known bool, p point) {
	for _, e := range slices.Backward(*es) {
		if e.start == start && e.known == known {
			e.points = append(e.points, p)
			return
		}
	}
	*es = append(*es, &epoch{start, known, []point{p}})
}

// sort puts epochs, and the points of each, into the order of time.
func (es epochs) sort() {
	for _, e := range es {
		slices.SortFunc(e.points, func(a, b point) int {
			return cmp.Or(cmp.Compare(a.t, b.t), cmp.Compare(a.v[held], b.v[held]), cmp.Compare(a.at, b.at), cmp.Compare(a.share, b.share))
		})
	}
	slices.SortFunc(es, func(a, b *epoch) int {
		return cmp.Or(cmp.Compare(a.start, b.start), cmp.Compare(a.points[0].t, b.points[0].t), cmp.Compare(len(a.points), len(b.points)))
	})
}

// poll returns the time of the poll that the scrape at t shows.
func (t *target) poll(at int64) int64 {
	age, ok := t.age.at(at)
	if !ok {
		return at
	}
	return at - millis(age)
}

// points adds the strand's points to their epochs.
func (s *strand) points(es *epochs) {
	samples := s.total[held]
	starts := s.starts()
	var previous totals
	var first int64 // of an epoch without start
	for i, sample := range samples {
		p := point{at: sample.T, t: s.target.poll(sample.T), share: math.NaN()}
		if share, ok := s.share.at(sample.T); ok {
			p.share = min(share, 1)
		}
		if end, ok := s.end.at(sample.T); ok {
			p.end = millis(end)
		}
		known := !math.IsNaN(starts[i])
		fresh := i == 0 || sample.V < previous[held] || known && starts[i] != starts[i-1]
		if fresh {
			previous, first = totals{}, sample.T
		}
		p.v[held] = sample.V
		for q := active; q <= energy; q++ {
			v, ok := s.total[q].at(sample.T)
			if !ok {
				v = previous[q] // not known now: nothing is added
			}
			p.v[q] = v
		}
		previous = p.v
		if known {
			es.add(millis(starts[i]), true, p)
		} else {
			es.add(first, false, p)
		}
	}
}

// starts joins each sample with the start that its scrape brought, in Unix
// seconds. A sample without one belongs to its neighbour's process while the
// value does not fall between them; else its start is NaN.
func (s *strand) starts() []float64 {
	samples := s.total[held]
	starts := make([]float64, len(samples))
	for i, p := range samples {
		start, ok := s.start.at(p.T)
		switch {
		case ok:
			starts[i] = start
		case i > 0 && p.V >= samples[i-1].V:
			starts[i] = starts[i-1]
		default:
			starts[i] = math.NaN()
		}
	}
	for i := len(starts) - 2; i >= 0; i-- {
		p, next := samples[i], samples[i+1]
		if math.IsNaN(starts[i]) && p.V <= next.V && starts[i+1]*1000 <= float64(p.T) {
			starts[i] = starts[i+1]
		}
	}
	return starts
}

// points adds the device's points to their epochs: a device is held by its
// collector, with share 1, since the collector started.
func (d *device) points(es *epochs) {
	for t, columns := range d.states {
		var previous totals
		var epoch float64
		var first int64 // of an epoch without start
		for _, at := range scrapes(t, columns) {
			start, known := t.start.at(at)
			if known && start != epoch {
				previous, epoch = totals{}, start
			}
			p := point{at: at, t: t.poll(at), share: 1}
			shown := false
			for i, c := range columns {
				v, ok := c.at(at)
				if !ok {
					v = previous[1+i]
				}
				shown = shown || ok
				p.v[1+i] = v
				p.v[held] += v
			}
			if !shown {
				continue
			}
			if first == 0 || p.v[held] < previous[held] {
				first = at
			}
			previous = p.v
			if known {
				es.add(millis(start), true, p)
			} else {
				es.add(first, false, p)
			}
		}
	}
}

// scrapes lists the times at which any state was kept, and the first and last
// of each process, which may have been left out when its value is like that of
// the process before.
func scrapes(t *target, columns *[len(states)]column) []int64 {
	var times []int64
	for _, c := range columns {
		for _, p := range c {
			times = append(times, p.T)
		}
	}
	for _, process := range t.start {
		times = append(times, process.from, process.to)
	}
	slices.Sort(times)
	return slices.Compact(times)
}

// millis converts seconds.
func millis(seconds float64) int64 { return int64(math.Round(seconds * 1000)) }
