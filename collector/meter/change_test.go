package meter_test

import (
	"fmt"
	"slices"

	"github.com/gputally/gputally/collector/device"
)

// change lets something happen to a card or a container.
func (f *fleet) change() {
	c := f.cards[f.IntN(len(f.cards))]
	switch f.IntN(20) {
	case 19:
		c.unseen = f.one(2)
	case 0, 1, 2, 3, 4:
		f.allocate(c)
	case 5, 6, 7:
		if n := len(f.tenancies); n > 0 {
			gone := f.tenancies[f.IntN(n)]
			f.end(func(t *tenancy) bool { return t == gone })
		}
	case 8:
		c.lost = !c.lost
	case 9:
		c.absent = f.one(2)
	case 16:
		c.slots = 1 + f.IntN(8)
	case 17:
		c.refused = f.one(2)
	case 18:
		f.watched = f.one(2)
	case 10:
		c.foreign, c.server, c.hidden = f.one(2), f.one(2), f.one(4)
	case 11: // the driver is loaded again, which shows unless its counters were at 0 before
		if c.shown > 0 || !c.samples {
			c.joules, c.active = 0, 0
			f.session++
			f.begin()
		}
	case 12: // a layout goes when nobody holds any of it, MIG's sometimes earlier
		if len(f.of(c)) == 0 || c.mode >= mig7 && f.one(2) {
			f.end(func(t *tenancy) bool { return t.card == c && f.one(2) })
			if f.liar != nil {
				f.liar.forget(c)
			}
			if rest := f.of(c); len(rest) == 0 {
				c.mode = mode(f.IntN(4))
			} else {
				c.mode = mig7 + mode(f.IntN(2))
			}
			c.layout++
		}
	default:
		if n := len(f.tenancies); n > 0 {
			t := f.tenancies[f.IntN(n)]
			t.work = float64(f.IntN(3)) / 8
			t.unclear = f.liar == nil && f.one(8)
		}
	}
}

// end ends some tenancies.
func (f *fleet) end(some func(*tenancy) bool) {
	f.tenancies = slices.DeleteFunc(f.tenancies, func(t *tenancy) bool {
		ends := some(t)
		if ends && f.liar != nil {
			f.liar.ended(t)
		}
		return ends
	})
}

// holding are those who hold something of a card, or seem to.
func (f *fleet) holding(c *card) []*tenancy {
	all := f.of(c)
	if f.liar != nil {
		for _, t := range f.liar.completed {
			if t.card == c && !t.over && !f.liar.cgroups {
				all = append(all, t)
			}
		}
	}
	return all
}

// allocate gives a free device to a new container, or to one that had it before.
func (f *fleet) allocate(c *card) {
	free := slices.DeleteFunc(c.cells(), func(x cell) bool {
		return slices.ContainsFunc(f.tenancies, func(t *tenancy) bool { return t.cell.id == x.id })
	})
	if len(free) == 0 || c.refused || len(f.holding(c)) == 8 || f.liar != nil && len(f.liar.missing) > 0 {
		return
	}
	n := f.pods
	if n == 0 || f.liar != nil || !f.one(5) {
		f.pods++
	} else {
		n = f.IntN(n)
	}
	name := fmt.Sprintf("pod-%d", n)
	if slices.ContainsFunc(f.tenancies, func(t *tenancy) bool { return t.holder.Pod == name }) {
		return
	}
	t := tenancy{holder: podOf(name), cell: free[f.IntN(len(free))], card: c, work: float64(f.IntN(3)) / 8, pid: 100 + n}
	if f.liar == nil && t.cell.units > 0 && f.one(3) {
		f.claims++
		t.claim = fmt.Sprintf("claim-%d", f.claims)
	}
	f.tenancies = append(f.tenancies, &t)
	if t.claim != "" && t.cell.instance == "" && f.one(2) { // another pod names it, too
		mate := t
		mate.holder, mate.pid, mate.work = podOf("mate-of-"+name), 10_000+n, float64(f.IntN(3))/8
		if !slices.ContainsFunc(f.tenancies, func(t *tenancy) bool { return t.holder == mate.holder }) {
			f.tenancies = append(f.tenancies, &mate)
		}
	}
}

func podOf(name string) device.Holder {
	return device.Holder{Namespace: "ns", Pod: name, PodUID: "uid-" + name, Container: "main"}
}

// mates are how many pods hold what a tenancy does, itself among them.
func (f *fleet) mates(t *tenancy) (n int) {
	if t.claim == "" {
		return 1
	}
	for _, o := range f.tenancies {
		if o.claim == t.claim {
			n++
		}
	}
	return n
}
