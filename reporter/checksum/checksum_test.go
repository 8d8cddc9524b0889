package checksum_test

import (
	"crypto/sha256"
	"strings"
	"testing"

	"github.com/gputally/gputally/reporter/checksum"
)

// empty is the SHA-256 of nothing, as everybody knows it.
const empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

func TestSums(t *testing.T) {
	t.Parallel()
	if got := checksum.SHA256(nil); got != empty {
		t.Errorf("the sum of nothing is %s", got)
	}
	h := sha256.New()
	h.Write([]byte("abc"))
	if got, want := checksum.Of(h), checksum.SHA256([]byte("abc")); got != want {
		t.Errorf("of a hash %s, of bytes %s", got, want)
	}
	for text, want := range map[string]bool{
		empty: true, "": false, empty[1:]: false, empty + "0": false,
		strings.ToUpper(empty): false, "g" + empty[1:]: false, " " + empty[1:]: false,
	} {
		if checksum.Is(text) != want {
			t.Errorf("%q: is a sum is %t", text, !want)
		}
	}
}
