package fleet

import "time"

const (
	poll   = int64(1000)                                // ms between two polls
	jitter = int64(20)                                  // a poll is late by less than this, in ms
	linger = int64(10 * time.Minute / time.Millisecond) // for how long an ended holding is shown, in ms
)

// scraping is how far the scrapes of a node have come.
type scraping struct {
	at      int64          // the next scrape, Unix ms
	process span           // the collector's process that answered last
	next    int            // the first holding that has not begun
	live    []int          // holdings that are shown
	before  [perNode]int64 // what the process saw of those no longer shown, thousandths × ms
	shown   bool           // the last scrape succeeded
	up      ref
	node    [len(nodeFamilies)]ref
	gpus    [perNode][perGPU]ref
}

// lastPoll is the time of the latest poll of a process up to t.
func (p span) lastPoll(t int64) int64 {
	at := func(k int64) int64 { return p.from + k*poll + int64(uint64(k)*0x9e3779b97f4a7c15>>40)%jitter }
	k := (t - p.from) / poll
	if k > 0 && at(k) > t {
		k--
	}
	return min(at(k), t)
}

// seenOf is what a process that began at some time has seen of the holding up to
// the poll at t, in ms. Below 0: it has not begun, or was over before.
func (h *holding) seenOf(begin, t int64) int64 {
	begin = max(begin, h.From)
	if t < begin || h.To <= begin {
		return -1
	}
	return min(t, h.To) - begin
}

// scrape makes the next scrape.
func (n *node) scrape(w *writer) {
	s := &n.scraping
	process, ok := n.process(s.at)
	w.time = s.at
	if !ok {
		w.put(&s.up, 0, n.upLabels)
		n.vanish(w)
		return
	}
	if process != s.process {
		s.process, s.before = process, [perNode]int64{}
	}
	t := process.lastPoll(s.at)
	w.put(&s.up, 1, n.upLabels)
	n.showNode(w, t)
	n.showGPUs(w, t, n.showHoldings(w, t))
	s.shown = true
}

// showHoldings writes what is shown of holdings at the poll at t, and returns
// what the collector has seen allocated of each GPU, in thousandths × ms.
func (n *node) showHoldings(w *writer, t int64) (allocated [perNode]int64) {
	s := &n.scraping
	for s.next < len(n.holdings) && n.holdings[s.next].From <= t {
		s.live = append(s.live, s.next)
		s.next++
	}
	allocated = s.before
	kept := s.live[:0]
	for _, i := range s.live {
		h := &n.holdings[i]
		seen := h.seenOf(s.process.from, t)
		allocated[h.gpu] += max(0, seen) * h.Milli
		if seen >= 0 && t < h.To+linger {
			n.showHolding(w, h, max(s.process.from, h.From), seen, t >= h.To)
			kept = append(kept, i)
			continue
		}
		s.before[h.gpu] += max(0, seen) * h.Milli
		n.endHolding(w, h, 0)
	}
	s.live = kept
	return allocated
}

// vanish marks all that was shown as stale.
func (n *node) vanish(w *writer) {
	s := &n.scraping
	if !s.shown {
		return
	}
	s.shown = false
	n.putNode(w, [...]float64{stale, stale, stale})
	for i := range n.gpus {
		n.putGPU(w, i, [...]float64{stale, stale, stale, stale, stale})
	}
	for _, i := range s.live {
		n.endHolding(w, &n.holdings[i], 0)
	}
}
