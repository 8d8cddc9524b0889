package usage

import (
	"cmp"
	"slices"
	"sort"

	"github.com/gputally/gputally/reporter/prom"
)

// column holds the samples of one counter, in the order of time.
type column []prom.Sample

// add takes more samples. They come in order, except that a server may send a
// series in two parts.
func (c *column) add(samples []prom.Sample) {
	ordered := len(*c) == 0 || len(samples) == 0 || (*c)[len(*c)-1].T < samples[0].T
	*c = append(slices.Grow(*c, len(samples)), samples...)
	if ordered {
		return
	}
	slices.SortFunc(*c, func(a, b prom.Sample) int { return cmp.Or(cmp.Compare(a.T, b.T), cmp.Compare(a.V, b.V)) })
	*c = slices.CompactFunc(*c, func(a, b prom.Sample) bool { return a.T == b.T })
}

// thin leaves out the samples inside flat stretches, which at knows. A stretch may
// run on from one process into the next, if the new one is at the same value.
func (c *column) thin() {
	s := *c
	kept := 0
	for i := range s {
		if kept >= 2 && s[kept-2].V == s[i].V && s[kept-1].V == s[i].V {
			s[kept-1] = s[i]
			continue
		}
		s[kept] = s[i]
		kept++
	}
	*c = slices.Clone(s[:kept])
}

// at returns the value that was sampled at t, if one was or was left out as flat.
func (c column) at(t int64) (float64, bool) {
	i := sort.Search(len(c), func(i int) bool { return c[i].T >= t })
	if i == len(c) {
		return 0, false
	}
	flat := i > 0 && c[i-1].V == c[i].V
	return c[i].V, flat || c[i].T == t
}

// steps holds the samples of a gauge that seldom changes, as runs of one value.
type steps []run

type run struct {
	from, to int64 // times of the first and last sample, Unix ms
	v        float64
}

func (s *steps) add(samples []prom.Sample) {
	fresh := true
	for _, p := range samples {
		if n := len(*s); !fresh && (*s)[n-1].v == p.V {
			(*s)[n-1].to = p.T
			continue
		}
		*s = append(*s, run{p.T, p.T, p.V})
		fresh = false
	}
}

// at returns the value of the run around t. Runs overlap only where a series
// came in parts; then the one that began last counts.
func (s steps) at(t int64) (float64, bool) {
	best := -1
	for i, r := range s {
		if r.from <= t && t <= r.to && (best < 0 || r.from > s[best].from) {
			best = i
		}
	}
	if best < 0 {
		return 0, false
	}
	return s[best].v, true
}
