package rollup

import (
	"hash/maphash"
	"strings"
)

// names numbers names from 0 and keeps each once. A month has a million names
// of pods, so they lie in few large pieces, in memory that the garbage collector
// need not look into, and a number of 32 bits stands for each.
type names struct {
	seed   maphash.Seed
	table  table
	pieces []*strings.Builder
	where  list[where]
}

// where is a name's place: its piece, and where in that it begins and how long
// it is, 16 bits each.
type where uint64

const (
	// noName is the number of the empty name.
	noName = 0
	// pieceSize is how many bytes of names lie together.
	pieceSize = 1 << 16
	// longestName is more than any name in Kubernetes has.
	longestName = 1<<16 - 1
)

func newNames() *names {
	n := &names{seed: maphash.MakeSeed()}
	n.idOf("")
	return n
}

func (n *names) idOf(name string) uint32 { return n.id([]byte(name)) }

// id is the number of a name, which is at most longestName long.
func (n *names) id(name []byte) uint32 {
	if n.table.full() {
		n.table.grow(func(id uint32) uint64 { return maphash.String(n.seed, n.text(id)) })
	}
	id, found := n.table.find(maphash.Bytes(n.seed, name), func(id uint32) bool { return n.text(id) == string(name) })
	if !found {
		*n.where.next() = n.keep(name)
	}
	return id
}

// text is the name with the number.
func (n *names) text(id uint32) string {
	w := *n.where.at(id)
	return n.pieces[w>>32].String()[w>>16&0xffff:][:w&0xffff]
}

// keep copies a name into the last piece. What a builder has written never
// moves as long as it need not grow.
func (n *names) keep(name []byte) where {
	last := len(n.pieces) - 1
	if last < 0 || n.pieces[last].Len()+len(name) >= pieceSize {
		piece := &strings.Builder{}
		piece.Grow(pieceSize)
		n.pieces = append(n.pieces, piece)
		last++
	}
	begin := n.pieces[last].Len()
	n.pieces[last].Write(name)
	return where(last)<<32 | where(begin)<<16 | where(len(name))
}
