package gputally_test

import (
	"context"
	"testing"

	"github.com/gputally/gputally/reporter/source/gputally"
	"github.com/gputally/gputally/reporter/usage"
)

// A poll finds late what changed since the one before, so an hour at whose edge
// a container is held would get the whole delay of the other end. Half of the
// interval is taken off where the collector tells it.
func TestChangesAreSeenHalfAPollLate(t *testing.T) {
	t.Parallel()
	const poll = 10 * second
	for name, test := range map[string]struct {
		told bool
		most int64 // error of an hour, ms
	}{
		"a collector that tells its interval is off by half a poll at most": {true, poll / 2},
		"one that does not is off by a whole":                               {false, poll},
	} {
		var sum int64
		for phase := second / 2; phase < poll; phase += second {
			m := newMemory()
			scene{
				uuids:     []string{"GPU-a"},
				holds:     []hold{{uuid: "GPU-a", pod: "p", share: 1, from: -20*minute - phase, to: 10*minute + phase}},
				processes: []process{{"a", -5 * hour, 5 * hour}},
				scrapers:  []scraper{{phase: -2 * hour, interval: 30 * second}},
				poll:      poll,
				told:      test.told,
			}.render(m)
			c := newCloser(t, gputally.Config{Cluster: "c1", Reader: m})
			for at, want := range map[int64]int64{-hour: 20*minute + phase, 0: 10*minute + phase} {
				h, err := c.Hour(context.Background(), span(at, at+hour))
				if err != nil {
					t.Fatal(err)
				}
				got := int64(0)
				for _, s := range h.Segments {
					if s.State == usage.Allocated {
						got += s.GPUMillis
					}
				}
				off := max(got-want, want-got)
				if off > test.most {
					t.Errorf("%s: hour at %d, phase %d: %d ms held, want %d", name, at, phase, got, want)
				}
				sum += off
				checkCoverage(t, h)
			}
		}
		if mean := sum / 20; mean > test.most/2 {
			t.Errorf("%s: %d ms off on average", name, mean)
		}
	}
}
