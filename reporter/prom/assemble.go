package prom

import (
	"bytes"
	"cmp"
	"math"
	"slices"

	"github.com/gputally/gputally/reporter/series"

	"github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
)

// assembler joins the parts of a series, which come one after the other, cuts
// them to the range and yields each series once it is whole.
type assembler struct {
	from, to int64 // Unix milliseconds, both included
	yield    func(series.Series) error

	open    bool
	encoded []byte // labels of the open series as they came
	set     labelSet
	samples []series.Sample
	stale   []int64
	last    int64 // time of the last sample of the open series, in or out of the range
	sorted  bool  // samples and stale are strictly increasing so far

	next     []byte // room for the labels of a part
	xor      chunkenc.XORChunk
	xor2     chunkenc.XOR2Chunk
	iterator chunkenc.Iterator
}

// add takes a part of a series, as it is encoded in a frame.
func (a *assembler) add(part []byte) error {
	var err error
	if a.next, err = appendLabels(a.next[:0], part); err != nil {
		return err
	}
	if !a.open || !bytes.Equal(a.next, a.encoded) {
		if err := a.finish(); err != nil {
			return err
		}
		if err := a.begin(); err != nil {
			return err
		}
	}
	return eachChunk(part, a.chunk)
}

// begin opens the series whose encoded labels are in a.next.
func (a *assembler) begin() error {
	a.encoded, a.next = a.next, a.encoded
	a.set.begin()
	if err := eachLabel(a.encoded, a.set.add); err != nil {
		return err
	}
	if err := a.set.finish(); err != nil {
		return err
	}
	a.open, a.sorted, a.last = true, true, math.MinInt64
	a.samples, a.stale = a.samples[:0], a.stale[:0]
	return nil
}

// chunk takes the samples of a chunk.
func (a *assembler) chunk(encoding uint64, data []byte) error {
	if err := a.openChunk(encoding, data); err != nil {
		return err
	}
	previous := int64(math.MinInt64)
	for {
		switch a.iterator.Next() {
		case chunkenc.ValNone:
			if err := a.iterator.Err(); err != nil {
				return garbled("chunk of %s: %w", a.set.labels, err)
			}
			return nil
		case chunkenc.ValFloat:
		default:
			return garbled("chunk of %s has histograms", a.set.labels)
		}
		t, v := a.iterator.At()
		if t <= previous {
			return garbled("chunk of %s: time %d after %d", a.set.labels, t, previous)
		}
		previous = t
		if t < a.from || t > a.to {
			continue
		}
		if t <= a.last {
			a.sorted = false
		}
		a.last = t
		if value.IsStaleNaN(v) {
			a.stale = append(a.stale, t)
		} else {
			a.samples = append(a.samples, series.Sample{T: t, V: v})
		}
	}
}

// openChunk sets the iterator to the beginning of a chunk.
func (a *assembler) openChunk(encoding uint64, data []byte) error {
	var chunk chunkenc.Chunk
	var header int // bytes, which chunkenc takes for granted
	switch encoding {
	case uint64(chunkenc.EncXOR):
		chunk, header = &a.xor, 2
	case uint64(chunkenc.EncXOR2):
		chunk, header = &a.xor2, 3
	default:
		return garbled("chunk of %s has the encoding %d, which is not one of plain samples", a.set.labels, encoding)
	}
	if len(data) < header {
		return garbled("chunk of %s has only %d bytes", a.set.labels, len(data))
	}
	chunk.Reset(data)
	a.iterator = chunk.Iterator(a.iterator)
	return nil
}

// finish yields the open series, if it has something in the range.
func (a *assembler) finish() error {
	if !a.open {
		return nil
	}
	a.open = false
	if !a.sorted {
		if err := a.sort(); err != nil {
			return err
		}
	}
	if len(a.samples) == 0 && len(a.stale) == 0 {
		return nil
	}
	return a.yield(series.Series{Labels: a.set.labels, Samples: a.samples, Stale: a.stale})
}

// sort merges chunks that overlap and label sets that came twice. The same
// sample twice is one. Two values at one time mean two sources under one name,
// and none of them may be picked.
func (a *assembler) sort() error {
	slices.SortStableFunc(a.samples, func(x, y series.Sample) int { return cmp.Compare(x.T, y.T) })
	for i := 1; i < len(a.samples); i++ {
		x, y := a.samples[i-1], a.samples[i]
		if x.T == y.T && math.Float64bits(x.V) != math.Float64bits(y.V) {
			return garbled("series %s has two values at %d: %v and %v; add to the selector what tells its sources apart", a.set.labels, x.T, x.V, y.V)
		}
	}
	a.samples = slices.CompactFunc(a.samples, func(x, y series.Sample) bool { return x.T == y.T })
	slices.Sort(a.stale)
	a.stale = slices.DeleteFunc(slices.Compact(a.stale), func(t int64) bool {
		_, found := slices.BinarySearchFunc(a.samples, t, func(s series.Sample, t int64) int { return cmp.Compare(s.T, t) })
		return found
	})
	return nil
}
