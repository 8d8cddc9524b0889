package rollup

import (
	"encoding/binary"
	"hash/maphash"
	"slices"
)

// groups are the rows of a report while they are added up: for each key, which
// is the numbers of some names, the cells of the accumulators.
type groups struct {
	width int // names in a key
	cells int // numbers that are added up for a key
	seed  maphash.Seed
	table table
	keys  [][]uint32 // in pieces of pieceLen keys
	sums  [][]int64  // in pieces of pieceLen times the cells
	buf   []byte
}

func newGroups(width, cells int) *groups {
	return &groups{width: width, cells: cells, seed: maphash.MakeSeed()}
}

// find is the number of the group with the key, which is new if there is none.
func (g *groups) find(key []uint32) uint32 {
	if g.table.full() {
		g.table.grow(func(number uint32) uint64 { return g.hash(g.key(number)) })
	}
	number, found := g.table.find(g.hash(key), func(i uint32) bool { return slices.Equal(g.key(i), key) })
	if !found {
		if number%pieceLen == 0 {
			g.keys = append(g.keys, make([]uint32, pieceLen*g.width))
			g.sums = append(g.sums, make([]int64, pieceLen*g.cells))
		}
		copy(g.key(number), key)
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

// at are the cells of the group with a number.
func (g *groups) at(number uint32) []int64 {
	return g.sums[number/pieceLen][int(number%pieceLen)*g.cells:][:g.cells]
}

// add adds cells to the group with a key.
func (g *groups) add(key []uint32, cells []int64) error { return addCells(g.at(g.find(key)), cells) }
