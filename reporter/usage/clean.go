package usage

// slack is by how much values may differ from what time and share demand, in
// milliseconds.
const slack = Tolerance

// clean leaves out marks that cannot be, and where the value falls for good
// opens an epoch of its own. It appends what is left to es.
func (p *pool) clean(e *epoch, es []*epoch, note func(code Code)) []*epoch {
	marks := e.marks
	if e.known && float64(marks[0].t-e.start)+slack < marks[0].value*1000 {
		if len(marks) > 1 && marks[1].value < marks[0].value {
			note(CounterTooFast)
			e.odd = true
			marks = marks[1:]
		} else {
			note(ClockAhead)
		}
	}
	es = append(es, e)
	kept := append(e.marks[:0], marks[0])
	for i := 1; i < len(marks); i++ {
		m, last := &marks[i], &kept[len(kept)-1]
		grown := (m.value - last.value) * 1000
		switch {
		case grown < -slack && (i+1 == len(marks) || marks[i+1].value < last.value):
			note(GPUSecondsFell)
			rest := p.lend(m.t, false)
			rest.mixed = e.mixed
			rest.marks = append(rest.marks, marks[i:]...)
			e.marks = kept
			return p.clean(rest, es, note)
		case grown < -slack:
			note(ImpossibleValue)
			e.odd = true
		case grown > float64(m.t-last.t)+slack:
			note(CounterTooFast)
			e.odd = true
		default:
			m.value = max(m.value, last.value) // a little less is of another replica, by its own clock
			kept = append(kept, *m)
		}
	}
	e.marks = kept
	return es
}
