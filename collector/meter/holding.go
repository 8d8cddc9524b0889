package meter

import (
	"time"

	"github.com/gputally/gputally/collector/device"
)

// holdingMeter integrates one container's hold on one physical GPU.
type holdingMeter struct {
	key    holdingKey
	start  time.Time
	ended  time.Time // zero while it is held
	seen   time.Time // when it was last known to be held
	gone   time.Time // when it was found to have ended
	share  float64
	single bool // nobody else is known to hold a part of the GPU
	sole   bool // and nobody can
	parts  []device.Part
	// estimated is true while it isn't known whether it is held.
	estimated bool

	allocated integral
	active    integral
	idle      integral
	observed  integral
	memory    integral
	energy    float64  // joules
	used      *float64 // bytes now
	// memory and energy were ever known
	memoryKnown, energyKnown bool
	known                    bool // activity is known now
}

// take begins or continues the holding.
func (m *holdingMeter) take(h device.Holding, at time.Time, estimated bool) {
	m.ended, m.estimated = time.Time{}, estimated
	if !estimated {
		m.seen = at
	}
	m.share, m.single, m.parts = h.Share, h.Sole, h.Parts
}

// end is for a holding that is not there at a poll.
func (m *holdingMeter) end(at time.Time) {
	m.ended, m.gone = at, at
	if m.estimated {
		m.ended, m.estimated = m.seen, false
	}
	m.share, m.single, m.sole, m.parts = 0, false, false, nil
	m.pause()
}

// pause is for a step that is not charged.
func (m *holdingMeter) pause() { m.used, m.known = nil, false }

func pause(tenants []*holdingMeter) {
	for _, t := range tenants {
		t.pause()
	}
}

// charge adds d at the share held, and what the container did in it as far as
// that is known.
func (m *holdingMeter) charge(d time.Duration, w work) {
	m.allocated.add(m.share, d)
	m.known, m.used = w.busy != nil, w.memory
	if w.busy != nil {
		m.observed.add(m.share, d)
		m.active.add(min(*w.busy, m.share), d)
		if *w.busy == 0 {
			m.idle.add(m.share, d)
		}
	}
	if w.memory != nil {
		m.memoryKnown = true
		m.memory.add(*w.memory, d)
	}
	if w.joules != nil {
		m.energyKnown = true
		m.energy += *w.joules
	}
}

func (m *holdingMeter) snapshot() Holding {
	h := Holding{
		Holder:        m.key.holder,
		UUID:          m.key.uuid,
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
		v := m.energy
		h.Energy = &v
	}
	return h
}
