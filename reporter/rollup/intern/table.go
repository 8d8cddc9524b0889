package intern

// table finds the numbers of things by their hash. A slot is a number + 1, 0 if
// it is free; what a thing is and what its hash is, its owner knows.
type table struct {
	slots []uint32
	used  uint32
}

// find returns the number of the thing with the hash that is the same, or gives
// it the next number. The hash of a number is asked for when the table grows.
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

// pieceLen is how many things lie together in memory. To add one copies none,
// and there is room for at most one piece more than there need be.
const pieceLen = 1 << 12
