package intern

import (
	"bytes"

	"github.com/gputally/gputally/reporter/usage"
)

// Recall finds the numbers of a column's names. The names of this hour come in
// nearly the same order as those of the previous hour. So each is compared with
// the names that followed there, which are near in memory, and only new names are
// looked up among the millions of all names.
type Recall struct {
	// Of this batch, by code:
	IDs       []uint32 // numbers of the names
	Positions []int32  // in the previous hour, NoPosition if the name was not found there
	Begin     int      // position in this hour of code 0; that of the others follows

	names     *Names
	last, now memory
	at        int // in last, where the next name is expected
}

// NoPosition is the position of a name that was not found in the previous hour.
const NoPosition = -1

// memory is a column's names of an hour, in the order of its dictionaries.
type memory struct {
	bytes []byte
	ends  []int
	ids   []uint32
}

// ahead is how many names of the previous hour may have ended in a row.
const ahead = 64

// NewRecall returns a Recall for numbers of names.
func NewRecall(names *Names) *Recall { return &Recall{names: names} }

// Hour begins a new hour.
func (r *Recall) Hour() {
	r.last, r.now = r.now, r.last
	r.now.bytes, r.now.ends, r.now.ids = r.now.bytes[:0], r.now.ends[:0], r.now.ids[:0]
	r.at = 0
}

// Batch finds the names of the next batch of the hour.
func (r *Recall) Batch(of *usage.Names) {
	r.IDs, r.Positions, r.Begin = r.IDs[:0], r.Positions[:0], len(r.now.ids)
	for code := range int32(of.Len()) {
		name := of.At(code)
		position := r.position(name)
		var id uint32
		if position == NoPosition {
			id = r.names.IDOf(name)
		} else {
			id, r.at = r.last.ids[position], int(position)+1
		}
		r.now.add(name, id)
		r.IDs, r.Positions = append(r.IDs, id), append(r.Positions, position)
	}
}

// position is that of a name in the previous hour, NoPosition if it is not where
// it is expected.
func (r *Recall) position(name []byte) int32 {
	for i := r.at; i < min(r.at+ahead, len(r.last.ids)); i++ {
		if bytes.Equal(r.last.name(i), name) {
			return int32(i)
		}
	}
	return NoPosition
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
