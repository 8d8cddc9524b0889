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
	gpu    device.GPU
	gone   time.Time // when the driver first did not list it, zero while it does
	state  state
	shared float64 // sum of the shares held, 0 to 1
	doubt  float64 // share held by nobody knows whom, 0 to 1 - shared

	allocated    integral
	unallocated  integral
	unattributed integral
	unavailable  integral
	active       integral
	activeKnown  bool // active was ever known
	energy       difference
	energyKnown  bool // energy was ever known
}

func (m *deviceMeter) take(g device.GPU) {
	if !m.gone.IsZero() {
		m.gone = time.Time{}
		m.energy.lose()
	}
	m.gpu = g
	if g.Reading.Energy != nil && !m.energyKnown {
		m.energyKnown = true
		m.energy.next(*g.Reading.Energy, false)
	}
	m.activeKnown = m.activeKnown || g.Reading.Utilization != nil
}

// settle decides where the coming time goes: a GPU that does not answer is
// unavailable whoever holds it, and nobody is charged for it.
func (m *deviceMeter) settle(shared, doubt float64) {
	m.shared, m.doubt = shared, doubt
	switch {
	case !m.gpu.Reading.Up:
		m.state = unavailable
	case shared == 0 && doubt == 0 && m.gpu.Reading.Processes > 0:
		m.state = unattributed // used by a process outside Kubernetes
	default:
		m.state = allocated
	}
}

// charge adds d to the state that the GPU was in, and to activity and energy
// what the reading at the end of d says.
func (m *deviceMeter) charge(d time.Duration, r device.Reading, ok bool) {
	switch m.state {
	case unavailable:
		m.unavailable.add(1, d)
	case unattributed:
		m.unattributed.add(1, d)
	case allocated:
		m.allocated.add(m.shared, d)
		m.unattributed.add(m.doubt, d)
		m.unallocated.add(max(0, 1-m.shared-m.doubt), d) // two parts may round to above 1
	}
	if ok && r.Utilization != nil {
		m.active.add(*r.Utilization, d)
	}
	if ok && r.Energy != nil {
		m.energy.next(*r.Energy, true)
	}
}

func (m *deviceMeter) snapshot(current bool) Device {
	d := Device{
		GPU:     m.gpu,
		Current: current && m.gone.IsZero(),
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
