package rollup

import (
	"bytes"

	"github.com/gputally/gputally/reporter/usage"
)

// recall finds the numbers of a column's names. The names of an hour come in
// nearly the same order as those of the hour before, so each is looked for
// behind the one before it there, which is a step ahead in memory, and only
// what is new is looked for among the millions of all names.
type recall struct {
	names     *names
	last, now memory
	at        int // in last, where the next name is expected

	// Of the batch at hand, by code:
	ids       []uint32
	positions []int32 // in last
	begin     int     // in now
}

// memory is a column's names of an hour, in the order of its dictionaries.
type memory struct {
	bytes []byte
	ends  []int
	ids   []uint32
}

// recallAhead is how many names of the hour before may have ended in a row.
const recallAhead = 64

// noPosition is the position in the hour before of a name that was not found there.
const noPosition = -1

// hour begins a new hour.
func (m *recall) hour() {
	m.last, m.now = m.now, m.last
	m.now.bytes, m.now.ends, m.now.ids = m.now.bytes[:0], m.now.ends[:0], m.now.ids[:0]
	m.at = 0
}

// batch finds the numbers of the names of the next batch.
func (m *recall) batch(of *usage.Names) {
	m.ids, m.positions, m.begin = m.ids[:0], m.positions[:0], len(m.now.ids)
	for code := range int32(of.Len()) {
		name := of.At(code)
		position := m.position(name)
		var id uint32
		if position == noPosition {
			id = m.names.id(name)
		} else {
			id, m.at = m.last.ids[position], int(position)+1
		}
		m.now.add(name, id)
		m.ids, m.positions = append(m.ids, id), append(m.positions, position)
	}
}

// position is that of a name in the hour before, noPosition if it is not where
// it is expected.
func (m *recall) position(name []byte) int32 {
	for i := m.at; i < min(m.at+recallAhead, len(m.last.ids)); i++ {
		if bytes.Equal(m.last.name(i), name) {
			return int32(i)
		}
	}
	return noPosition
}

func (m *memory) add(name []byte, id uint32) {
	m.bytes = append(m.bytes, name...)
	m.ends = append(m.ends, len(m.bytes))
	m.ids = append(m.ids, id)
}

func (m *memory) name(i int) []byte {
	begin := 0
	if i > 0 {
		begin = m.ends[i-1]
	}
	return m.bytes[begin:m.ends[i]]
}
