package rollup

import (
	"slices"

	"github.com/gputally/gputally/reporter/rollup/intern"
)

// carry keeps the cells of the pods that ran in the previous hour of a cluster, in
// the order of that hour, and carries them to this hour while a pod runs. When the
// pod has ended, they go to its row, once: to find one row among a million takes
// longer than to add up an hour of the pod.
type carry struct {
	groups    *groups
	last, now running
}

// running are the pods of an hour, in the order of its dictionaries.
type running struct {
	keys  []uint32 // of their rows, one after the other
	cells []int64  // likewise
}

// nobody begins the key of a pod that has nothing to be carried. Other keys
// begin with the rank of a state.
const nobody = 1<<32 - 1

// hour begins a new hour. A pod that was not carried to the last one has ended.
func (c *carry) hour() error {
	err := c.last.flush(c.groups)
	c.last, c.now = c.now, c.last
	c.now.keys, c.now.cells = c.now.keys[:0], c.now.cells[:0]
	return err
}

// add adds cells to the row with a key. The pod is at one position in this hour,
// and was at another in the previous hour (intern.NoPosition if it was not there).
func (c *carry) add(at int, before int32, key []uint32, cells []int64) error {
	for c.now.len(c.groups) <= at {
		c.now.cells = append(c.now.cells, cells...)
		c.now.keys = append(c.now.keys, key...)
		c.now.keys[len(c.now.keys)-len(key)] = nobody
	}
	mine, sum := c.now.at(c.groups, at)
	if mine[0] != nobody { // a pod in two namespaces
		return c.groups.add(key, cells)
	}
	copy(mine, key)
	copy(sum, cells)
	if before == intern.NoPosition || int(before) >= c.last.len(c.groups) {
		return nil
	}
	old, carried := c.last.at(c.groups, int(before))
	if !slices.Equal(old, key) {
		return nil
	}
	old[0] = nobody
	return addCells(sum, carried)
}

// flush adds what is carried to its rows.
func (c *carry) flush() error {
	if err := c.last.flush(c.groups); err != nil {
		return err
	}
	return c.now.flush(c.groups)
}

func (p *running) len(g *groups) int { return len(p.keys) / g.keys.Width() }

// at are the key and the cells of the i-th pod.
func (p *running) at(g *groups, i int) (key []uint32, cells []int64) {
	return p.keys[i*g.keys.Width():][:g.keys.Width()], p.cells[i*g.cells:][:g.cells]
}

func (p *running) flush(g *groups) error {
	for i := range p.len(g) {
		key, cells := p.at(g, i)
		if key[0] == nobody {
			continue
		}
		if err := g.add(key, cells); err != nil {
			return err
		}
		key[0] = nobody
	}
	return nil
}
