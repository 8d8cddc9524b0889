package fold

// countedByOthers is what the previous hour counted of later epochs while epoch i
// was out of its sight: from the last scrape of epoch i that both hours see, up to
// the window's begin. Epoch i counted that time, too, as a scrape shows that only
// this hour sees. all are the totals of the track's epochs.
func (f *gpuFold) countedByOthers(t *track, i int, all []edgeTotals) (sum amounts) {
	e, from := &t.epochs[i], f.span.from
	if i+1 == len(t.epochs) {
		return sum
	}
	reach := e.start
	if c := f.around(e, from); len(c) > 0 {
		reach = c.last().t
	} else if !e.known || reach < from-f.span.back {
		return sum // where the previous hour saw it last, nobody knows
	}
	if reach >= from || e.own().t <= from {
		return sum
	}
	reach = max(reach, e.counted)
	for j := i + 1; j < len(t.epochs) && reach < from; j++ {
		c := f.around(&t.epochs[j], from)
		if len(c) == 0 || c.last().t <= reach {
			continue
		}
		until := c.at(reach).whole()
		for q := range sum {
			sum[q] += max(0, all[j].opening[q]-until[q])
		}
		reach = c.last().t
	}
	return sum
}

// leaveOut leaves out what the previous hour counted of other epochs instead. has
// is what the epoch had counted at the window's begin, by all of its scrapes: if
// what the previous hour stored comes close to it, that hour counted the epoch.
func (b *edgeTotals) leaveOut(others, has amounts) {
	counted := b.opening[Held]+others[Held] > has[Held]+slack
	for q, more := range others {
		if counted {
			more = min(more, max(0, has[q]-b.opening[q]))
		}
		b.opening[q] = min(b.opening[q]+more, b.closing[q])
	}
}
