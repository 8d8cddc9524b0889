package prom

import (
	"fmt"
	"math"

	"github.com/gputally/gputally/reporter/series"
)

// downsampled is the distance in milliseconds at which Thanos keeps aggregates;
// they lie in the last millisecond of their window.
const downsampled = 5 * 60 * 1000

// points takes the samples of one series in the order of their times and keeps
// those in the range.
type points struct {
	from, to int64 // Unix milliseconds, both included
	samples  []series.Sample
	stale    []int64

	any   bool
	last  int64   // time of the last sample, in or out of the range
	value float64 // its value
	ended bool    // it was a staleness marker
	edges int     // samples that lie where Thanos keeps aggregates
}

// begin starts the next series.
func (p *points) begin() {
	p.samples, p.stale = p.samples[:0], p.stale[:0]
	p.any, p.edges = false, 0
}

// add takes a sample, or with stale a mark that the series ended. The same
// sample twice is one, and a sample goes before a mark. Two values at one time
// mean two sources under one name, and none of them may be picked.
func (p *points) add(t int64, v float64, stale bool) error {
	if p.any && t <= p.last {
		switch {
		case t < p.last:
			return fmt.Errorf("time %d after %d", t, p.last)
		case stale:
			return nil
		case !p.ended && math.Float64bits(v) != math.Float64bits(p.value):
			return fmt.Errorf("two values at %d: %v and %v; add to the selector what tells its sources apart", t, p.value, v)
		case !p.ended:
			return nil
		case t >= p.from && t <= p.to:
			p.stale = p.stale[:len(p.stale)-1]
		}
	}
	p.any, p.last, p.value, p.ended = true, t, v, stale
	switch {
	case t < p.from || t > p.to:
	case stale:
		p.stale = append(p.stale, t)
	default:
		p.samples = append(p.samples, series.Sample{T: t, V: v})
		if (t+1)%downsampled == 0 {
			p.edges++
		}
	}
	return nil
}

// aggregated reports whether most samples lie where Thanos keeps the aggregates
// of downsampled data.
func (p *points) aggregated() bool { return p.edges >= 2 && 2*p.edges > len(p.samples) }
