package fold

import (
	"fmt"
	"slices"
	"time"

	"github.com/gputally/gputally/reporter/usage"
)

const (
	// retained is for how long the series of a holding is still there after its
	// end, ms. Scrapes that are no further apart show every holding.
	retained = int64(10 * time.Minute / time.Millisecond)
	// unproven is how much of its time a device may have been allocated to nobody
	// while scrapes succeeded, ms: starts may be unknown, and scrapes a minute apart.
	unproven = int64(time.Minute / time.Millisecond)
)

// Missing is of GPUs that were allocated, by their own account and while they were
// scraped, for longer than any containers show. So the containers' series were not all
// read, and what they held is not known.
type Missing struct {
	Named []string // the first usage.MostNamed GPUs, each with how much is missing
	Count int
}

func (m *Missing) add(uuid string, ms int64) {
	if m.Count++; len(m.Named) < usage.MostNamed {
		m.Named = append(m.Named, fmt.Sprintf("%s has no container for %.3f s for which it was allocated", uuid, seconds(ms)))
	}
}

// missing is for how much of the orphaned time there must be series of containers,
// 0 within what may be. A container leaves none if it came and went between scrapes
// that are far apart, or if its samples could not be and were left out. Where it has
// a share, its series are there, whatever they count.
func (f *gpuFold) missing(t *track, d *deviceTime, held *heldTime) int64 {
	if f.gpu.Spoilt || held.isOdd() {
		return 0
	}
	left, shown := d.orphaned, -held.shown(max(f.span.from, f.seenFrom), f.span.to)
	for i := range d.intervals {
		if s := &d.intervals[i]; s.late || t.isFar(s.from, s.to) {
			left -= s.amount[1]
		} else {
			shown += s.amount[1]
		}
	}
	if left = min(left, shown); left <= unproven {
		return 0
	}
	return left
}

// shown is for how long containers had shares from one time to another.
func (h *heldTime) shown(from, to int64) int64 {
	var sum float64
	for i := range h.tracks {
		for j := range h.tracks[i].epochs {
			c := h.tracks[i].epochs[j].whole
			for k := range c[:len(c)-1] {
				sum += c[k].share * float64(max(0, min(c[k+1].t, to)-max(c[k].t, from)))
			}
		}
	}
	return int64(sum)
}

// isOdd tells whether impossible scrapes were left out.
func (h *heldTime) isOdd() bool {
	for i := range h.tracks {
		if slices.ContainsFunc(h.tracks[i].epochs, func(e trackEpoch) bool { return e.odd }) {
			return true
		}
	}
	return false
}

// isFar tells whether some of the time from from to to lies between two scrapes, or
// between a start and a scrape, that are so far apart that a holding in between may
// leave no series.
func (t *track) isFar(from, to int64) bool {
	for i := range t.epochs {
		e := &t.epochs[i]
		last := e.points[0].Time
		if e.known {
			last = e.start
		}
		for j := range e.points {
			p := &e.points[j]
			if p.Time-last > retained-slack && !p.smooth && p.Time > from && last < to {
				return true
			}
			last = p.Time
		}
	}
	return false
}
