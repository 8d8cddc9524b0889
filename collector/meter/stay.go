package meter

import (
	"time"

	"github.com/gputally/gputally/collector/device"
)

// holding finds what is metered of a holding, or begins it. One whose UID was pending
// goes on under its UID, with all that was metered of it.
func (m *Meter) holding(h device.Holding, stay device.Stay, at time.Time) *holdingMeter {
	key := holdingKey{h.Holder, h.UUID, 0}
	nameless := h.Holder
	nameless.PodUID = ""
	hidden := holdingKey{nameless, h.UUID, stay.Number}
	if stay.Pending {
		key = hidden
	} else if hm := m.holdings[hidden]; hm != nil && stay.Number != 0 && (m.holdings[key] == nil || h.Holder.PodUID == "") {
		return m.reveal(hm, key)
	}
	hm := m.holdings[key]
	if hm == nil {
		hm = &holdingMeter{key: key, start: at, seen: at}
		m.holdings[key] = hm
	}
	return hm
}

// reveal shows a holding under a key. If there was one of the same name before, it is
// added to that.
func (m *Meter) reveal(hm *holdingMeter, key holdingKey) *holdingMeter {
	if hm.key == key {
		return hm
	}
	delete(m.holdings, hm.key)
	if before := m.holdings[key]; before != nil {
		before.absorb(hm)
		return before
	}
	hm.key = key
	m.holdings[key] = hm
	return hm
}

// absorb adds a later holding of the same name.
func (m *holdingMeter) absorb(o *holdingMeter) {
	for _, i := range [...]struct{ to, from *integral }{
		{&m.allocated, &o.allocated}, {&m.active, &o.active}, {&m.idle, &o.idle}, {&m.observed, &o.observed}, {&m.memory, &o.memory},
	} {
		i.to.base += i.from.value()
	}
	m.energy += o.energy
	m.memoryKnown, m.energyKnown = m.memoryKnown || o.memoryKnown, m.energyKnown || o.energyKnown
	if !m.ended.IsZero() {
		m.ended, m.gone, m.seen, m.estimated = o.ended, o.gone, o.seen, o.estimated
	}
}
