package fold

import (
	"slices"
	"sort"

	"github.com/gputally/gputally/reporter/series"
	"github.com/gputally/gputally/reporter/usage"
)

// The quantities of a holding: places in what it counted in all. Of a device,
// place 0 is the seconds of all its states, and the states follow as StatePlace
// says.
const (
	Held     = iota // GPU-seconds
	Active          // GPU-seconds
	Idle            // GPU-seconds
	Observed        // GPU-seconds
	Memory          // byte-seconds
	Energy          // joules
	// Quantities is how many there are.
	Quantities
)

// states are those that a device counts, in the order of their places.
var states = [...]usage.State{usage.Allocated, usage.Unallocated, usage.Unattributed, usage.Unavailable}

// States is how many states a device counts.
const States = len(states)

// CountedStates are the states that a device counts.
func CountedStates() []usage.State { return slices.Clone(states[:]) }

// StatePlace is the place of a state's seconds in what a device counted in all,
// and whether a device counts that state.
func StatePlace(state usage.State) (place int, ok bool) {
	for i := range states {
		if states[i] == state {
			return 1 + i, true
		}
	}
	return 0, false
}

// Scrape is the little that one scrape says of the seconds held: enough to see
// what is odd, and which scrapes matter.
type Scrape struct {
	At    int64   // time of the scrape, Unix ms
	Time  int64   // time that it shows, Unix ms: that of the poll less its lag, as are Start and End
	Start int64   // when counting began, Unix ms; 0 if unknown
	End   int64   // when the holding ended, Unix ms; 0 if it had not
	Value float64 // GPU-seconds held; of a device the sum of its states
	Share float64 // held from then on; NaN if unknown
	Index int32   // where its sample is in the columns; a hint
	Grew  uint8   // states of a device that grew since the scrape before, a bit for each; Unsteady

	source int32 // place of its TargetSeries
	smooth bool  // scrapes between the previous one and this were left out, none of them odd
}

// Unsteady in Scrape.Grew marks a scrape that must not be left out.
const Unsteady uint8 = 1 << 7

// Column holds the samples of one counter, in the order of time.
type Column []series.Sample

// latest returns the latest value at a time or before, if it is not from before
// since. hint is where it may be.
func (c Column) latest(at, since int64, hint int) (float64, bool) {
	if hint >= len(c) || c[hint].T != at {
		hint = sort.Search(len(c), func(i int) bool { return c[i].T > at }) - 1
	}
	if hint < 0 || c[hint].T < since {
		return 0, false
	}
	return c[hint].V, true
}

// fillStarts gives scrapes of one target without a start that of the process of
// their neighbour, while the value does not fall between them.
func fillStarts(scrapes []Scrape) {
	all := true
	for i := range scrapes {
		all = all && scrapes[i].Start != 0
	}
	if all {
		return
	}
	for i := 1; i < len(scrapes); i++ {
		if scrapes[i].Start == 0 && scrapes[i].Value >= scrapes[i-1].Value {
			scrapes[i].Start = scrapes[i-1].Start
		}
	}
	for i := len(scrapes) - 2; i >= 0; i-- {
		if next := &scrapes[i+1]; scrapes[i].Start == 0 && scrapes[i].Value <= next.Value && next.Start <= scrapes[i].At {
			scrapes[i].Start = next.Start
		}
	}
}
