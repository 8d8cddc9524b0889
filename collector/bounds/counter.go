package bounds

import "time"

// moment is a time on the checker's own clock, which never goes back. A round of
// calls to the driver begins at asked and ends at done; the reading is of between.
type moment struct {
	asked, done time.Duration
	session     int // of the driver
}

// counter follows a counter of the driver's whose growth has a bound.
type counter struct {
	open      bool
	last      float64 // the latest good reading
	at        moment  // of it
	confirmed bool    // two readings agreed on where the counter is
	sum       float64 // what it grew by since it was first seen
	other     elsewhere
}

// elsewhere is a stretch of readings that agree with one another, but not with
// the good ones.
type elsewhere struct {
	open  bool
	since time.Duration
	times int
	last  float64
	at    moment
}

// next takes a reading. rate is the most that the counter grows by in a second.
// It returns false for a reading that can't be.
func (c *counter) next(v float64, now moment, rate float64) bool {
	switch {
	case !c.open:
		c.follow(v, now, false)
	case fits(v-c.last, c.at, now, rate):
		c.sum += v - c.last
		c.follow(v, now, true)
	case now.session != c.at.session && v < c.last && fits(v, c.at, now, rate):
		c.sum += v // it began at 0 when the driver was loaded
		c.follow(v, now, false)
	case now.session != c.at.session:
		c.follow(v, now, false)
	case !c.confirmed: // one of two is wrong, and nobody knows which
		c.follow(v, now, false)
		return false
	default:
		return c.stray(v, now, rate)
	}
	return true
}

func (c *counter) follow(v float64, now moment, confirmed bool) {
	c.open, c.last, c.at, c.confirmed, c.other = true, v, now, confirmed, elsewhere{}
}

// stray takes a reading that does not go on from the good ones. It is believed
// when those like it have lasted.
func (c *counter) stray(v float64, now moment, rate float64) bool {
	o := &c.other
	if !o.open || !fits(v-o.last, o.at, now, rate) {
		o.since, o.times = now.done, 0
	}
	o.open, o.last, o.at = true, v, now
	o.times++
	if now.done-o.since < settles || o.times < settled {
		return false
	}
	c.follow(v, now, true)
	return true
}

// fits is true if a counter may have grown by so much between two readings.
func fits(grown float64, from, to moment, rate float64) bool {
	return grown >= 0 && grown <= slack*rate*max(to.done-from.asked, time.Second).Seconds()
}

// steady follows a quantity that does not change.
type steady struct {
	known     bool
	value     float64
	session   int
	confirmed bool // it was read twice
	other     float64
	since     time.Duration // when other was first read instead
	times     int           // how often since, 0 if value was read last
}

// next takes a reading. It returns false for one that can't be.
func (s *steady) next(v float64, now moment) bool {
	switch {
	case s.known && v == s.value:
		s.confirmed, s.times, s.session = true, 0, now.session
		return true
	case !s.known || now.session != s.session:
		*s = steady{known: true, value: v, session: now.session}
		return true
	case !s.confirmed:
		*s = steady{known: true, value: v, session: now.session}
		return false
	}
	if s.times == 0 || v != s.other {
		s.times, s.other, s.since = 0, v, now.done
	}
	s.times++
	if now.done-s.since < settles || s.times < settled {
		return false
	}
	*s = steady{known: true, value: v, session: now.session, confirmed: true}
	return true
}
