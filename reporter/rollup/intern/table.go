package intern

// table finds the numbers of things by their hash. A slot is a number + 1, or 0 if
// it is free. The things themselves are with the owner of the table.
type table struct {
	slots []uint32
	used  uint32
}

// find returns the number of a thing by its hash, or gives it the next number.
// same compares the thing with the one that has a number; hashOf is the hash of
// the thing that has a number, which a growing table needs.
func (t *table) find(hash uint64, same func(number uint32) bool, hashOf func(number uint32) uint64) (number uint32, found bool) {
	if int(t.used)*4 >= len(t.slots)*3 {
		t.grow(hashOf)
	}
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
func (t *table) grow(hashOf func(number uint32) uint64) {
	t.slots = make([]uint32, max(64, 2*len(t.slots)))
	for number := range t.used {
		*t.slot(hashOf(number), func(uint32) bool { return false }) = number + 1
	}
}

// pieceLen is how many things lie together in memory. Adding a thing copies none
// of the others, and at most one piece is not full.
const pieceLen = 1 << 12
