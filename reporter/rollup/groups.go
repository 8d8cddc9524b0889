package rollup

import "github.com/gputally/gputally/reporter/rollup/intern"

// groups are the rows of a report while they are added up: for each key, which
// is the numbers of some names, the cells of the accumulators.
type groups struct {
	keys  *intern.Keys
	cells int       // numbers that are added up for a key
	sums  [][]int64 // in pieces of pieceLen times the cells: to add a row copies none
}

const pieceLen = 1 << 12

func newGroups(width, cells int) *groups { return &groups{keys: intern.NewKeys(width), cells: cells} }

// find is the number of the group with the key, which is new if there is none.
func (g *groups) find(key []uint32) uint32 {
	number, found := g.keys.Find(key)
	if !found && number%pieceLen == 0 {
		g.sums = append(g.sums, make([]int64, pieceLen*g.cells))
	}
	return number
}

// at are the cells of the group with a number.
func (g *groups) at(number uint32) []int64 {
	return g.sums[number/pieceLen][int(number%pieceLen)*g.cells:][:g.cells]
}

// add adds cells to the group with a key.
func (g *groups) add(key []uint32, cells []int64) error { return addCells(g.at(g.find(key)), cells) }
