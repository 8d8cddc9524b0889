package quota

import (
	"cmp"
	"fmt"
	"math/bits"
	"slices"
)

// Shares are counted in billionths of a GPU; a quota is in thousandths.
const (
	nano  = 1_000_000_000
	milli = nano / 1000
)

// recentBits is the logarithm of how many events a scope remembers by their time.
const recentBits = 6

// event changes at an instant (Unix ms) what a scope holds and deserves, in
// billionths of a GPU.
type event struct {
	at             int64
	held, deserved int64
}

// spread spreads GPU-milliseconds evenly over [from, to): at one rate for all of
// it, and at a billionth of a GPU more until the remainder is used up.
func (u *use) spread(from, to, millis int64) error {
	hi, lo := bits.Mul64(uint64(millis), nano)
	length := uint64(to - from)
	if hi != 0 || lo/length > 1<<40 {
		return fmt.Errorf("%d GPU-ms in %d ms is more than one GPU can give: the ledger is damaged, close the hour again", millis, length)
	}
	rate, rest := int64(lo/length), int64(lo%length)
	u.millis += millis
	u.change(from, rate)
	if rest > 0 {
		u.change(from, 1)
		u.change(from+rest, -1)
	}
	u.change(to, -rate)
	return nil
}

// change adds an event: what is held changes at an instant. Most segments begin
// and end with their hour, so most changes are at the instant of an earlier
// event; recent finds that.
func (u *use) change(at, held int64) {
	slot := &u.recent[uint64(at)*0x9e3779b97f4a7c15>>(64-recentBits)]
	if i := int(*slot); i < len(u.events) && u.events[i].at == at {
		u.events[i].held += held
		return
	}
	*slot = int32(len(u.events))
	u.events = append(u.events, event{at: at, held: held})
}

// sweep walks over the events in order of time, adds up what is held beyond
// the deserved between one and the next, and forgets them.
func (u *use) sweep() {
	if len(u.events) == 0 {
		return
	}
	for _, t := range u.terms {
		u.events = append(u.events,
			event{at: t.from, deserved: t.DeservedMilli * milli},
			event{at: t.to, deserved: -t.DeservedMilli * milli})
	}
	slices.SortFunc(u.events, func(a, b event) int { return cmp.Compare(a.at, b.at) })
	var held, deserved, last int64
	for _, e := range u.events {
		// Where nothing is held nothing is over, so an open beginning adds nothing.
		if over := held - deserved; over > 0 {
			u.over.add(over, e.at-last)
		}
		held += e.held
		deserved += e.deserved
		last = e.at
	}
	u.events = u.events[:0]
}

// deserved is the integral of what the scope deserves in [from, to), Unix ms.
func (u *use) deserved(from, to int64) int64 {
	var sum gpuTime
	for _, t := range u.terms {
		if a, b := max(t.from, from), min(t.to, to); a < b {
			sum.add(t.DeservedMilli*milli, b-a)
		}
	}
	return sum.round()
}

// gpuTime is an exact sum of billionths of a GPU × milliseconds.
type gpuTime struct {
	millis int64 // GPU-milliseconds
	rest   int64 // billionths of one, less than 10⁹
}

// add adds rate billionths of a GPU for some milliseconds; neither is negative.
func (g *gpuTime) add(rate, millis int64) {
	hi, lo := bits.Mul64(uint64(rate), uint64(millis))
	lo, carry := bits.Add64(lo, uint64(g.rest), 0)
	whole, rest := bits.Div64(hi+carry, lo, nano)
	g.millis += int64(whole)
	g.rest = int64(rest)
}

// round returns GPU-milliseconds, half to even.
func (g gpuTime) round() int64 {
	if g.rest > nano/2 || (g.rest == nano/2 && g.millis%2 == 1) {
		return g.millis + 1
	}
	return g.millis
}
