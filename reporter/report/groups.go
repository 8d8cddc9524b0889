package report

import (
	"encoding/binary"
	"hash/maphash"
	"slices"

	"github.com/gputally/gputally/reporter/price"
)

// groups are the rows of a report while they are added up: for each key, which
// is the numbers of some names, the sums.
type groups struct {
	width  int // names in a key
	seed   maphash.Seed
	table  table
	keys   []uint32 // one after the other
	pieces [][]sums // of pieceRows each
	buf    []byte
}

// sums are what is added up for a key.
type sums struct {
	Sums
	cost     price.Amount
	unpriced bool
}

// pieceRows is how many sums lie together: to grow copies none.
const pieceRows = 1 << 12

func newGroups(width int) *groups { return &groups{width: width, seed: maphash.MakeSeed()} }

// find is the number of the group with the key, which is new if there is none.
func (g *groups) find(key []uint32) uint32 {
	g.buf = g.buf[:0]
	for _, id := range key {
		g.buf = binary.LittleEndian.AppendUint32(g.buf, id)
	}
	number, found := g.table.find(maphash.Bytes(g.seed, g.buf), func(i uint32) bool { return slices.Equal(g.key(i), key) })
	if !found {
		g.keys = append(g.keys, key...)
		if number%pieceRows == 0 {
			g.pieces = append(g.pieces, make([]sums, pieceRows))
		}
	}
	return number
}

func (g *groups) len() int { return int(g.table.used) }

func (g *groups) key(number uint32) []uint32 {
	return g.keys[int(number)*g.width:][:g.width]
}

func (g *groups) at(number uint32) *sums { return &g.pieces[number/pieceRows][number%pieceRows] }

// merge adds sums that were added up beside.
func (s *sums) merge(o *sums) (err error) {
	s.Sums.merge(o.Sums)
	s.unpriced = s.unpriced || o.unpriced
	s.cost, err = s.cost.Add(o.cost)
	return err
}
