package ledger

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
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

// digest is the hexadecimal SHA-256 of the file without its seal.
func digest(data []byte, at int) string {
	h := sha256.New()
	h.Write(data[:at])
	h.Write([]byte(unsealed))
	h.Write(data[at+len(unsealed):])
	return hex.EncodeToString(h.Sum(nil))
}

// seal writes the digest into a new file.
func seal(data []byte) error {
	at, err := sealAt(data)
	if err != nil {
		return err
	}
	copy(data[at:], digest(data, at))
	return nil
}

// checkSeal tells whether the file is as it was sealed.
func checkSeal(data []byte) error {
	at, err := sealAt(data)
	if err != nil {
		return err
	}
	if string(data[at:at+len(unsealed)]) != digest(data, at) {
		return errors.New("its content has changed since it was written")
	}
	return nil
}
