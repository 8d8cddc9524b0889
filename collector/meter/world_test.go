package meter_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/gputally/gputally/collector/device"
)

// unit is what shares are counted in here: a GPU of up to 8 slots, and one of 7
// compute slices, has parts of whole numbers of them. So the oracle needs no
// fractions.
const unit = 840

// maxPower in watts is ten times what a card here draws: the world's clock steps
// back over time that passes, which a monotonic clock does not.
const maxPower = 5000

// bulky in bytes is what a stranger's process keeps: more than a daemon would.
const bulky = 1 << 30

// How a GPU of the world is cut.
type mode int

const (
	uncut mode = iota
	slots      // by time slicing
	mig7       // MIG: 3 + 2 + 1 + 1
	mig6       // MIG: 3 + 3
)

// cell is a device that a container may hold.
type cell struct {
	id       string
	units    int    // 0 for a slot: that depends on how many there are
	instance string // UUID, "" if it is of the GPU as a whole
}

// card is a physical GPU of the world.
type card struct {
	uuid    string
	mode    mode
	layout  int  // counts MIG reconfigurations: instances get new UUIDs
	slots   int  // that the device plugin offers, where it cuts the card into some
	refused bool // the device plugin offers nothing of it
	absent  bool
	lost    bool
	unseen  bool // the driver can't list its MIG instances any more; the former ones are shown
	foreign bool // a process outside Kubernetes uses it, which keeps it busy by 1/8
	server  bool // of MPS, which waits
	hidden  bool // somebody whom the driver does not list keeps it busy by 1/8
	samples bool // the driver has samples: Reading.Active
	joules  float64
	active  float64 // seconds
	shown   float64 // the active seconds that the driver showed last
	was     float64 // utilization of the time just passed
	said    float64 // joules said last
	honest  int     // times that joules and memory were said since the driver or the process began
	lie     lie     // of the coming poll
}

// lie is what the driver says of a card that can't be so.
type lie int

const (
	truth lie = iota
	lieUtilization
	lieMemory
	lieEnergy
	lieProcesses
	lieIdle // of what nobody integrates
	lies
)

func (c *card) cells() []cell {
	switch c.mode {
	case slots:
		var all []cell
		for i := range c.slots {
			all = append(all, cell{fmt.Sprintf("%s::%d", c.uuid, i), 0, ""})
		}
		return all
	case mig7, mig6:
		var all []cell
		for i, n := range map[mode][]int{mig7: {3, 2, 1, 1}, mig6: {3, 3}}[c.mode] {
			uuid := fmt.Sprintf("MIG-%s-%d-%d", strings.TrimPrefix(c.uuid, "GPU-"), c.layout, i)
			all = append(all, cell{uuid, n * unit / 7, uuid})
		}
		return all
	default:
		return []cell{{c.uuid, unit, ""}}
	}
}

// has is true if the cell is there, be it offered or not.
func (c *card) has(x cell) bool {
	return c.mode == slots && x.units == 0 || slices.Contains(c.cells(), x)
}

// tenancy is a container with a device.
type tenancy struct {
	holder  device.Holder
	cell    cell
	card    *card
	claim   string  // the ResourceClaim through which it is held, "" for a device plugin's device
	unclear bool    // the kubelet's answers don't say whose it is
	over    bool    // it has completed, and its device was given to another
	work    float64 // utilization of the GPU, or of its MIG instance
	was     float64 // work in the time just passed
	pid     int
}

// fleet is the true state of a node, and what its driver and kubelet say of it.
type fleet struct {
	*rand.Rand
	cards     []*card
	tenancies []*tenancy
	pods      int
	claims    int
	clock     time.Time
	visible   bool  // owners of processes can be found
	session   int   // of the driver
	watched   bool  // somebody looks on at all cards, by a claim with admin access
	split     bool  // claims that two pods name are divided
	liar      *liar // the kubelet whose word is not believed, nil for one that is
	// offered is what the device plugin offered when it was asked last.
	offered map[*card][]cell

	// what happens to the poll that comes next
	driverFails, kubeletFails bool
	released                  bool // the driver, on request; then it fails as well
}

func newFleet(seed uint64) *fleet {
	f := &fleet{Rand: rand.New(rand.NewPCG(seed, 1)), clock: origin}
	f.visible, f.split = f.IntN(2) == 0, f.IntN(2) == 0
	for i := range 1 + f.IntN(3) {
		f.cards = append(f.cards, &card{uuid: fmt.Sprintf("GPU-%d", i), mode: mode(f.IntN(4)), slots: 4, samples: f.IntN(2) == 0})
	}
	return f
}

func (f *fleet) one(n int) bool { return f.IntN(n) == 0 }

// live lets d pass and then changes something now and then.
func (f *fleet) live(d time.Duration) {
	for _, c := range f.cards {
		c.was = f.busy(c)
		c.active += c.was * d.Seconds()
		c.joules += (100 + 400*c.was) * d.Seconds()
	}
	for _, t := range f.tenancies {
		t.was = t.work
	}
	for f.one(2) {
		f.change()
	}
	f.released = f.one(40) || f.released && !f.one(4)
	f.driverFails, f.kubeletFails = f.one(12) || f.released, f.one(12)
	if f.liar != nil {
		f.liar.live()
	}
	for _, c := range f.cards {
		c.lie = truth
		if f.one(8) {
			c.lie = lie(f.IntN(int(lies)))
		}
		// Of the first two readings nobody knows which one to believe.
		if c.honest < 2 && (c.lie == lieEnergy || c.lie == lieMemory) || c.said == 0 && c.lie == lieEnergy {
			c.lie = truth
		}
	}
}

// begin is for a driver or a process that begins again.
func (f *fleet) begin() {
	for _, c := range f.cards {
		c.honest = 0
		if c.lie == lieEnergy || c.lie == lieMemory {
			c.lie = truth
		}
	}
}

// busy is a card's utilization now.
func (f *fleet) busy(c *card) float64 {
	var sum float64
	for _, t := range f.of(c) {
		sum += t.work
	}
	if c.foreign {
		sum += 0.125
	}
	if c.hidden {
		sum += 0.125
	}
	return min(1, sum)
}

func (f *fleet) of(c *card) []*tenancy {
	var all []*tenancy
	for _, t := range f.tenancies {
		if t.card == c {
			all = append(all, t)
		}
	}
	return all
}

var errDown = errors.New("down")

// Inventory is what the driver says.
func (f *fleet) Inventory(context.Context) (device.Inventory, error) {
	if f.released {
		return device.Inventory{}, device.ErrReleased
	}
	if f.driverFails {
		return device.Inventory{}, errDown
	}
	inv := device.Inventory{DriverVersion: "580.95.05", Session: f.session}
	for _, c := range f.cards {
		if !c.absent {
			inv.GPUs = append(inv.GPUs, f.describe(c))
		}
	}
	return inv, nil
}

func (f *fleet) describe(c *card) device.GPU {
	g := device.GPU{UUID: c.uuid, Model: "NVIDIA H200", Minor: -1, ComputeSlices: 7, MaxPower: ptr(maxPower), Reading: device.Reading{Processes: -1}}
	mig := c.mode >= mig7
	for _, x := range c.cells() {
		if x.instance != "" {
			g.MIG = append(g.MIG, device.MIGInstance{UUID: x.instance, ComputeSlices: x.units * 7 / unit})
		}
	}
	if c.lost {
		return g
	}
	if c.unseen {
		g.Unlisted = "not permitted"
	}
	g.Reading = device.Reading{Up: true, Energy: ptr(c.joules), MemoryUsed: ptr(1000 * c.was), MemoryTotal: ptr(1e12), Running: []device.Process{}}
	if c.foreign {
		g.Reading.Running = append(g.Reading.Running, device.Process{PID: 1, Utilization: ptr(0.125), MemoryUsed: ptr(bulky)})
	}
	if c.server {
		g.Reading.Running = append(g.Reading.Running, device.Process{PID: 2, Utilization: ptr(0), MemoryUsed: ptr(2 * bulky)})
	}
	for _, t := range f.of(c) {
		p := device.Process{PID: t.pid, Instance: t.cell.instance, MemoryUsed: ptr(1000 * t.was)}
		if !mig { // else the driver does not measure it
			p.Utilization = ptr(t.was)
		}
		g.Reading.Running = append(g.Reading.Running, p)
	}
	g.Reading.Processes = len(g.Reading.Running)
	if !mig {
		g.Reading.Utilization = ptr(c.was)
		if c.samples {
			g.Reading.Active = ptr(c.active)
			c.shown = c.active
		}
	}
	for i := range g.MIG {
		u := 0.0
		for _, t := range f.of(c) {
			if t.cell.instance == g.MIG[i].UUID {
				u = t.was
			}
		}
		g.MIG[i].Reading = &device.Reading{Up: true, Utilization: &u, MemoryUsed: ptr(1000 * u)}
	}
	f.lieOf(c, &g)
	return g
}

// lieOf puts what can't be into a reading.
func (f *fleet) lieOf(c *card, g *device.GPU) {
	absurd := func(v *float64) *float64 {
		if v == nil {
			return nil
		}
		return ptr([]float64{-1, math.MaxUint64, math.Inf(1), math.NaN()}[f.IntN(4)])
	}
	r := &g.Reading
	switch c.lie {
	case truth, lies:
	case lieUtilization:
		r.Utilization, r.Active = absurd(r.Utilization), nil
		for i := range g.MIG {
			g.MIG[i].Reading.Utilization = absurd(ptr(0))
		}
	case lieMemory:
		r.MemoryUsed, r.MemoryTotal = absurd(ptr(0)), []*float64{ptr(2e12), absurd(ptr(0))}[f.IntN(2)]
		for i := range g.MIG {
			g.MIG[i].Reading.MemoryUsed = absurd(ptr(0))
		}
	case lieEnergy: // it falls to nothing or a little, it doubles, or is none
		r.Energy = []*float64{ptr(0), ptr(c.said - 0.001), ptr(2*c.joules + 1e9), absurd(ptr(0))}[f.IntN(4)]
	case lieProcesses:
		for i := range r.Running {
			r.Running[i].Utilization, r.Running[i].MemoryUsed = absurd(ptr(0)), absurd(ptr(0))
		}
	case lieIdle:
		r.Power, r.Temperature, r.SM, r.Tensor, r.DRAM = absurd(ptr(0)), absurd(ptr(0)), absurd(ptr(0)), absurd(ptr(0)), absurd(ptr(0))
	}
	if c.lie != lieEnergy {
		c.said = c.joules
	}
	if c.lie != lieEnergy && c.lie != lieMemory {
		c.honest++
	}
}

// Owners says whose processes these are.
func (f *fleet) Owners(inv *device.Inventory) {
	for g := range inv.GPUs {
		ps := inv.GPUs[g].Reading.Running
		for i := range ps {
			if ps[i].PID == 2 {
				ps[i].Name = "nvidia-cuda-mps"
			}
			ps[i].Owner = device.Owner{Host: f.visible && ps[i].PID < 100}
			for _, t := range f.tenancies {
				if f.visible && t.pid == ps[i].PID {
					ps[i].Owner = device.Owner{PodUID: t.holder.PodUID, Container: "main"}
				}
			}
		}
	}
}
