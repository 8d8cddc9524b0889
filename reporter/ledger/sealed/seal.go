package sealed

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"hash"

	"github.com/gputally/gputally/reporter/checksum"
)

const sealKey = "gputally.sha256"

// unsealed stands in the footer until the digest is known, and in its place
// while the digest is computed.
const unsealed = "0000000000000000000000000000000000000000000000000000000000000000"

// sealAt finds the digest in a file: behind its key, which Parquet's footer
// follows with the type of the next field (a string, 0x18) and its length.
func sealAt(data []byte) (int, error) {
	mark := append([]byte(sealKey), 0x18, byte(len(unsealed)))
	i := bytes.LastIndex(data, mark)
	if i < 0 || i+len(mark)+len(unsealed) > len(data) {
		return 0, errors.New("it has no seal")
	}
	return i + len(mark), nil
}

// hashes are the SHA-256 of a file without its seal, which is the seal, and of
// the file as it is. Both read what comes before the seal only once.
func hashes(data []byte, at int) (sealed, whole string, err error) {
	h := sha256.New()
	h.Write(data[:at])
	w, err := cloned(h)
	if err != nil {
		return "", "", err
	}
	w.Write(data[at:])
	h.Write([]byte(unsealed))
	h.Write(data[at+len(unsealed):])
	return checksum.Of(h), checksum.Of(w), nil
}

// cloned is the hash of what was written so far, to go on with by itself.
func cloned(h hash.Hash) (hash.Hash, error) {
	c, ok := h.(hash.Cloner)
	if !ok {
		return nil, errors.New("SHA-256 of this build can't be cloned")
	}
	return c.Clone()
}

// checkSeal makes sure that the file is as it was sealed, and gives the SHA-256
// of all of it.
func checkSeal(data []byte) (sha256 string, err error) {
	at, err := sealAt(data)
	if err != nil {
		return "", err
	}
	sealed, whole, err := hashes(data, at)
	if err != nil {
		return "", err
	}
	if string(data[at:at+len(unsealed)]) != sealed {
		return "", errors.New("its content has changed since it was written")
	}
	return whole, nil
}
