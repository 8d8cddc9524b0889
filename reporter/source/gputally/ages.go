package gputally

import (
	"cmp"
	"encoding/binary"
	"slices"

	"github.com/gputally/gputally/reporter/series"
)

// ages are the times between polls and scrapes of one target. All targets have
// them at once, one for each scrape, so they are packed as variable-length integers
// of milliseconds. Each scrape has two: by how much the time since the previous
// scrape changed, which is 0 as a rule, and the age. That makes three bytes a scrape,
// as a rule.
type ages struct {
	base   int64 // Unix ms
	packed []byte
}

// age is one of them; times are ms, the scrape's after the base.
type age struct{ scrape, age int64 }

// cursor is where in ages a search is. Searches go forwards as a rule.
type cursor struct {
	place int   // of the next one
	last  age   // read last
	step  int64 // from the scrape before the last one, ms
}

// mostAge is the largest age that can be, in ms.
const mostAge = 1 << 32

func (a *ages) add(base int64, samples []series.Sample) {
	a.base = base
	var all []age
	for c := (cursor{}); a.next(&c); {
		all = append(all, c.last)
	}
	all = slices.Grow(all, len(samples))
	for _, p := range samples {
		all = append(all, age{p.T - base, millis(p.V)})
	}
	byScrape := func(x, y age) int { return cmp.Compare(x.scrape, y.scrape) }
	if !slices.IsSortedFunc(all, byScrape) {
		slices.SortStableFunc(all, byScrape)
	}
	a.pack(all)
}

func (a *ages) pack(all []age) {
	packed := make([]byte, 0, 4*len(all))
	var last, step int64
	for _, x := range all {
		packed = binary.AppendVarint(packed, x.scrape-last-step)
		packed = binary.AppendUvarint(packed, uint64(x.age))
		last, step = x.scrape, x.scrape-last
	}
	a.packed = slices.Clone(packed) // no larger than it must be
}

// next reads on, and says whether there was one more.
func (a *ages) next(c *cursor) bool {
	if c.place == len(a.packed) {
		return false
	}
	more, n := binary.Varint(a.packed[c.place:])
	c.place += n
	ms, n := binary.Uvarint(a.packed[c.place:])
	c.place += n
	c.step += more
	c.last = age{c.last.scrape + c.step, int64(ms)}
	return true
}

// poll returns the time of the poll that the scrape at a time shows: the scrape's
// own where its age is not known. The cursor is moved there.
func (a *ages) poll(at int64, c *cursor) int64 {
	scrape := at - a.base
	if c.place == 0 || scrape < c.last.scrape {
		*c = cursor{}
		if !a.next(c) {
			return at
		}
	}
	for c.last.scrape < scrape {
		if !a.next(c) {
			return at
		}
	}
	if c.last.scrape != scrape {
		return at
	}
	return at - c.last.age
}
