package fold

// bridgeDebt is GPU time that a bridge charged and that a later epoch counted,
// too: an hour bridged a gap in which samples that came late show one more epoch.
// It must not be counted again.
type bridgeDebt struct {
	before, inside int64 // the window, GPU-milliseconds
	paid           int64 // what was left out of what later epochs count
}

// chargedAhead is what epoch i is stored with beyond all that it can have counted
// until the next one began, if that is nothing but a bridge.
func (t *track) chargedAhead(i int, b edgeTotals) bridgeDebt {
	if i+1 == len(t.epochs) || t.isDevice() {
		return bridgeDebt{}
	}
	e := &t.epochs[i]
	last, next := e.lastPoint(), t.epochs[i+1].whole[0].t
	reach := e.whole.last().v
	reach[Held] = max(reach[Held], e.own().v[Held]+last.Share*float64(next-last.Time)/1000)
	most := reach.whole()[Held]
	if b.closing[Held] <= most || !e.isBridge(b.closing) {
		return bridgeDebt{}
	}
	before := max(0, b.opening[Held]-most)
	return bridgeDebt{before: before, inside: b.closing[Held] - most - before}
}

// isBridge says whether what is stored beyond what the epoch counted itself is
// nothing but a bridge, which adds to the seconds held alone. If another quantity
// is beyond, samples that are gone said so; and where nothing but the seconds
// held is known, nobody can say.
func (e *trackEpoch) isBridge(stored amounts) bool {
	own := e.own().v.whole()
	known := false
	for q := Held + 1; q < len(own); q++ {
		if stored[q] > own[q]+1 {
			return false
		}
		known = known || own[q] > 0
	}
	return known
}

func (d *bridgeDebt) add(more bridgeDebt) {
	d.before += more.before
	d.inside += more.inside
}

// payBack leaves out of an epoch's totals what is charged already. If the previous
// hour knew the epoch, it has paid back what came before the window.
func (d *bridgeDebt) payBack(b *edgeTotals, knownBefore bool) {
	before := int64(0)
	if !knownBefore {
		before = min(d.before, b.begin[Held]-b.opening[Held])
	}
	d.before -= before
	d.inside -= min(d.inside, b.missing) // the next hour pays that back
	inside := min(d.inside, b.closing[Held]-b.begin[Held])
	d.inside -= inside
	d.paid += before + inside
	b.opening[Held] += before + inside
	b.begin[Held] += inside
}
