package bounds

import (
	"cmp"
	"log/slog"
	"slices"
	"time"

	"github.com/gputally/gputally/collector/device"
)

// Checker checks one inventory after the other. It is not safe for concurrent use.
type Checker struct {
	log    *slog.Logger
	cards  map[string]*card // by UUID
	counts map[string]int64 // by kind
	clock  time.Duration    // goes with time, never back
	last   time.Time
}

// card is what is remembered of a GPU.
type card struct {
	memory steady
	energy counter
	named  map[string]bool // kinds that were logged
}

// New returns a checker that has seen no GPU.
func New(log *slog.Logger) *Checker {
	return &Checker{log: log, cards: map[string]*card{}, counts: map[string]int64{}}
}

// Count is how many readings of a kind were left out so far.
type Count struct {
	Kind  string
	Count int64
}

// Counts lists the kinds with readings that were left out, sorted.
func (c *Checker) Counts() []Count {
	if len(c.counts) == 0 {
		return nil
	}
	all := make([]Count, 0, len(c.counts))
	for kind, n := range c.counts {
		all = append(all, Count{kind, n})
	}
	slices.SortFunc(all, func(a, b Count) int { return cmp.Compare(a.Kind, b.Kind) })
	return all
}

// Check leaves out of the inventory what can't be and makes Reading.Energy a
// counter that never falls. The driver was asked from asked to done.
func (c *Checker) Check(inv *device.Inventory, asked, done time.Time) {
	if !c.last.IsZero() {
		c.clock += max(0, done.Sub(c.last))
	}
	c.last = done
	now := moment{asked: c.clock - max(0, done.Sub(asked)), done: c.clock, session: inv.Session}
	for i := range inv.GPUs {
		g := &inv.GPUs[i]
		known := c.cards[g.UUID]
		if known == nil {
			known = &card{named: map[string]bool{}}
			c.cards[g.UUID] = known
		}
		known.check(g, now)
		for _, r := range g.Reading.Impossible {
			c.counts[r.Kind]++
			if !known.named[r.Kind] {
				known.named[r.Kind] = true
				c.log.Warn("The driver gave a reading that cannot be; such readings count as unknown",
					"uuid", g.UUID, "model", g.Model, "reading", r.Kind, "value", r.Value)
			}
		}
	}
}
