package bounds

import (
	"time"

	"github.com/gputally/gputally/collector/device"
)

// What any card can be, with room for those to come.
const (
	// slack is the factor above what a card can be set to that it may draw for a moment.
	slack = 1.5
	// anyPower in watts stands for the highest power limit of a card that does not say it.
	anyPower = 2500.0
	// anyMemory in bytes is more than a card has.
	anyMemory = 4 << 40
	// hottest in degrees Celsius is far above where a card turns itself off.
	hottest = 150.0
	// settles is how long a counter or a size must stay where it went to be
	// believed, and settled how often it must be read there.
	settles = 10 * time.Second
	settled = 5
	// anyCount is more than a counter of errors, seconds or bytes gets to in a
	// card's life; drivers give all bits set for what they don't know.
	anyCount = 1 << 62
)

// finding is a reading that is being checked.
type finding struct{ r *device.Reading }

// keep returns v if it is from least to most, else nil, and notes it.
func (f finding) keep(kind string, v *float64, least, most float64) *float64 {
	if v == nil || *v >= least && *v <= most {
		return v
	}
	f.note(kind, *v)
	return nil
}

func (f finding) note(kind string, v float64) {
	f.r.Impossible = append(f.r.Impossible, device.Impossible{Kind: kind, Value: v})
}

func (c *card) check(g *device.GPU, now moment) {
	r := &g.Reading
	f := finding{r}
	power := anyPower
	if g.MaxPower != nil {
		power = *g.MaxPower
	}
	f.ratios(r)
	r.Power = f.keep(device.ReadingPower, r.Power, 0, slack*power)
	r.Temperature = f.keep(device.ReadingTemperature, r.Temperature, 0, hottest)
	memory := c.installed(f, now)
	r.MemoryUsed = f.keep(device.ReadingMemory, r.MemoryUsed, 0, memory)
	c.drawn(f, now, power)
	instances := make(map[string]float64, len(g.MIG)) // memory by UUID
	for i := range g.MIG {
		instances[g.MIG[i].UUID] = f.instance(g.MIG[i].Reading, memory)
	}
	for i := range r.Running {
		p := &r.Running[i]
		most, ok := instances[p.Instance]
		if !ok {
			most = memory
		}
		p.MemoryUsed = f.keep(device.ReadingProcessMemory, p.MemoryUsed, 0, most)
		p.Utilization = f.keep(device.ReadingProcessUtilization, p.Utilization, 0, 1)
	}
	f.health(r.Health)
}

// ratios checks those of a GPU or of a MIG instance.
func (f finding) ratios(r *device.Reading) {
	r.Utilization = f.keep(device.ReadingUtilization, r.Utilization, 0, 1)
	r.SM = f.keep(device.ReadingActivity, r.SM, 0, 1)
	r.Tensor = f.keep(device.ReadingActivity, r.Tensor, 0, 1)
	r.DRAM = f.keep(device.ReadingActivity, r.DRAM, 0, 1)
}

// installed checks the memory installed and returns the most that may be in use.
func (c *card) installed(f finding, now moment) float64 {
	r := f.r
	r.MemoryTotal = f.keep(device.ReadingMemory, r.MemoryTotal, 1, anyMemory)
	if r.MemoryTotal != nil && !c.memory.next(*r.MemoryTotal, now) {
		f.note(device.ReadingMemory, *r.MemoryTotal)
		r.MemoryTotal = nil
	}
	if !c.memory.known {
		return anyMemory
	}
	return c.memory.value
}

// drawn checks the energy and puts this package's counter in its place.
func (c *card) drawn(f finding, now moment, power float64) {
	e := f.r.Energy
	if e == nil {
		return
	}
	if !(*e >= 0) || !c.energy.next(*e, now, power) {
		f.note(device.ReadingEnergy, *e)
		f.r.Energy = nil
		return
	}
	sum := c.energy.sum
	f.r.Energy = &sum
}

// instance checks the reading of a MIG instance and returns its memory.
func (f finding) instance(r *device.Reading, ofGPU float64) float64 {
	if r == nil {
		return ofGPU
	}
	f.ratios(r)
	r.MemoryTotal = f.keep(device.ReadingMemory, r.MemoryTotal, 1, ofGPU)
	most := ofGPU
	if r.MemoryTotal != nil {
		most = *r.MemoryTotal
	}
	r.MemoryUsed = f.keep(device.ReadingMemory, r.MemoryUsed, 0, most)
	return most
}

func (f finding) health(h *device.Health) {
	if h == nil {
		return
	}
	for _, v := range []**float64{
		&h.ECCCorrected, &h.ECCUncorrected, &h.RemappedCorrectable, &h.RemappedUncorrectable,
		&h.Throttled.PowerCap, &h.Throttled.SyncBoost, &h.Throttled.Thermal, &h.Throttled.HardwareThermal, &h.Throttled.PowerBrake,
		&h.NVLinkPayloadSent, &h.NVLinkPayloadReceived, &h.NVLinkWireSent, &h.NVLinkWireReceived, &h.PCIeSent, &h.PCIeReceived,
	} {
		*v = f.keep(device.ReadingHealth, *v, 0, anyCount)
	}
}
