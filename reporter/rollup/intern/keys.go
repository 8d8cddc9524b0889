package intern

import (
	"encoding/binary"
	"hash/maphash"
	"slices"
)

// Keys numbers keys, which are rows of numbers of one width, and keeps each
// once. Not for several goroutines at once.
type Keys struct {
	width  int
	seed   maphash.Seed
	table  table
	pieces [][]uint32
	buf    []byte
}

// NewKeys returns an empty Keys for keys of a width, which is not 0.
func NewKeys(width int) *Keys { return &Keys{width: width, seed: maphash.MakeSeed()} }

// Find is the number of a key, which gets the next one if it has none.
func (k *Keys) Find(key []uint32) (number uint32, found bool) {
	number, found = k.table.find(k.hash(key),
		func(i uint32) bool { return slices.Equal(k.At(i), key) },
		func(i uint32) uint64 { return k.hash(k.At(i)) })
	if !found {
		if number%pieceLen == 0 {
			k.pieces = append(k.pieces, make([]uint32, pieceLen*k.width))
		}
		copy(k.At(number), key)
	}
	return number, found
}

// At is the key with a number. It must not be changed.
func (k *Keys) At(number uint32) []uint32 {
	return k.pieces[number/pieceLen][int(number%pieceLen)*k.width:][:k.width]
}

// Len is how many keys there are.
func (k *Keys) Len() int { return int(k.table.used) }

// Width is how many numbers a key has.
func (k *Keys) Width() int { return k.width }

func (k *Keys) hash(key []uint32) uint64 {
	k.buf = k.buf[:0]
	for _, n := range key {
		k.buf = binary.LittleEndian.AppendUint32(k.buf, n)
	}
	return maphash.Bytes(k.seed, k.buf)
}
