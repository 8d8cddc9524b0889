package checksum

import (
	"crypto/sha256"
	"encoding/hex"
	"hash"
)

// SHA256 is the sum of some bytes.
func SHA256(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// Of is the sum of what was written to a hash.
func Of(h hash.Hash) string { return hex.EncodeToString(h.Sum(nil)) }

// Is says whether a text has the form of a SHA-256 sum.
func Is(text string) bool {
	if len(text) != hex.EncodedLen(sha256.Size) {
		return false
	}
	for _, c := range []byte(text) {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}
