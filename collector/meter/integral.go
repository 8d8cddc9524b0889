package meter

import "time"

// integral accumulates rate × time for a rate that changes in steps.
type integral struct {
	base    float64 // what was accumulated before the current rate
	rate    float64 // units per second
	elapsed time.Duration
}

// add accumulates d at the given rate.
func (i *integral) add(rate float64, d time.Duration) {
	if rate != i.rate {
		i.base, i.rate, i.elapsed = i.value(), rate, 0
	}
	i.elapsed += d
}

// value is the integral so far, in units of rate × seconds.
func (i *integral) value() float64 {
	return i.base + i.rate*i.elapsed.Seconds()
}

// difference follows a counter of somebody else's: it accumulates what the
// counter grew by while it was followed.
type difference struct {
	base     float64 // accumulated before origin
	origin   float64 // reading from which the current stretch counts
	last     float64 // latest reading of the current stretch
	followed bool    // a stretch is open
}

// next takes the counter's reading at the end of a stretch of time. charged
// is true if that stretch is to be counted. A reading below the previous one
// says nothing of what lies between, and opens another stretch.
func (d *difference) next(reading float64, charged bool) {
	if !charged || !d.followed || reading < d.last {
		d.base, d.origin, d.last, d.followed = d.value(), reading, reading, true
		return
	}
	d.last = reading
}

// lose closes the current stretch: the next reading opens another.
func (d *difference) lose() {
	d.base, d.origin, d.last, d.followed = d.value(), 0, 0, false
}

func (d *difference) value() float64 { return d.base + (d.last - d.origin) }
