package fold

import (
	"slices"

	"github.com/gputally/gputally/reporter/usage"
)

// heldTime is what containers held of one GPU.
type heldTime struct {
	tracks    []track
	total     int64      // GPU-milliseconds
	late      int64      // part of total that was held before the window
	paid      int64      // counted in the window, but charged already by a bridge
	estimated []interval // with what was held before the window
	early     []interval // not estimated, and held before the device's first scrape; only if that comes late
	until     int64      // when that is, Unix ms
	unscraped int64      // held in the window long before the holder's own first scrape, GPU-milliseconds
}

// metered is what was held before the window, but for what is estimated.
func (h *heldTime) metered() int64 {
	late := h.late
	for _, s := range h.estimated {
		if s.late {
			late -= s.amount[Held]
		}
	}
	return late
}

func (h *heldTime) add(s interval) {
	h.total += s.amount[Held]
	if s.late {
		h.late += s.amount[Held]
	}
	if s.estimated {
		h.estimated = append(h.estimated, s)
	} else if s.from < h.until && s.amount[Held] > 0 {
		h.early = append(h.early, s)
	}
}

// lastSeen is the time of the last scrape of a container, Unix ms, 0 without any.
func (h *heldTime) lastSeen() int64 {
	last := int64(0)
	for i := range h.tracks {
		last = max(last, h.tracks[i].lastSeen())
	}
	return last
}

// holdings makes the rows of all containers: runs of the same share. asked are
// the times at which the device will ask what they held. until is when the device's
// scrapes begin, Unix ms, if that is late.
func (f *gpuFold) holdings(asked []int64, until int64) (held heldTime) {
	held.until = until
	slices.SortFunc(f.gpu.Holdings, byKey)
	for i := range f.gpu.Holdings {
		o := &f.gpu.Holdings[i]
		t := track{key: o.Holder.Key(), uuid: f.gpu.Place.UUID, name: o.Name, split: straight}
		f.track(&t, o.Series, asked)
		if len(t.epochs) == 0 {
			continue
		}
		held.tracks = append(held.tracks, t)
		row := f.row
		row.State, row.Namespace, row.Pod = usage.Allocated, o.Holder.Namespace, o.Holder.Pod
		row.PodUID, row.Container = o.Holder.PodUID, o.Holder.Container
		f.holdingRows(&t, row, &held)
	}
	return held
}

// holdingRows makes the rows of a holder from its track.
func (f *gpuFold) holdingRows(t *track, row usage.Segment, held *heldTime) {
	first := len(f.part.Segments)
	var rest timeless
	var lasted int64
	all, paid := f.intervals(t)
	for _, s := range all {
		held.add(s)
		if s.late || s.share == 0 {
			rest.add(s)
			continue
		}
		lasted += s.amount[Held]
		rows := f.part.Segments[first:]
		if n := len(rows); n == 0 || s.from != rows[n-1].HeldTo || s.share != rows[n-1].Share {
			row.HeldFrom, row.HeldTo, row.Share = s.from, s.from, s.share
			f.part.Segments = append(f.part.Segments, row)
		}
		extend(&f.part.Segments[len(f.part.Segments)-1], s)
	}
	held.paid += paid
	held.unscraped += f.unscraped(t)
	if lasted > f.span.to-f.span.from+slack {
		f.notes.Add(usage.HeldTooLong, t.name)
	}
	if rest.amount != (amounts{}) {
		if len(f.part.Segments) == first {
			f.part.Segments = append(f.part.Segments, rest.row(row, f.span.from))
		}
		count(&f.part.Segments[first], rest.amount)
		f.part.Segments[first].EstimatedMillis += rest.estimated
	}
	for _, s := range f.part.Segments[first:] {
		f.sums.Allocated += s.GPUMillis
		f.sums.Estimated += s.EstimatedMillis
	}
}

// timeless is what a holder gets without time of its own in the window: what it
// held before and is counted only now, and what it used after its end. It is
// added to the holder's first row.
type timeless struct {
	amount    amounts
	estimated int64
	to        int64 // until when it would have been held, Unix ms; 0 for nothing held
	share     float64
}

func (b *timeless) add(s interval) {
	b.amount.add(s.amount)
	if s.estimated {
		b.estimated += s.amount[Held]
	}
	if s.amount[Held] > 0 && b.to == 0 {
		b.to, b.share = s.to, s.share
	}
}

// row is a row for a holder that has none.
func (b *timeless) row(row usage.Segment, from int64) usage.Segment {
	row.HeldFrom, row.HeldTo, row.Share = from, b.to, b.share
	if b.to == 0 {
		row.HeldTo, row.Share = from+1, 1
	}
	return row
}

// extend adds an interval that begins where the row ends.
func extend(row *usage.Segment, s interval) {
	row.HeldTo = s.to
	count(row, s.amount)
	if s.estimated {
		row.EstimatedMillis += s.amount[Held]
	}
}

// count adds amounts to a row.
func count(row *usage.Segment, a amounts) {
	row.GPUMillis += a[Held]
	row.ActiveMillis += a[Active]
	row.IdleMillis += a[Idle]
	row.ObservedMillis += a[Observed]
	row.MemoryByteSeconds += a[Memory]
	row.EnergyMillijoules += a[Energy]
}
