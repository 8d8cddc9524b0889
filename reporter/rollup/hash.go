package rollup

// table finds the numbers of things by their hash. A slot is a number + 1, 0 if
// it is free; what a thing is and what its hash is, its owner knows.
type table struct {
	slots []uint32
	used  uint32
}

// full tells whether the table must grow before the next find.
func (t *table) full() bool { return int(t.used)*4 >= len(t.slots)*3 }

// find returns the number of the thing with the hash that is the same, or gives
// it the next number.
func (t *table) find(hash uint64, same func(number uint32) bool) (number uint32, found bool) {
	slot := t.slot(hash, same)
	if *slot > 0 {
		return *slot - 1, true
	}
	t.used++
	*slot = t.used
	return t.used - 1, false
}

// slot is that of the thing, or a free one.
func (t *table) slot(hash uint64, same func(number uint32) bool) *uint32 {
	mask := uint64(len(t.slots) - 1)
	for i := hash & mask; ; i = (i + 1) & mask {
		if slot := &t.slots[i]; *slot == 0 || same(*slot-1) {
			return slot
		}
	}
}

// grow doubles the table.
func (t *table) grow(hash func(number uint32) uint64) {
	t.slots = make([]uint32, max(64, 2*len(t.slots)))
	for number := range t.used {
		*t.slot(hash(number), func(uint32) bool { return false }) = number + 1
	}
}

// list is a slice in pieces: to grow copies nothing, and it is at most one piece
// longer than it need be.
type list[T any] struct {
	pieces [][]T
	len    uint32
}

const pieceLen = 1 << 12

// next adds a zero value and returns where it is.
func (l *list[T]) next() *T {
	if l.len%pieceLen == 0 {
		l.pieces = append(l.pieces, make([]T, pieceLen))
	}
	l.len++
	return l.at(l.len - 1)
}

func (l *list[T]) at(i uint32) *T { return &l.pieces[i/pieceLen][i%pieceLen] }
