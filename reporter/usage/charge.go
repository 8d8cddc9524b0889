package usage

// charge is what is booked of lives for time that later ones turned out to have
// counted: an hour bridged a gap in which samples that came late show one more
// life. It must not be counted again.
type charge struct {
	before, inside int64 // the window, GPU-milliseconds
	settled        int64 // of these, left out of what later lives count
}

// foreseen is what life i is booked with beyond all that it can have counted
// until the next one began, if that is nothing but a bridge.
func (t *track) foreseen(i int, b booking) charge {
	if i+1 == len(t.lives) || t.isDevice() {
		return charge{}
	}
	l := &t.lives[i]
	last, next := l.points[len(l.points)-1], t.lives[i+1].whole[0].t
	reach := l.whole.last().v
	reach[held] = max(reach[held], l.own().v[held]+last.share*float64(next-last.t)/1000)
	most := reach.whole()[held]
	if b.closing[held] <= most || !l.isBridge(b.closing) {
		return charge{}
	}
	before := max(0, b.opening[held]-most)
	return charge{before: before, inside: b.closing[held] - most - before}
}

// isBridge tells whether what is booked beyond what the life counted itself is
// nothing but a bridge, which adds to the seconds held alone. What else was booked,
// samples told that are gone; and where nothing but those seconds is known, nobody
// can tell.
func (l *life) isBridge(booked amounts) bool {
	own := l.own().v.whole()
	known := false
	for q := held + 1; q < len(own); q++ {
		if booked[q] > own[q]+1 {
			return false
		}
		known = known || own[q] > 0
	}
	return known
}

func (c *charge) add(more charge) {
	c.before += more.before
	c.inside += more.inside
}

// settle leaves out of a booking what is charged already. If the hour before knew
// of the life, it has settled what came before the window.
func (c *charge) settle(b *booking, late bool) {
	before := int64(0)
	if late {
		before = min(c.before, b.begin[held]-b.opening[held])
	}
	c.before -= before
	c.inside -= min(c.inside, b.missing) // the hour after the window settles that
	inside := min(c.inside, b.closing[held]-b.begin[held])
	c.inside -= inside
	c.settled += before + inside
	b.opening[held] += before + inside
	b.begin[held] += inside
}
