package archive_test

import (
	"testing"

	"github.com/gputally/gputally/reporter/archive"
)

func TestACacheForgetsWhatWasUsedLongestAgo(t *testing.T) {
	t.Parallel()
	c := archive.NewCache(2)
	c.Put("a", 1)
	c.Put("b", 2)
	c.Get("a")
	c.Put("c", 3)
	c.Put("a", 4)
	for key, want := range map[string]int{"a": 4, "b": 0, "c": 3} {
		if got, known := c.Get(key); got != want || known != (want > 0) {
			t.Errorf("%s: got %d, %v; want %d", key, got, known, want)
		}
	}
}
