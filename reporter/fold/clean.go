package fold

import "github.com/gputally/gputally/reporter/usage"

// slack is by how much values may differ from what time and share demand, in
// milliseconds.
const slack = usage.Tolerance

// clean leaves out scrapes that cannot be, and where the value falls for good
// begins an epoch of its own. It appends the epochs that result to all.
func (p *epochPool) clean(e *epoch, all []*epoch, note noter) []*epoch {
	scrapes := e.scrapes
	if e.known && float64(scrapes[0].Time-e.start)+slack < scrapes[0].Value*1000 {
		if len(scrapes) > 1 && scrapes[1].Value < scrapes[0].Value {
			note(usage.CounterTooFast)
			e.odd = true
			scrapes = scrapes[1:]
		} else {
			note(usage.ClockAhead)
		}
	}
	all = append(all, e)
	kept := append(e.scrapes[:0], scrapes[0])
	for i := 1; i < len(scrapes); i++ {
		s, last := &scrapes[i], &kept[len(kept)-1]
		grown := (s.Value - last.Value) * 1000
		switch {
		case grown < -slack && (i+1 == len(scrapes) || scrapes[i+1].Value < last.Value):
			note(usage.GPUSecondsFell)
			rest := p.lend(s.Time, false)
			rest.mixed = e.mixed
			rest.scrapes = append(rest.scrapes, scrapes[i:]...)
			e.scrapes = kept
			return p.clean(rest, all, note)
		case grown < -slack:
			note(usage.ImpossibleValue)
			e.odd = true
		case grown > float64(s.Time-last.Time)+slack:
			note(usage.CounterTooFast)
			e.odd = true
		default:
			s.Value = max(s.Value, last.Value) // another replica may show a little less, by its own clock
			kept = append(kept, *s)
		}
	}
	e.scrapes = kept
	return all
}
