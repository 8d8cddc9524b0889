package usage

import (
	"math"
	"slices"

	"github.com/gputally/gputally/collector/metric"
)

// The quantities of a container, places in a totals.
const (
	held     = iota // GPU-seconds
	active          // GPU-seconds
	idle            // GPU-seconds
	observed        // GPU-seconds
	memory          // byte-seconds
	energy          // joules
)

// The states of a device, places in a totals after its sum of all.
var states = [...]State{metric.StateAllocated, metric.StateUnallocated, metric.StateUnattributed, metric.StateUnavailable}

// mark is the little that one scrape says of the seconds held: enough to tell
// what is odd, and which scrapes matter.
type mark struct {
	at     int64   // time of the scrape, Unix ms
	t      int64   // time that it shows, Unix ms: that of the poll less its lag, as are start and end
	start  int64   // since when is counted, Unix ms; 0 if unknown
	end    int64   // when the holding ended, Unix ms; 0 if it had not
	value  float64 // GPU-seconds held; of a device the sum of its states
	share  float64 // held from then on; NaN if unknown
	source int32   // place of its strand
	index  int32   // place of its sample in the strand's column
	grew   uint8   // states of a device that grew since the scrape before, a bit for each
	smooth bool    // scrapes between the mark before and this one were left out, none of them odd
}

// unsteady in mark.grew stands for what must not be left out.
const unsteady uint8 = 1 << 7

// marks lists what the strand's scrapes say of a holding, in their order.
func (s *strand) marks(room []mark, source int, note func(code Code)) []mark {
	var polls cursor
	var lags, starts, ends, shares int // hints
	var tooLarge, backwards bool
	room = slices.Grow(room, len(s.total[held]))
	for i, sample := range s.total[held] {
		lag := s.target.lag(sample.T, &lags)
		m := mark{at: sample.T, t: s.target.age.poll(sample.T, &polls) - lag, value: sample.V, share: math.NaN(), source: int32(source), index: int32(i)}
		if start, ok := s.start.at(m.at, &starts); ok {
			m.start = millis(start) - lag
		}
		if share, ok := s.share.at(m.at, &shares); ok {
			m.share = min(share, 1)
			tooLarge = tooLarge || share > 1
		}
		if len(s.end) > 0 {
			if end, ok := s.end.at(m.at, &ends); ok {
				m.end = millis(end) - lag
				backwards = backwards || m.start != 0 && m.end < m.start
			}
		}
		room = append(room, m)
	}
	if tooLarge {
		note(ShareAboveOne)
	}
	if backwards {
		note(EndBeforeStart)
	}
	return room
}

// deviceMarks lists what the strand's scrapes say of a device: it is held by its
// collector with share 1, its total the sum of its states, since the collector
// started.
func (s *strand) deviceMarks(room []mark, source int) []mark {
	var polls cursor
	var lags, starts int // hints
	var at [len(states)]int
	var last [len(states)]float64
	var start int64
	for {
		scrape, more := next(&s.total, &at)
		if !more {
			return room
		}
		lag := s.target.lag(scrape, &lags)
		m := mark{at: scrape, t: s.target.age.poll(scrape, &polls) - lag, share: 1, source: int32(source), index: int32(at[0])}
		if v, ok := s.target.start.at(scrape, &starts); ok {
			m.start = millis(v) - lag
		}
		if m.start != 0 && m.start != start {
			last, start = [len(states)]float64{}, m.start
			m.grew = unsteady
		}
		for i := range states {
			if c := s.total[1+i]; at[i] < len(c) && c[at[i]].T == scrape {
				v := c[at[i]].V
				switch grown := v - last[i]; {
				case grown >= 0.001: // a millisecond, so that it shows in whole ones
					m.grew |= 1 << i
				case grown != 0:
					m.grew |= unsteady
				}
				last[i] = v
				at[i]++
			}
			m.value += last[i]
		}
		room = append(room, m)
	}
}

// next returns the time of the next scrape that any state has.
func next(total *[6]column, at *[len(states)]int) (t int64, more bool) {
	for i := range states {
		if c := total[1+i]; at[i] < len(c) && (!more || c[at[i]].T < t) {
			t, more = c[at[i]].T, true
		}
	}
	return t, more
}

// fillStarts gives marks of one strand without a start that of their neighbour's
// process, while the value does not fall between them.
func fillStarts(marks []mark) {
	all := true
	for i := range marks {
		all = all && marks[i].start != 0
	}
	if all {
		return
	}
	for i := 1; i < len(marks); i++ {
		if marks[i].start == 0 && marks[i].value >= marks[i-1].value {
			marks[i].start = marks[i-1].start
		}
	}
	for i := len(marks) - 2; i >= 0; i-- {
		if next := &marks[i+1]; marks[i].start == 0 && marks[i].value <= next.value && next.start <= marks[i].at {
			marks[i].start = next.start
		}
	}
}
