package meter_test

import (
	"math"
	"time"

	"github.com/gputally/gputally/collector/device"
)

// The oracle's caps, as the meter's documentation states them.
const (
	oracleGap    = 10 * time.Second
	oracleRetain = 10 * time.Minute
)

// account is what one container on one GPU should have by now. Time held is
// counted in whole units of a GPU times nanoseconds.
type account struct {
	held, observed, idle   int64
	active, memory, joules float64
	start, end             time.Time
	gone                   time.Time // when it was found to have ended
	listed                 bool      // it was at the latest poll
	seen                   time.Time // when it last was
}

// ledger is what one GPU should have by now, in units times nanoseconds.
type ledger struct {
	allocated, unallocated, unattributed, unavailable int64
	active, joules                                    float64

	listed bool // the driver lists it
	up     bool
	unseen bool    // its MIG instances can not be listed any more
	used   bool    // processes are on it
	busy   bool    // and one of them is somebody's work
	energy float64 // the latest reading
	open   bool    // and it is one from which the next may be counted
	deeds  deeds   // since the energy was last known
}

// claim is what the oracle last knew a container to hold.
type claim struct {
	holder device.Holder
	card   *card
	cells  []cell
}

func (c *claim) units() (n int) {
	for _, x := range c.cells {
		n += x.units
	}
	return n
}

type place struct {
	holder device.Holder
	uuid   string
}

// oracle keeps the books of a fleet: who truly held what, at the polls at which
// both the driver and the kubelet answered.
type oracle struct {
	fleet     *fleet
	last      time.Time // latest time of any poll, the start before the first
	polled    bool      // there was a poll
	back      bool      // the clock was behind at the poll before
	known     time.Time // latest poll at which both answered
	until     time.Time // what it said is booked until then
	claims    []*claim
	unclear   map[*card]int    // units
	slots     map[*card]int    // as learned from what was offered
	once      map[*card]bool   // was offered
	ids       map[string]*card // that were offered last
	claimed   bool             // somebody holds by a claim, or did
	withdrawn map[*card]bool   // is not offered
	unplaced  bool             // somebody holds what is on no card
	gpus      map[*card]*ledger
	accounts  map[place]*account
	lost      time.Duration
}

func newOracle(f *fleet) *oracle {
	return &oracle{fleet: f, slots: map[*card]int{}, once: map[*card]bool{}, last: f.clock, gpus: map[*card]*ledger{}, accounts: map[place]*account{}}
}

// poll keeps the books up to now.
func (o *oracle) poll(now time.Time) {
	passed := max(0, now.Sub(o.last))
	if o.known.IsZero() {
		if o.polled || o.fleet.driverFails || o.fleet.kubeletFails {
			o.lost += passed
		}
		for _, g := range o.gpus {
			g.open = false // nothing is booked yet
		}
	} else {
		d := max(0, min(passed, o.until.Sub(o.last)))
		o.lost += passed - d
		for _, c := range o.fleet.cards {
			if g := o.gpus[c]; g != nil && g.listed {
				o.settle(c, g, d, passed > d || d == 0 || o.back)
			}
		}
	}
	o.look(now)
	o.polled = true
	o.back = now.Before(o.last)
	if now.After(o.last) {
		o.last = now
	}
	for p, a := range o.accounts {
		if !a.end.IsZero() && o.last.Sub(a.gone) > oracleRetain {
			delete(o.accounts, p)
		}
	}
}

// settle books d on a GPU. broken is true if more time passed than is booked.
func (o *oracle) settle(c *card, g *ledger, d time.Duration, broken bool) {
	ns := int64(d)
	var mine []*claim
	held := 0
	for _, cl := range o.claims {
		if cl.card == c {
			mine = append(mine, cl)
			held += cl.units()
		}
	}
	doubt := o.unclear[c]
	if o.unplaced && g.unseen {
		doubt = unit - held
	}
	charged := false
	switch {
	case !g.up:
		g.unavailable += unit * ns
	case held == 0 && doubt == 0 && g.used && (g.busy || o.unplaced):
		g.unattributed += unit * ns
	default:
		charged = true
		g.allocated += int64(held) * ns
		g.unattributed += int64(doubt) * ns
		if o.withdrawn[c] {
			g.unavailable += int64(unit-held-doubt) * ns
		} else {
			g.unallocated += int64(unit-held-doubt) * ns
		}
	}
	answers := !o.fleet.driverFails && !c.absent
	joules := math.NaN()
	if answers && !c.lost {
		if c.mode < mig7 && c.lie != lieUtilization {
			g.active += c.was * d.Seconds()
		}
		if g.open && !broken && c.lie != lieEnergy {
			grown := c.joules - g.energy
			if grown < 0 {
				grown = c.joules
			}
			g.joules += grown
			joules = grown
		}
	}
	if broken {
		g.open = false
	}
	if charged {
		o.book(c, g, mine, doubt, d, answers && !c.lost, joules)
	} else {
		g.deeds.add(place{}, math.NaN())
	}
}

// book books d for those who hold c.
func (o *oracle) book(c *card, g *ledger, mine []*claim, doubt int, d time.Duration, answers bool, joules float64) {
	sole := len(mine) == 1 && doubt == 0
	others, alone := 0.0, place{}
	if answers {
		others = o.see(c, mine, "").others()
	}
	if sole && others == 0 {
		alone = place{mine[0].holder, c.uuid}
	}
	g.deeds.add(alone, others*d.Seconds())
	if doubt > 0 {
		g.deeds.total = math.NaN()
	}
	for _, cl := range mine {
		a := o.accounts[place{cl.holder, c.uuid}]
		share := float64(cl.units()) / unit
		a.held += int64(cl.units()) * int64(d)
		busy, memory := math.NaN(), math.NaN()
		if answers {
			busy, memory = o.work(c, cl, mine, sole)
		}
		if !math.IsNaN(memory) {
			a.memory += memory * d.Seconds()
		}
		if !math.IsNaN(busy) {
			a.observed += int64(cl.units()) * int64(d)
			if busy == 0 {
				a.idle += int64(cl.units()) * int64(d)
			}
			busy = min(busy, share)
			a.active += busy * d.Seconds()
		}
		g.deeds.of(place{cl.holder, c.uuid}, busy*d.Seconds())
	}
	for _, cl := range mine {
		p := place{cl.holder, c.uuid}
		switch {
		case math.IsNaN(joules):
		case g.deeds.alone == p:
			o.accounts[p].joules += joules
		case g.deeds.total > 0:
			o.accounts[p].joules += joules * g.deeds.each[p] / g.deeds.total
		}
	}
}

// deeds are what was done on a card over some time, in busy seconds.
type deeds struct {
	begun bool
	alone place // who had it to himself all the time, zero for nobody
	each  map[place]float64
	total float64 // NaN if some of it is unknown
}

// add begins another stretch of time: who was alone, and what others did.
func (d *deeds) add(alone place, others float64) {
	if !d.begun {
		d.begun, d.alone, d.each = true, alone, map[place]float64{}
	}
	if d.alone != alone {
		d.alone = place{}
	}
	d.total += others
}

func (d *deeds) of(p place, busy float64) {
	d.each[p] += busy
	d.total += busy
}

// unlessLie is v, or unknown where the driver lied of it.
func unlessLie(c *card, of lie, v float64) float64 {
	if c.lie == of {
		return math.NaN()
	}
	return v
}

// look takes in what the driver and the kubelet say.
func (o *oracle) look(now time.Time) {
	f := o.fleet
	if f.released && now.Before(o.until) {
		o.until = now
	}
	if f.driverFails {
		return
	}
	for _, c := range f.cards {
		g := o.gpus[c]
		if g == nil {
			if c.absent {
				continue
			}
			g = &ledger{}
			o.gpus[c] = g
		}
		if c.absent {
			g.listed, g.open = false, false
			continue
		}
		g.listed, g.up, g.unseen = true, !c.lost, c.unseen && !c.lost
		g.used, g.busy = !c.lost && o.see(c, nil, "").count() > 0, o.see(c, nil, "").busy()
		if !c.lost && c.lie != lieEnergy {
			g.energy, g.open, g.deeds = c.joules, true, deeds{}
		}
	}
	if !f.kubeletFails {
		o.known, o.until = now, now.Add(oracleGap)
		o.count(now)
	}
}

// count takes stock of who holds what, of GPUs that the driver lists.
func (o *oracle) count(now time.Time) {
	o.claims, o.unclear, o.unplaced = nil, map[*card]int{}, false
	o.learn()
	o.offers()
	there := map[place]*claim{}
	var all []*tenancy
	for _, c := range o.fleet.cards {
		all = append(all, o.fleet.holding(c)...)
	}
	for _, t := range all {
		if t.card.absent || !t.card.has(t.cell) {
			o.unplaced = true
			continue
		}
		x := o.sized(t)
		switch {
		case x.units == 0: // nobody knows how much it is
			o.unclear[t.card] = unit
		case t.unclear, o.fleet.liar.hides(t), !o.fleet.split && o.fleet.mates(t) > 1:
			o.unclear[t.card] += x.units
		default:
			p := place{t.holder, t.card.uuid}
			there[p] = &claim{t.holder, t.card, []cell{x}}
			o.claims = append(o.claims, there[p])
			if o.accounts[p] == nil {
				o.accounts[p] = &account{start: now, seen: now}
			}
			o.accounts[p].end = time.Time{}
			if o.accounts[p].listed = !o.fleet.liar.lacks(t); o.accounts[p].listed {
				o.accounts[p].seen = now
			}
		}
	}
	for p, a := range o.accounts {
		if there[p] == nil && a.end.IsZero() {
			a.end, a.gone = now, now
			if o.fleet.liar != nil && !a.listed {
				a.end = a.seen
			}
		}
	}
}

// learn takes in how many slots are offered. A card that is not offered keeps its
// former number.
func (o *oracle) learn() {
	for _, c := range o.fleet.cards {
		for _, x := range o.fleet.offered[c] {
			switch {
			case x.instance != "":
			case x.units > 0:
				o.slots[c] = 1
			default:
				o.slots[c] = len(o.fleet.offered[c])
			}
		}
		if c.absent {
			delete(o.slots, c)
		}
	}
}

// sized is the cell of a tenancy with its units, 0 if they aren't known. There are
// never fewer slots than are held. Pods that name one claim divide it.
func (o *oracle) sized(t *tenancy) cell {
	x := t.cell
	if n := o.slots[t.card]; x.units == 0 && n > 0 {
		x.units = unit / max(n, len(o.fleet.holding(t.card)))
	}
	x.units /= o.fleet.mates(t)
	return x
}
