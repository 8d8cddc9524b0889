package usage

import (
	"crypto/sha256"
	"encoding/binary"
)

// EdgeTable finds stored edges in about 100 bytes for each.
type EdgeTable struct {
	at     map[edgeKey]int32
	totals [][6]int64
}

// edgeKey is a digest of what names an edge: long enough to be unique.
type edgeKey [16]byte

// NewEdgeTable returns an empty table.
func NewEdgeTable() *EdgeTable { return &EdgeTable{at: map[edgeKey]int32{}} }

// Add stores an edge. The same edge again replaces it.
func (t *EdgeTable) Add(e Edge) {
	key := keyOf(e.UUID, e.Pod, e.Container, e.Start)
	if i, ok := t.at[key]; ok {
		t.totals[i] = e.Total
		return
	}
	t.at[key] = int32(len(t.totals))
	t.totals = append(t.totals, e.Total)
}

// Find returns the totals stored for an epoch. A nil table has none.
func (t *EdgeTable) Find(uuid, pod, container string, start int64) (total [6]int64, ok bool) {
	if t == nil {
		return total, false
	}
	i, ok := t.at[keyOf(uuid, pod, container, start)]
	if !ok {
		return total, false
	}
	return t.totals[i], true
}

// Len is the number of edges.
func (t *EdgeTable) Len() int {
	if t == nil {
		return 0
	}
	return len(t.totals)
}

func keyOf(uuid, pod, container string, start int64) edgeKey {
	var buf [192]byte
	b := buf[:0]
	for _, part := range [...]string{uuid, pod, container} {
		b = append(append(b, part...), 0)
	}
	sum := sha256.Sum256(binary.BigEndian.AppendUint64(b, uint64(start)))
	return edgeKey(sum[:16])
}
