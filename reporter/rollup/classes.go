package rollup

import "slices"

// classes sorts the rows of a batch: rows with the same codes in some columns are
// of one class. Classes are numbered from 0 in
// the order of their first rows.
type classes struct {
	of    []int32 // class of each row
	first []int32 // first row of each class

	heads, next []int32 // see chained
	small       []int32
}

// denseSlots is the most pairs of class and code for which each has a slot.
const denseSlots = 1 << 16

// start puts all rows into one class.
func (c *classes) start(rows int) {
	c.of = slices.Grow(c.of[:0], rows)[:rows]
	clear(c.of)
	c.first = append(c.first[:0], 0)[:min(rows, 1)]
}

// refine splits the classes by the codes of a column, which are less than n.
func (c *classes) refine(codes []int32, n int) {
	before := len(c.first)
	c.first = c.first[:0]
	switch {
	case n <= 1 && before > 0:
		c.first = c.first[:before]
	case before*n <= denseSlots:
		c.dense(codes, before, n)
	case before > n:
		c.chained(c.of, before, codes)
	default:
		c.chained(codes, n, c.of)
	}
}

// dense has a slot for each pair of class and code.
func (c *classes) dense(codes []int32, before, n int) {
	slots := c.zeroed(before * n)
	for i, code := range codes {
		slot := &slots[int(c.of[i])*n+int(code)]
		if *slot == 0 {
			c.first = append(c.first, int32(i))
			*slot = int32(len(c.first))
		}
		c.of[i] = *slot - 1
	}
}

// chained has a chain of classes for each value of the side of the pair that has
// many. Nearly always it has one link: a pod is in one namespace.
func (c *classes) chained(many []int32, n int, few []int32) {
	heads := c.zeroed(n)
	c.next, c.small = c.next[:0], c.small[:0]
	for i, value := range many {
		link := heads[value]
		for link != 0 && c.small[link-1] != few[i] {
			link = c.next[link-1]
		}
		if link == 0 {
			c.first = append(c.first, int32(i))
			c.next, c.small = append(c.next, heads[value]), append(c.small, few[i])
			link = int32(len(c.first))
			heads[value] = link
		}
		c.of[i] = link - 1
	}
}

func (c *classes) zeroed(n int) []int32 {
	c.heads = slices.Grow(c.heads[:0], n)[:n]
	clear(c.heads)
	return c.heads
}

// copy makes c the same as another.
func (c *classes) copy(o *classes) {
	c.of, c.first = append(c.of[:0], o.of...), append(c.first[:0], o.first...)
}
