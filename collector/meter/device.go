package meter

import (
	"time"

	"github.com/gputally/gputally/collector/device"
)

// state is where the time of a whole GPU goes. A GPU that is allocated may be
// so in part; of the rest a part may be unattributed.
type state int

const (
	allocated state = iota
	unattributed
	unavailable
)

// deviceMeter integrates one physical GPU.
type deviceMeter struct {
	gpu     device.GPU
	gone    time.Time // when the driver first did not list it, zero while it does
	state   state
	shared  float64        // sum of the shares held, 0 to 1
	doubt   float64        // share that is held, by whom is not clear; 0 to 1 - shared
	offered *bool          // the device plugin offers some of it, nil if unknown
	others  *int           // processes of those who hold nothing of it, nil if unknown
	other   device.Process // one of them

	allocated    integral
	unallocated  integral
	unattributed integral
	unavailable  integral
	active       integral
	activeKnown  bool // active was ever known
	busy         busy
	parts        map[string]*busy // MIG instances by UUID
	energy       difference
	energyKnown  bool // energy was ever known
	bill         bill
	listed       bool // processes were ever known
	torn         bool // since the previous reading there was time that was not charged
}

func (m *deviceMeter) take(g device.GPU) {
	if !m.gone.IsZero() {
		m.gone = time.Time{}
		m.lose()
	}
	m.gpu = g
	r := g.Reading
	m.torn = false
	m.listed = m.listed || r.Running != nil
	if r.Energy != nil {
		m.bill.clear()
	}
	m.energyKnown = m.energyKnown || r.Energy != nil
	m.activeKnown = m.activeKnown || r.Utilization != nil || r.Active != nil
	if r.Energy != nil && !m.energy.followed {
		m.energy.next(*r.Energy, false)
	}
	if !m.busy.open {
		m.busy.ratio(r, 0)
	}
	m.takeParts(g.MIG)
}

// lose leaves out what the driver's counters grew by until the next reading.
func (m *deviceMeter) lose() {
	m.energy.lose()
	m.loseBusy()
}

func (m *deviceMeter) loseBusy() {
	m.busy.lose()
	for _, b := range m.parts {
		b.lose()
	}
}

// takeParts follows the instances that there are and forgets all others.
func (m *deviceMeter) takeParts(instances []device.MIGInstance) {
	if len(instances) == 0 {
		m.parts = nil
		return
	}
	parts := make(map[string]*busy, len(instances))
	for _, i := range instances {
		b := m.parts[i.UUID]
		if b == nil {
			b = &busy{}
		}
		if i.Reading != nil && !b.open {
			b.ratio(*i.Reading, 0)
		}
		parts[i.UUID] = b
	}
	m.parts = parts
}

// step finds out what the GPU did in the time d until now. whole is true if d is
// all the time that passed. g is nil if the driver does not list the GPU.
func (m *deviceMeter) step(d time.Duration, whole bool, g *device.GPU) step {
	m.torn = m.torn || !whole
	s := step{d: d}
	if g == nil {
		m.loseBusy()
		return s
	}
	if m.torn {
		m.lose()
	}
	s.reading = g.Reading
	s.unlisted = m.listed && g.Reading.Running == nil
	s.busy = m.busy.ratio(g.Reading, d)
	if r := g.Reading.Energy; r != nil {
		before, followed := m.energy.value(), m.energy.followed
		m.energy.next(*r, true)
		if grown := m.energy.value() - before; followed {
			s.joules = &grown
		}
	}
	s.instances = m.partials(d, g)
	return s
}

func (m *deviceMeter) partials(d time.Duration, g *device.GPU) map[string]partial {
	if len(g.MIG) == 0 {
		return nil
	}
	all := make(map[string]partial, len(g.MIG))
	for _, i := range g.MIG {
		var p partial
		if b := m.parts[i.UUID]; b != nil && i.Reading != nil {
			p.busy, p.memory = b.ratio(*i.Reading, d), i.Reading.MemoryUsed
		}
		all[i.UUID] = p
	}
	return all
}

// settle decides where the coming time goes: a GPU that does not answer is
// unavailable whoever holds it, and nobody is charged for it.
func (m *deviceMeter) settle(shared, doubt float64, h residents) {
	m.shared, m.doubt = shared, doubt
	m.others, m.other = m.strangers(h)
	switch {
	case !m.gpu.Reading.Up:
		m.state = unavailable
	case shared == 0 && doubt == 0 && m.others != nil && *m.others > 0:
		m.state = unattributed // somebody works who holds nothing
	default:
		m.state = allocated
	}
}

// charge adds the step to the state that the GPU was in.
func (m *deviceMeter) charge(s step) {
	switch m.state {
	case unavailable:
		m.unavailable.add(1, s.d)
	case unattributed:
		m.unattributed.add(1, s.d)
	case allocated:
		m.allocated.add(m.shared, s.d)
		m.unattributed.add(m.doubt, s.d)
		m.free().add(max(0, 1-m.shared-m.doubt), s.d) // two parts may round to above 1
	}
	if s.busy != nil {
		m.active.add(min(1, *s.busy), s.d)
	}
}

// free is where the time of what nobody holds goes: what can't be scheduled is not
// there to be had.
func (m *deviceMeter) free() *integral {
	if m.offered != nil && !*m.offered {
		return &m.unavailable
	}
	return &m.unallocated
}

func (m *deviceMeter) snapshot(current bool) Device {
	d := Device{
		GPU:     m.gpu,
		Current: current && m.gone.IsZero(),
		Offered: m.offered,
		Others:  m.others, Other: m.other,
		States: States{
			Allocated:    m.allocated.value(),
			Unallocated:  m.unallocated.value(),
			Unattributed: m.unattributed.value(),
			Unavailable:  m.unavailable.value(),
		},
	}
	if m.activeKnown {
		v := m.active.value()
		d.Active = &v
	}
	if m.energyKnown {
		v := m.energy.value()
		d.Energy = &v
	}
	return d
}
