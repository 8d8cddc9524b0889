package gputally

import (
	"cmp"
	"slices"

	"github.com/gputally/gputally/reporter/fold"
	"github.com/gputally/gputally/reporter/series"
)

// merge puts together what came in two parts. Of two values at one time the
// smaller one counts; differ says that there were any.
func merge(room []series.Sample) (merged fold.Column, differ bool) {
	slices.SortFunc(room, func(a, b series.Sample) int { return cmp.Or(cmp.Compare(a.T, b.T), cmp.Compare(a.V, b.V)) })
	return slices.CompactFunc(room, func(a, b series.Sample) bool {
		differ = differ || a.T == b.T && a.V != b.V
		return a.T == b.T
	}), differ
}

// arena is memory for the samples of many columns, used again for every piece.
type arena struct {
	chunks [][]series.Sample
	at     int // the chunk in use
}

// arenaChunk is the size of a chunk in samples: 1 MiB.
const arenaChunk = 1 << 16

// take returns room for n samples, of length 0.
func (s *arena) take(n int) []series.Sample {
	if n > arenaChunk {
		return make([]series.Sample, 0, n)
	}
	for s.at < len(s.chunks) {
		if c := s.chunks[s.at]; cap(c)-len(c) >= n {
			s.chunks[s.at] = c[:len(c)+n]
			return c[len(c) : len(c) : len(c)+n]
		}
		s.at++
	}
	s.chunks = append(s.chunks, make([]series.Sample, n, arenaChunk))
	return s.chunks[s.at][:0:n]
}

func (s *arena) reset() {
	for i := range s.chunks {
		s.chunks[i] = s.chunks[i][:0]
	}
	s.at = 0
}

// steps holds the samples of a gauge that seldom changes, as runs of one value
// in the order in which they begin.
type steps []run

type run struct {
	from, to int64 // times of the first and last sample, Unix ms
	v        float64
}

func (s *steps) add(samples []series.Sample) {
	i := 0
	for i < len(samples) {
		r := run{samples[i].T, samples[i].T, samples[i].V}
		for i++; i < len(samples) && samples[i].V == r.v; i++ {
			r.to = samples[i].T
		}
		*s = append(*s, r)
	}
	byBegin := func(a, b run) int { return cmp.Or(cmp.Compare(a.from, b.from), cmp.Compare(a.v, b.v)) }
	if !slices.IsSortedFunc(*s, byBegin) {
		slices.SortFunc(*s, byBegin)
	}
}

// at returns the value of the run around t. Runs overlap only where a series
// came in parts; then the one that began last counts. hint is moved to where
// the search for the next, later t may begin.
func (s steps) at(t int64, hint *int) (float64, bool) {
	i := *hint
	for i > 0 && s[i].from > t {
		i--
	}
	for i+1 < len(s) && s[i+1].from <= t {
		i++
	}
	*hint = i
	for ; i >= 0 && i < len(s); i-- {
		if s[i].from <= t && t <= s[i].to {
			return s[i].v, true
		}
	}
	return 0, false
}
