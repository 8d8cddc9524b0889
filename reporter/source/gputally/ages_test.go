package gputally

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/gputally/gputally/reporter/series"
)

// Packed ages are what they were, in whatever parts and order they came and are
// asked for.
func TestAgesAreWhatTheyWere(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		const base = int64(1_795_168_800_000)
		want := map[int64]int64{}
		var a ages
		for range rapid.IntRange(1, 3).Draw(t, "parts") {
			at := base + rapid.Int64Range(0, 5000).Draw(t, "first")
			var samples []series.Sample
			for range rapid.IntRange(0, 20).Draw(t, "scrapes") {
				at += rapid.SampledFrom([]int64{1, 15_000, 30_000, 30_001, 3_600_000}).Draw(t, "interval")
				ms := rapid.SampledFrom([]int64{0, 7, 999, 70_000, 4_000_000}).Draw(t, "age")
				if _, twice := want[at]; twice {
					continue
				}
				want[at] = at - ms
				samples = append(samples, series.Sample{T: at, V: float64(ms) / 1000})
			}
			a.add(base, samples)
		}
		scrapes := sortedScrapes(want)
		for range 2 { // forwards, then in any order
			var c cursor
			for _, at := range scrapes {
				if got := a.poll(at, &c); got != want[at] {
					t.Fatalf("scrape at %d ms shows a poll at %d ms, want %d", at-base, got-base, want[at]-base)
				}
				if _, there := want[at+2]; !there && a.poll(at+2, &c) != at+2 {
					t.Fatalf("a scrape that was not has an age")
				}
			}
			scrapes = rapid.Permutation(scrapes).Draw(t, "order")
		}
		if got := a.poll(base-1, &cursor{}); got != base-1 {
			t.Fatalf("before all scrapes: %d", got-base)
		}
	})
}

func sortedScrapes(of map[int64]int64) []int64 {
	var all []int64
	for at := range of {
		all = append(all, at)
	}
	slices.Sort(all)
	return all
}
