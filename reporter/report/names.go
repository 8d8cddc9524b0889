package report

import (
	"hash/maphash"
	"strings"
)

// names numbers names from 0 and keeps each once. A month has a million names
// of pods: they lie in few large pieces, and a number of 32 bits stands for each.
type names struct {
	seed  maphash.Seed
	table table
	texts []string
	piece *strings.Builder // that the next names go to
}

// pieceSize is how many bytes of names lie together.
const pieceSize = 64 << 10

// noName is the number of the empty name.
const noName = 0

func newNames() *names {
	n := &names{seed: maphash.MakeSeed(), piece: &strings.Builder{}}
	n.idOf("")
	return n
}

func (n *names) idOf(name string) uint32 { return n.id([]byte(name)) }

// id is the number of a name.
func (n *names) id(name []byte) uint32 {
	hash := maphash.Bytes(n.seed, name)
	id, found := n.table.find(hash, func(i uint32) bool { return n.texts[i] == string(name) })
	if !found {
		n.texts = append(n.texts, n.keep(name))
	}
	return id
}

// text is the name with the number.
func (n *names) text(id uint32) string { return n.texts[id] }

// keep copies a name into the piece. What a builder has written never moves as
// long as it need not grow.
func (n *names) keep(name []byte) string {
	if n.piece.Len()+len(name) > n.piece.Cap() {
		n.piece = &strings.Builder{}
		n.piece.Grow(max(pieceSize, len(name)))
	}
	begin := n.piece.Len()
	n.piece.Write(name)
	return n.piece.String()[begin:]
}

// table finds the numbers of things by their hash: open addressing, at most
// three quarters full.
type table struct {
	slots []slot
	used  uint32
}

type slot struct {
	hash uint32
	next uint32 // number + 1, 0 if the slot is free
}

// find returns the number of the thing with the hash that is the same, or gives
// it the next number.
func (t *table) find(hash uint64, same func(number uint32) bool) (number uint32, found bool) {
	if int(t.used)*4 >= len(t.slots)*3 {
		t.grow()
	}
	high := uint32(hash >> 32)
	mask := uint32(len(t.slots) - 1)
	for i := high & mask; ; i = (i + 1) & mask {
		switch s := &t.slots[i]; {
		case s.next == 0:
			t.used++
			*s = slot{high, t.used}
			return t.used - 1, false
		case s.hash == high && same(s.next-1):
			return s.next - 1, true
		}
	}
}

func (t *table) grow() {
	old := t.slots
	t.slots = make([]slot, max(64, 2*len(old)))
	mask := uint32(len(t.slots) - 1)
	for _, s := range old {
		if s.next == 0 {
			continue
		}
		i := s.hash & mask
		for t.slots[i].next != 0 {
			i = (i + 1) & mask
		}
		t.slots[i] = s
	}
}
