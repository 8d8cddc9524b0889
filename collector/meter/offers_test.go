package meter_test

// offers finds the cards of which the device plugin offers nothing. Where there are
// claims, a card that never was offered may be for these. An id of a MIG instance
// that is gone is of the card on which it was.
func (o *oracle) offers() {
	now, ids := map[*card]bool{}, map[string]*card{}
	for _, c := range o.fleet.cards {
		for _, x := range o.fleet.offered[c] {
			on := o.ids[x.id]
			if !c.absent && (x.instance == "" || c.has(x)) {
				on = c
			}
			if on != nil {
				ids[x.id], now[on], o.once[on] = on, true, true
			}
		}
	}
	o.ids = ids
	o.claimed = o.claimed || o.fleet.watched && o.fleet.liar == nil
	for _, t := range o.fleet.tenancies {
		o.claimed = o.claimed || t.claim != ""
	}
	if o.claimed && len(now) == 0 {
		clear(o.once)
	}
	o.withdrawn = map[*card]bool{}
	for _, c := range o.fleet.cards {
		o.withdrawn[c] = !c.absent && !now[c] && (o.once[c] || len(o.once) > 0 && !o.claimed)
	}
}
