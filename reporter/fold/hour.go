package fold

import (
	"cmp"
	"iter"
	"slices"
	"time"

	"github.com/gputally/gputally/reporter/usage"
	"github.com/gputally/gputally/reporter/window"
)

// Config says which window is folded and what is known around it. A source keeps
// the same three spans for all windows, or neighbouring hours would see different
// samples around their edge.
type Config struct {
	Cluster string
	Window  window.Window
	// Lookback and Lookahead are how far before and after the window GPUs have
	// scrapes.
	Lookback, Lookahead time.Duration
	// MaxBridge is the longest time between two scrapes of a holder over which it
	// is charged though nobody counted. At most Lookback and Lookahead.
	MaxBridge  time.Duration
	Neighbours usage.Neighbours
	// PresentUntil says by node until when it was there, Unix ms; math.MaxInt64 if
	// nobody saw it go. Nodes without any sign of life are not in it.
	PresentUntil map[string]int64
	// Emit takes the parts of the hour, in the order of UUIDs.
	Emit func(usage.Part) error
	// KeepAll folds also the scrapes that change nothing. It takes longer and
	// gives the same.
	KeepAll bool
}

// Hour folds one window. Not for several goroutines at once.
type Hour struct {
	span     span
	previous *previousGPUs
	sorter   sorter
	scratch  scratch

	part     usage.Part // of the piece at hand
	notes    usage.Notes
	coverage usage.Coverage
	findings usage.FindingSum
	lost     Missing
}

// span is what holds for all GPUs of a window. Times are Unix ms, lengths ms.
type span struct {
	cluster     string
	from, to    int64
	since       int64 // the previous hour's begin
	back, ahead int64 // how far around an edge both neighbouring hours see
	bridge      int64 // longest bridge
	neighbours  usage.Neighbours
	until       map[string]int64 // by node, when it went
	keepAll     bool
}

// scratch is memory that is used again for the next GPU.
type scratch struct {
	one       gpuFold // the GPU at hand
	epochs    epochPool
	curves    knotArena
	seen      []scrapeTotals
	near      curve
	intervals []interval
	totals    []edgeTotals
	holdings  []usage.Holding
	asked     []int64
	thinner   thinner
}

// New begins a window.
func New(cfg Config) *Hour {
	n := cfg.Neighbours
	since := n.Since
	if since.IsZero() {
		since = cfg.Window.From.Add(-time.Hour)
	}
	h := &Hour{
		span: span{
			cluster: cfg.Cluster, from: cfg.Window.From.UnixMilli(), to: cfg.Window.To.UnixMilli(), since: since.UnixMilli(),
			back: cfg.Lookback.Milliseconds(), ahead: cfg.Lookahead.Milliseconds(), bridge: cfg.MaxBridge.Milliseconds(),
			neighbours: n, until: cfg.PresentUntil, keepAll: cfg.KeepAll,
		},
		previous: newPreviousGPUs(n),
		findings: usage.FindingSum{},
	}
	h.scratch.thinner.ahead = h.span.ahead
	h.sorter = sorter{emit: cfg.Emit, carry: h.carry}
	return h
}

// Piece folds some GPUs, sorted by UUID. A GPU is valid until the next one is
// taken, and comes once in a window. The place of a piece is never lower than that
// of the piece before it; a higher place has higher UUIDs, and only the UUIDs of
// place 0 lie anywhere. Notes are what reading these GPUs found. Errors: Emit's,
// and those of Neighbours.Carry.
func (h *Hour) Piece(place int, gpus iter.Seq[*GPU], notes usage.Notes) error {
	h.notes = notes
	h.part = usage.Part{Segments: h.part.Segments[:0], Opening: h.part.Opening[:0], Closing: h.part.Closing[:0]}
	for g := range gpus {
		h.gpu(g)
	}
	h.findings.Add(notes)
	return h.sorter.add(place, h.part)
}

// Finish emits the rest, and returns what the hour covers and what was found.
// Errors: as Piece.
func (h *Hour) Finish() (usage.Coverage, usage.FindingSum, error) {
	err := h.sorter.flush()
	h.Stop()
	h.findings.Add(h.previous.notes)
	h.coverage.Residue = h.coverage.Expected - h.coverage.Sum()
	return h.coverage, h.findings, err
}

// Missing says which GPUs lack containers, once the hour is finished. If there are
// any, the hour is not what happened.
func (h *Hour) Missing() Missing { return h.lost }

// Stop lets go of what a window reads that is not finished.
func (h *Hour) Stop() { h.previous.stop() }

// gpuFold folds one GPU.
type gpuFold struct {
	span    *span
	scratch *scratch
	part    *usage.Part
	notes   usage.Notes
	sums    *usage.Coverage
	lost    *Missing

	gpu      *GPU
	row      usage.Segment // a row of the GPU without time
	before   openingEdges
	wasThere bool  // at the end of the previous hour
	seenFrom int64 // before that nothing is known of the device in the window, Unix ms; 0 if all is
}

// openingEdges are the edges from which a GPU counts on.
type openingEdges struct {
	near  *usage.EdgeTable // what the previous hour stored
	far   *usage.EdgeTable // what it stored, for what no sample near the edge shows; nil if that is near
	since int64            // what began before that, Unix ms, and is not stored, earlier hours may have counted
}

// gpu folds a GPU in three steps. The device's track comes first, because it
// names the times at which it will ask what its containers held. Their rows
// follow, and last the device's, which fill what the containers leave.
func (h *Hour) gpu(g *GPU) {
	h.scratch.epochs.reset()
	h.scratch.curves.reset()
	first := [3]int{len(h.part.Segments), len(h.part.Opening), len(h.part.Closing)}
	place := h.previous.place(g.Place.UUID)
	f := &h.scratch.one
	*f = gpuFold{
		span: &h.span, scratch: &h.scratch, part: &h.part, notes: h.notes, sums: &h.coverage, lost: &h.lost,
		gpu: g, before: h.openingEdges(g.Place.UUID), wasThere: place >= 0,
		row: usage.Segment{
			Cluster: h.span.cluster, UUID: g.Place.UUID, Node: g.Place.Node, Model: g.Place.Model, NodePool: g.Place.NodePool, Share: 1,
		},
	}
	device, asked := f.deviceTrack()
	until := int64(0)
	if f.beginsLate(&device) {
		until = device.epochs[0].points[0].Time
	}
	held := f.holdings(asked, until)
	last := max(device.lastSeen(), held.lastSeen())
	if last > 0 && place >= 0 {
		h.previous.seen[place] = true
	}
	if last > 0 && last < h.span.from {
		h.part.Closing = append(h.part.Closing, unseenEdge(g.Place.UUID, min(f.before.since, last)))
	}
	f.checkPlace(&held)
	f.checkShares(h.part.Segments[first[0]:])
	f.deviceRows(&device, &held)
	slices.SortFunc(h.part.Segments[first[0]:], usage.Compare)
	slices.SortFunc(h.part.Opening[first[1]:], usage.CompareEdges)
	slices.SortFunc(h.part.Closing[first[2]:], usage.CompareEdges)
}

// openingEdges looks up from where a GPU counts on. One that the previous hour
// did not see counts from the edges that it carried on.
func (h *Hour) openingEdges(uuid string) openingEdges {
	n := &h.span.neighbours
	e := openingEdges{near: n.Before, since: h.span.since}
	if n.Before == nil {
		e.far = n.Carried
	}
	for _, table := range [...]*usage.EdgeTable{n.Before, n.Carried} {
		if since, ok := table.Find(uuid, "", "", usage.Unseen); ok {
			return openingEdges{near: table, since: min(h.span.since, since[0])}
		}
	}
	return e
}

// checkPlace notes a GPU whose node or model is missing or ambiguous.
func (f *gpuFold) checkPlace(held *heldTime) {
	place := &f.gpu.Place
	if (len(f.gpu.Device) > 0 || len(held.tracks) > 0) && (place.Node == "" || place.Model == "") {
		f.notes.Add(usage.GPUInfoMissing, place.UUID)
	}
	if f.gpu.Ambiguous {
		f.notes.Add(usage.GPUInfoAmbiguous, place.UUID)
	}
}

// checkShares holds the shares that containers have at one time against the GPU.
func (f *gpuFold) checkShares(rows []usage.Segment) {
	if len(rows) < 2 {
		return
	}
	all := f.scratch.holdings[:0]
	for i := range rows {
		all = append(all, usage.Holding{From: rows[i].HeldFrom, To: rows[i].HeldTo, Share: rows[i].Share})
	}
	f.scratch.holdings = all
	if usage.Overheld(all, f.span.to-f.span.from) > 0 {
		f.notes.Add(usage.SharesAboveOne, f.gpu.Place.UUID)
	}
}

// add adds a row, if there is time in it.
func (f *gpuFold) add(s usage.Segment) {
	if s.GPUMillis > 0 {
		f.part.Segments = append(f.part.Segments, s)
	}
}

// byKey orders holdings.
func byKey(a, b Holding) int {
	x, y := a.Holder.Key(), b.Holder.Key()
	return cmp.Or(cmp.Compare(x.Pod, y.Pod), cmp.Compare(x.Container, y.Container))
}
