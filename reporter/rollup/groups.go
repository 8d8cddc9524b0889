package rollup

import (
	"encoding/binary"
	"hash/maphash"
	"slices"

	"github.com/gputally/gputally/reporter/price"
	"github.com/gputally/gputally/reporter/report"
)

// groups are the rows of a report while they are added up: for each key, which
// is the numbers of some names, the sums.
type groups struct {
	width int // names in a key
	seed  maphash.Seed
	table table
	keys  [][]uint32 // in pieces of pieceLen keys
	sums  list[sums]
	buf   []byte
}

// sums are what is added up for a key.
type sums struct {
	report.Sums
	cost     price.Amount
	unpriced bool
}

func newGroups(width int) *groups { return &groups{width: width, seed: maphash.MakeSeed()} }

// find is the number of the group with the key, which is new if there is none.
func (g *groups) find(key []uint32) uint32 {
	if g.table.full() {
		g.table.grow(func(number uint32) uint64 { return g.hash(g.key(number)) })
	}
	number, found := g.table.find(g.hash(key), func(i uint32) bool { return slices.Equal(g.key(i), key) })
	if !found {
		if number%pieceLen == 0 {
			g.keys = append(g.keys, make([]uint32, pieceLen*g.width))
		}
		copy(g.key(number), key)
		g.sums.next()
	}
	return number
}

func (g *groups) hash(key []uint32) uint64 {
	g.buf = g.buf[:0]
	for _, id := range key {
		g.buf = binary.LittleEndian.AppendUint32(g.buf, id)
	}
	return maphash.Bytes(g.seed, g.buf)
}

func (g *groups) len() int { return int(g.table.used) }

func (g *groups) key(number uint32) []uint32 {
	return g.keys[number/pieceLen][int(number%pieceLen)*g.width:][:g.width]
}

func (g *groups) at(number uint32) *sums { return g.sums.at(number) }

// merge adds sums that were added up beside.
func (s *sums) merge(o *sums) (err error) {
	s.Sums.Add(o.Sums)
	s.unpriced = s.unpriced || o.unpriced
	s.cost, err = s.cost.Add(o.cost)
	return err
}
