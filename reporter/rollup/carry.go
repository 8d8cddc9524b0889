package rollup

import "slices"

// carry keeps the sums of the pods that ran in the last hour of a cluster, in
// the order of that hour, and hands them on to the next hour as long as a pod
// runs. So what a pod used over days goes to its row once, when it has ended:
// to find one row among a million takes longer than to add up its hour.
type carry struct {
	groups    *groups
	last, now running
}

// running are the pods of an hour, in the order of its dictionaries.
type running struct {
	keys []uint32 // of their rows, one after the other
	sums []sums
}

// nobody begins the key of a pod that has nothing to be carried. Other keys
// begin with the rank of a state.
const nobody = 1<<32 - 1

// hour begins a new hour. What did not go on in the last one has ended.
func (c *carry) hour() error {
	err := c.last.settle(c.groups)
	c.last, c.now = c.now, c.last
	c.now.keys, c.now.sums = c.now.keys[:0], c.now.sums[:0]
	return err
}

// add adds to the row with the key, for a pod which is at one place in this
// hour and was at another one in the hour before, or noPlace.
func (c *carry) add(at int, before int32, key []uint32, s *sums) error {
	width := len(key)
	for len(c.now.sums) <= at {
		c.now.sums = append(c.now.sums, sums{})
		c.now.keys = append(slices.Grow(c.now.keys, width), nobody)[:len(c.now.keys)+width]
	}
	mine := c.now.keys[at*width:][:width]
	if mine[0] != nobody { // a pod in two namespaces
		return c.groups.at(c.groups.find(key)).merge(s)
	}
	copy(mine, key)
	c.now.sums[at] = *s
	if int(before) >= len(c.last.sums) || before == noPlace {
		return nil
	}
	old := c.last.keys[int(before)*width:][:width]
	if !slices.Equal(old, key) {
		return nil
	}
	old[0] = nobody
	return c.now.sums[at].merge(&c.last.sums[before])
}

// settle adds what is carried to its rows.
func (c *carry) settle() error {
	if err := c.last.settle(c.groups); err != nil {
		return err
	}
	return c.now.settle(c.groups)
}

func (p *running) settle(groups *groups) error {
	for i := range p.sums {
		key := p.keys[i*groups.width:][:groups.width]
		if key[0] == nobody {
			continue
		}
		if err := groups.at(groups.find(key)).merge(&p.sums[i]); err != nil {
			return err
		}
		key[0] = nobody
	}
	return nil
}
