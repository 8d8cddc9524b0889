package intern

import (
	"hash/maphash"
	"strings"
)

// Names numbers names and keeps each once, in memory that the garbage collector
// need not look into. Not for several goroutines at once.
type Names struct {
	seed   maphash.Seed
	table  table
	texts  []*strings.Builder
	places [][]place // in pieces of pieceLen
}

// place is where a name lies: in which text, where in that it begins and how
// long it is, 16 bits each.
type place uint64

const (
	// Empty is the number of the empty name.
	Empty = 0
	// Longest is how many bytes a name may have. It is more than any name in
	// Kubernetes has.
	Longest = 1<<16 - 1

	textSize = 1 << 16 // bytes of names that lie together
)

// NewNames returns a Names that has the empty name only.
func NewNames() *Names {
	n := &Names{seed: maphash.MakeSeed()}
	n.ID("")
	return n
}

// ID is the number of a name, which gets the next one if it has none.
func (n *Names) ID(name string) uint32 { return n.IDOf([]byte(name)) }

// IDOf is ID for a name that the caller may change afterwards. It is at most
// Longest bytes long.
func (n *Names) IDOf(name []byte) uint32 {
	id, found := n.table.find(maphash.Bytes(n.seed, name),
		func(id uint32) bool { return n.Text(id) == string(name) },
		func(id uint32) uint64 { return maphash.String(n.seed, n.Text(id)) })
	if !found {
		if id%pieceLen == 0 {
			n.places = append(n.places, make([]place, pieceLen))
		}
		n.places[id/pieceLen][id%pieceLen] = n.keep(name)
	}
	return id
}

// Text is the name with a number.
func (n *Names) Text(id uint32) string {
	p := n.places[id/pieceLen][id%pieceLen]
	return n.texts[p>>32].String()[p>>16&0xffff:][:p&0xffff]
}

// Len is how many names there are, the empty one among them.
func (n *Names) Len() int { return int(n.table.used) }

// keep copies a name into the last text. What a builder has written never moves
// as long as it need not grow.
func (n *Names) keep(name []byte) place {
	last := len(n.texts) - 1
	if last < 0 || n.texts[last].Len()+len(name) >= textSize {
		text := &strings.Builder{}
		text.Grow(textSize)
		n.texts = append(n.texts, text)
		last++
	}
	begin := n.texts[last].Len()
	n.texts[last].Write(name)
	return place(last)<<32 | place(begin)<<16 | place(len(name))
}
