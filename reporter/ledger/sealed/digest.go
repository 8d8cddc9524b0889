package sealed

import (
	"crypto/sha256"
	"encoding/binary"
	"hash"
	"math"

	"github.com/gputally/gputally/reporter/checksum"
	"github.com/gputally/gputally/reporter/usage"
)

// Digest is the SHA-256 of rows, whatever file they are in and however it is
// encoded: names with their length before them, numbers as 8 bytes, in the
// order of the columns.
type Digest struct {
	hash hash.Hash
	buf  []byte
}

// digestAtOnce is how many bytes are gathered before they are hashed.
const digestAtOnce = 32 << 10

// NewDigest returns the digest of no rows.
func NewDigest() *Digest {
	return &Digest{hash: sha256.New(), buf: make([]byte, 0, digestAtOnce+4<<10)}
}

// Segment adds a row of segments.
func (d *Digest) Segment(s *usage.Segment) {
	d.texts(s.Cluster, s.Node, s.NodePool, s.UUID, s.Model, string(s.State), s.Namespace, s.Pod, s.PodUID, s.Container)
	d.numbers(s.HeldFrom, s.HeldTo, int64(math.Float64bits(s.Share)),
		s.GPUMillis, s.ActiveMillis, s.IdleMillis, s.ObservedMillis, s.EstimatedMillis, s.MemoryByteSeconds, s.EnergyMillijoules)
}

// Edge adds a row of edges.
func (d *Digest) Edge(e *usage.Edge) {
	d.texts(e.UUID, e.Pod, e.Container)
	d.numbers(e.Start)
	d.numbers(e.Total[:]...)
}

func (d *Digest) texts(texts ...string) {
	for _, text := range texts {
		d.buf = append(binary.AppendUvarint(d.buf, uint64(len(text))), text...)
	}
}

func (d *Digest) numbers(numbers ...int64) {
	for _, n := range numbers {
		d.buf = binary.BigEndian.AppendUint64(d.buf, uint64(n))
	}
	if len(d.buf) >= digestAtOnce {
		d.drain()
	}
}

func (d *Digest) drain() {
	d.hash.Write(d.buf)
	d.buf = d.buf[:0]
}

// Sum is the digest of the rows so far, hexadecimal.
func (d *Digest) Sum() string {
	d.drain()
	return checksum.Of(d.hash)
}
