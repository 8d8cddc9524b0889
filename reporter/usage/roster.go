package usage

import (
	"iter"
	"slices"
	"strings"
)

// Device is a physical GPU and where it is.
type Device struct {
	UUID, Node, NodePool, Model string
}

// unseen is the Start of the edge that says that a GPU was not seen in the hour
// before it.
const unseen = -1

// sayUnseen is that edge. What began since then, Unix ms, may be booked nowhere.
func sayUnseen(uuid string, since int64) Edge {
	return Edge{UUID: uuid, Start: unseen, Total: [6]int64{since}}
}

// roster are the GPUs with which the hour before ended. Those of which no sample
// tells are carried on, as long as their node is there: their time is uncovered,
// and their edges stay as they are until the GPU is seen again.
type roster struct {
	devices []Device // sorted by UUID
	seen    []bool
	next    int // those before have had their turn
	edges   iter.Seq2[Edge, error]
	after   *EdgeTable
	faults  Notes

	// The edges are read once, in their order, and only if they are needed.
	pull func() (Edge, error, bool)
	stop func()
	head Edge // the first that was not taken yet
	more bool
}

func newRoster(n Neighbours) *roster {
	return &roster{
		devices: n.Devices, seen: make([]bool, len(n.Devices)), edges: n.Carry, after: n.After,
		faults: Notes{}, stop: func() {},
	}
}

// place is where the GPU is in the roster, -1 if it is not there.
func (r *roster) place(uuid string) int {
	i, ok := slices.BinarySearchFunc(r.devices, uuid, func(d Device, uuid string) int { return strings.Compare(d.UUID, uuid) })
	if !ok {
		return -1
	}
	return i
}

// carry adds to a part the GPUs up to a UUID that were not seen; "" stands for
// all. No GPU up to it is seen any more.
func (f *fold) carry(p *Part, upTo string) error {
	r := f.roster
	for ; r.next < len(r.devices) && (upTo == "" || r.devices[r.next].UUID <= upTo); r.next++ {
		d := &r.devices[r.next]
		until, known := f.there[d.Node]
		if r.seen[r.next] || !known || until <= f.from {
			continue
		}
		r.faults.Add(GPUUnseen, d.UUID)
		f.unseenRows(p, d, min(until, f.to))
		if err := r.carryEdges(p, d.UUID, f.since); err != nil {
			return err
		}
	}
	return nil
}

// unseenRows makes the rows of a GPU that was there until a time.
func (f *fold) unseenRows(p *Part, d *Device, until int64) {
	row := Segment{
		Cluster: f.cluster, Node: d.Node, NodePool: d.NodePool, UUID: d.UUID, Model: d.Model, Share: 1,
		State: Uncovered, HeldFrom: f.from, HeldTo: until, GPUMillis: until - f.from,
	}
	p.Segments = append(p.Segments, row)
	f.coverage.Expected += row.GPUMillis
	f.coverage.Uncovered += row.GPUMillis
	if until < f.to {
		row.State, row.HeldFrom, row.HeldTo, row.GPUMillis = Absent, until, f.to, f.to-until
		p.Segments = append(p.Segments, row)
		f.coverage.Absent += row.GPUMillis
	}
}

// carryEdges books the edges of a GPU at the window's end as they are at its
// begin, and since when it may have done things that no hour has booked.
func (r *roster) carryEdges(p *Part, uuid string, since int64) error {
	if r.edges == nil {
		return nil
	}
	if r.pull == nil {
		r.pull, r.stop = iter.Pull2(r.edges)
		if err := r.advance(); err != nil {
			return err
		}
	}
	marked := false
	for r.more && r.head.UUID <= uuid {
		if e := r.head; e.UUID == uuid {
			marked = marked || e.saysUnseen()
			p.Opening, p.Closing = append(p.Opening, e), append(p.Closing, e)
			if total, ok := r.after.Find(uuid, e.Pod, e.Container, e.Start); ok && total != e.Total {
				r.faults.Add(EdgeContradicted, uuid)
			}
		}
		if err := r.advance(); err != nil {
			return err
		}
	}
	if !marked {
		p.Closing = append(p.Closing, sayUnseen(uuid, since))
	}
	return nil
}

func (r *roster) advance() (err error) {
	r.head, err, r.more = r.pull()
	return err
}
