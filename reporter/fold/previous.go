package fold

import (
	"iter"
	"slices"
	"strings"

	"github.com/gputally/gputally/reporter/usage"
)

// unseenEdge says that the previous hour did not see a GPU and carried its edges on.
// What began since then, Unix ms, may be stored nowhere.
func unseenEdge(uuid string, since int64) usage.Edge {
	return usage.Edge{UUID: uuid, Start: usage.Unseen, Total: [6]int64{since}}
}

// previousGPUs are the GPUs with which the previous hour ended. Those that no scrape
// shows are carried on, as long as their node is there: their time is uncovered, and
// their edges stay as they are until the GPU is seen again.
type previousGPUs struct {
	devices []usage.Device // sorted by UUID
	seen    []bool
	next    int // earlier ones have had their turn
	edges   iter.Seq2[usage.Edge, error]
	after   *usage.EdgeTable
	notes   usage.Notes

	// The edges are read once, in their order, and only if they are needed.
	pull func() (usage.Edge, error, bool)
	stop func()
	head usage.Edge // the first that was not taken yet
	more bool
}

func newPreviousGPUs(n usage.Neighbours) *previousGPUs {
	return &previousGPUs{
		devices: n.Devices, seen: make([]bool, len(n.Devices)), edges: n.Carry, after: n.After,
		notes: usage.Notes{}, stop: func() {},
	}
}

// place is where a GPU is in the list, -1 if it is not there.
func (p *previousGPUs) place(uuid string) int {
	i, ok := slices.BinarySearchFunc(p.devices, uuid, func(d usage.Device, uuid string) int { return strings.Compare(d.UUID, uuid) })
	if !ok {
		return -1
	}
	return i
}

// carry adds to a part the GPUs up to a UUID that were not seen; "" stands for
// all. No GPU up to it is seen any more.
func (h *Hour) carry(part *usage.Part, upTo string) error {
	p := h.previous
	for ; p.next < len(p.devices) && (upTo == "" || p.devices[p.next].UUID <= upTo); p.next++ {
		d := &p.devices[p.next]
		until, known := h.span.until[d.Node]
		if p.seen[p.next] || !known || until <= h.span.from {
			continue
		}
		p.notes.Add(usage.GPUUnseen, d.UUID)
		h.unseenRows(part, d, min(until, h.span.to))
		if err := p.carryEdges(part, d.UUID, h.span.since); err != nil {
			return err
		}
	}
	return nil
}

// unseenRows makes the rows of a GPU that was there until a time.
func (h *Hour) unseenRows(part *usage.Part, d *usage.Device, until int64) {
	row := usage.Segment{
		Cluster: h.span.cluster, Node: d.Node, NodePool: d.NodePool, UUID: d.UUID, Model: d.Model, Share: 1,
		State: usage.Uncovered, HeldFrom: h.span.from, HeldTo: until, GPUMillis: until - h.span.from,
	}
	part.Segments = append(part.Segments, row)
	h.coverage.Expected += row.GPUMillis
	h.coverage.Uncovered += row.GPUMillis
	if until < h.span.to {
		row.State, row.HeldFrom, row.HeldTo, row.GPUMillis = usage.Absent, until, h.span.to, h.span.to-until
		part.Segments = append(part.Segments, row)
		h.coverage.Absent += row.GPUMillis
	}
}

// carryEdges stores the edges of a GPU at the window's end as they are at its
// begin, and since when it may have done things that no hour has stored.
func (p *previousGPUs) carryEdges(part *usage.Part, uuid string, since int64) error {
	if p.edges == nil {
		return nil
	}
	if p.pull == nil {
		p.pull, p.stop = iter.Pull2(p.edges)
		if err := p.advance(); err != nil {
			return err
		}
	}
	marked := false
	for p.more && p.head.UUID <= uuid {
		if e := p.head; e.UUID == uuid {
			marked = marked || e.Start == usage.Unseen // the first of its GPU
			part.Opening, part.Closing = append(part.Opening, e), append(part.Closing, e)
			if total, ok := p.after.Find(uuid, e.Pod, e.Container, e.Start); ok && total != e.Total {
				p.notes.Add(usage.EdgeContradicted, uuid)
			}
		}
		if err := p.advance(); err != nil {
			return err
		}
	}
	if !marked {
		part.Closing = append(part.Closing, unseenEdge(uuid, since))
	}
	return nil
}

func (p *previousGPUs) advance() (err error) {
	p.head, err, p.more = p.pull()
	return err
}
