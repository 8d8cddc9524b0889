package fold

import (
	"math"

	"github.com/gputally/gputally/reporter/usage"
)

// beginsLate says whether the scrapes of a device begin inside the window or after
// it, though the device was counted long before: the server is new, or scraped this
// job late. By state nothing is known of the time before the first scrape, unless an
// earlier hour has stored an edge.
func (f *gpuFold) beginsLate(t *track) bool {
	if !t.isDevice() || len(t.epochs) == 0 {
		return false
	}
	e := &t.epochs[0]
	return e.points[0].Time > f.span.from && (!e.known || e.start < f.span.from-f.span.back)
}

// beginLate corrects the totals of a device's epoch whose first scrape comes after the
// window's begin and tells nothing of that edge. The epoch counts from the first scrape
// on if no edge is known; else what it has grown by since that edge is split at the
// window's begin by what containers held. Totals at an edge must be those of one
// instant, or what is late would not be the sum of its states.
func (f *gpuFold) beginLate(t *track, i int, opened bool, b *edgeTotals) {
	e := &t.epochs[i]
	first := &e.points[0]
	late := i == 0 && f.beginsLate(t)
	switch {
	case !t.isDevice() || first.Time <= f.span.from:
	case late && !opened:
		b.unknown = true
		for q, v := range first.v.whole() {
			b.opening[q] = min(v, b.closing[q])
		}
		b.begin = b.opening
		f.seenFrom = min(first.Time, f.span.to)
	case opened && b.begin != b.opening || b.opening == (amounts{}) && len(f.around(e, f.span.from)) == 0:
		to := knot{t: first.Time, v: first.v}
		from := knot{v: b.opening.totals()}
		from.t = to.t - lasted(math.Max(0, to.v[Held]-from.v[Held])*1000)
		if b.begin = b.opening; from.t < f.span.from && from.t < to.t {
			b.begin = t.far(f.span.from, from, to).whole()
		}
	}
}

// totals are the amounts in the units of the metrics.
func (a amounts) totals() (v totals) {
	for q, unit := range units {
		v[q] = float64(a[q]) / unit
	}
	return v
}

// uncounted is what containers are charged for without the device having counted it:
// what is estimated, and what they held before the device's first scrape.
func (f *gpuFold) uncounted(held *heldTime) []interval {
	all := held.estimated
	for _, s := range held.early {
		if s.from >= f.seenFrom {
			continue
		}
		if s.to > f.seenFrom && !s.late {
			s.amount[Held] = int64(math.Round(float64(s.amount[Held]) * float64(f.seenFrom-s.from) / float64(s.to-s.from)))
			s.to = f.seenFrom
		}
		all = append(all[:len(all):len(all)], s)
	}
	return all
}

// sumHeld adds up what was held in intervals, GPU-milliseconds.
func sumHeld(all []interval) (sum int64) {
	for _, s := range all {
		sum += s.amount[Held]
	}
	return sum
}

// beforeFirst are a device's totals shortly before the first scrape in sight of a
// process that is much older: what it had counted by state in its whole life says
// nothing about these minutes. They are allocated as far as containers held the GPU,
// and else unallocated if that much was.
func (f *gpuFold) beforeFirst(t int64, first knot, held float64) totals {
	v := first.v
	rest := min(float64(first.t-t)/1000, v[Held])
	v[Held] -= rest
	for place, most := range [1 + States]float64{1: held, 2: rest, 3: rest, 4: rest} {
		if place == Held {
			continue
		}
		part := min(max(most, 0), v[place], rest)
		v[place] -= part
		rest -= part
	}
	return v
}

// unscraped is what a holder held in the window before its first scrape, as its start
// says, if that came later than scrapes can be late.
func (f *gpuFold) unscraped(t *track) (sum int64) {
	for i := range t.epochs {
		c, first := t.epochs[i].whole, t.epochs[i].points[0].Time
		if first > f.span.from && first-c[0].t > f.span.bridge {
			sum += c.at(min(first, f.span.to)).whole()[Held] - c.at(f.span.from).whole()[Held]
		}
	}
	return sum
}

// excess is by how much the parts of a device are more than the time for which it was
// there because of what holders held before their first scrape: no second counts
// twice, and what they held counts first.
func (d *deviceTime) excess(held *heldTime, uncovered int64) int64 {
	parts := held.total - held.late + d.sum[2] + d.sum[3] + d.orphaned + d.sum[4] - d.late + uncovered
	there := d.to - d.from
	if parts <= there || usage.Agree(parts, there) {
		return 0
	}
	return min(parts-there, held.unscraped)
}
