package meter_test

import "math"

// witness is what the driver and the cgroups say of who works on a card, or on a
// MIG instance of it: NaN is unknown.
type witness struct {
	clear       bool    // all processes are listed, and each one's owner is known
	ratio       float64 // that the card or the instance was busy, of the card
	memory      float64
	own, aliens []deed // of those who hold it, and of others
	server      bool   // of MPS is there, which waits
}

// deed is what a process did.
type deed struct{ ratio, memory float64 }

// see looks at a card, at one of its MIG instances if one is given.
func (o *oracle) see(c *card, mine []*claim, instance string) witness {
	w := witness{ratio: math.NaN(), memory: unlessLie(c, lieMemory, 1000*c.was)}
	if c.mode < mig7 {
		w.ratio = unlessLie(c, lieUtilization, c.was)
	}
	for _, x := range c.cells() {
		if instance != "" && x.instance == instance {
			w.ratio, w.memory = unlessLie(c, lieUtilization, 0), unlessLie(c, lieMemory, 0)
		}
	}
	add := func(list *[]deed, ratio, memory float64) {
		*list = append(*list, deed{unlessLie(c, lieProcesses, ratio), unlessLie(c, lieProcesses, memory)})
	}
	if c.foreign && instance == "" {
		add(&w.aliens, 0.125, bulky)
	}
	w.server = c.server && instance == ""
	for _, t := range o.fleet.of(c) {
		if instance != "" && t.cell.instance != instance {
			continue
		}
		if instance != "" {
			w.ratio, w.memory = unlessLie(c, lieUtilization, t.was*float64(t.cell.units)/unit), unlessLie(c, lieMemory, 1000*t.was)
		}
		ratio := t.was
		if c.mode >= mig7 {
			ratio = math.NaN()
		}
		to := &w.aliens
		for _, cl := range mine {
			if cl.holder.PodUID == t.holder.PodUID {
				to = &w.own
			}
		}
		add(to, ratio, 1000*t.was)
	}
	w.clear = o.fleet.visible || w.count() == 0
	if whole := o.fleet.of(c); len(whole) == 0 && !c.foreign && !c.server && c.mode < mig7 && unlessLie(c, lieUtilization, c.was) > 0 {
		w.clear = false // somebody works who is not listed
	}
	return w
}

func (w witness) count() int {
	n := len(w.own) + len(w.aliens)
	if w.server {
		n++
	}
	return n
}

// sums of what was done; measured leaves out what isn't known.
func sums(deeds []deed) (ratio, memory, measured float64) {
	for _, d := range deeds {
		ratio, memory = ratio+d.ratio, memory+d.memory
		if !math.IsNaN(d.ratio) {
			measured += d.ratio
		}
	}
	return ratio, memory, measured
}

// hidden is true if work is done, and no process is seen to do it.
func (w witness) hidden() bool {
	mine, _, _ := sums(w.own)
	_, _, theirs := sums(w.aliens)
	return w.ratio > 0 && mine == 0 && theirs == 0
}

// sole is what somebody did who has all to himself.
func (w witness) sole() (ratio, memory float64) {
	mine, own, _ := sums(w.own)
	theirs, _, measured := sums(w.aliens)
	switch {
	case !w.clear && w.ratio == 0:
		return 0, math.NaN()
	case !w.clear:
		return math.NaN(), math.NaN()
	}
	memory = w.memory
	if len(w.aliens) > 0 || w.server {
		memory = own
	}
	switch {
	case w.ratio == 0:
		return 0, memory
	case w.ratio > 0 && len(w.own) > 0 && theirs == 0:
		return w.ratio, memory
	case w.ratio > 0 && mine == 0 && measured == 0:
		return math.NaN(), memory
	}
	return mine, memory
}

// others is what those did who hold nothing of it.
func (w witness) others() float64 {
	theirs, _, _ := sums(w.aliens)
	switch {
	case w.ratio == 0:
		return 0
	case !w.clear || len(w.own) == 0 && w.hidden():
		return math.NaN()
	}
	return theirs
}

// busy is true if what is on a card that nobody holds is more than a server that waits.
func (w witness) busy() bool {
	if w.ratio > 0 && w.count() > 0 {
		return true
	}
	for _, d := range w.aliens {
		memory := d.memory
		if math.IsNaN(memory) {
			memory = w.memory
		}
		if d.ratio > 0 || !(memory <= bulky/2) {
			return true
		}
	}
	return false
}

// work is what a container did as far as anybody may know it: NaN if not.
func (o *oracle) work(c *card, cl *claim, mine []*claim, sole bool) (busy, memory float64) {
	alone := []*claim{cl}
	if cl.cells[0].instance != "" {
		for _, x := range cl.cells {
			u, m := math.NaN(), math.NaN()
			for _, there := range c.cells() {
				if there == x {
					u, m = o.see(c, alone, x.instance).sole()
				}
			}
			busy, memory = busy+u, memory+m
		}
		if sole {
			u, m := o.see(c, alone, "").sole()
			if math.IsNaN(busy) {
				busy = u
			}
			if math.IsNaN(memory) {
				memory = m
			}
		}
		return busy, memory
	}
	if sole {
		return o.see(c, alone, "").sole()
	}
	all := o.see(c, mine, "")
	if !all.clear {
		return math.NaN(), math.NaN()
	}
	busy, memory, _ = sums(o.see(c, alone, "").own)
	if all.hidden() {
		busy = math.NaN()
	}
	return busy, memory
}
