package meter

import (
	"time"

	"github.com/gputally/gputally/collector/device"
)

// holdingMeter integrates one container's hold on one physical GPU.
type holdingMeter struct {
	start time.Time
	ended time.Time // zero while it is held
	share float64
	sole  bool

	allocated integral
	active    integral
	idle      integral
	observed  integral
	memory    integral
	energy    difference
	used      *float64 // bytes now
	// memory and energy were ever known
	memoryKnown, energyKnown bool
	known                    bool // activity is known now
}

// take begins or continues the holding.
func (m *holdingMeter) take(h device.Holding) {
	m.ended = time.Time{}
	m.share, m.sole = h.Share, h.Sole
}

// open notes the energy reading from which a sole holder is charged.
func (m *holdingMeter) open(r device.Reading) {
	if m.sole && !m.energy.followed && r.Energy != nil {
		m.energy.next(*r.Energy, false)
	}
}

func (m *holdingMeter) end(at time.Time) {
	m.ended = at
	m.share, m.sole, m.used, m.known = 0, false, nil, false
	m.energy.lose()
}

// charge adds d at the share held. The GPU's own readings at the end of d are
// the container's only when it holds the GPU alone; otherwise what it did is
// not known.
func (m *holdingMeter) charge(d time.Duration, r device.Reading, ok bool) {
	m.allocated.add(m.share, d)
	m.known, m.used = false, nil
	if !ok || !m.sole {
		m.energy.lose()
		return
	}
	if u := r.Utilization; u != nil {
		m.known = true
		m.observed.add(m.share, d)
		m.active.add(min(*u, m.share), d)
		if *u == 0 {
			m.idle.add(m.share, d)
		}
	}
	if r.MemoryUsed != nil {
		m.used = r.MemoryUsed
		m.memoryKnown = true
		m.memory.add(*r.MemoryUsed, d)
	}
	if r.Energy != nil {
		m.energyKnown = true
		m.energy.next(*r.Energy, true)
	}
}

func (m *holdingMeter) snapshot(key holdingKey) Holding {
	h := Holding{
		Holder:        key.holder,
		UUID:          key.uuid,
		Start:         m.start,
		End:           m.ended,
		Share:         m.share,
		Allocated:     m.allocated.value(),
		Active:        m.active.value(),
		Idle:          m.idle.value(),
		Observed:      m.observed.value(),
		MemoryUsed:    m.used,
		ActivityKnown: m.known,
	}
	if m.memoryKnown {
		v := m.memory.value()
		h.MemoryByteSeconds = &v
	}
	if m.energyKnown {
		v := m.energy.value()
		h.Energy = &v
	}
	return h
}
