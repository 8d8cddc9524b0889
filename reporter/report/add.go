package report

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/gputally/gputally/reporter/price"
	"github.com/gputally/gputally/reporter/quota"
	"github.com/gputally/gputally/reporter/usage"
	"github.com/gputally/gputally/reporter/window"
)

// Add adds an hour of one cluster, cut to the report's window. Hours come in
// order of time, each once; the order of clusters within an hour is free.
func (r *Rollup) Add(h Hour) error {
	inside, err := r.admit(h)
	if err != nil {
		return fmt.Errorf("hour %s of cluster %q: %w", h.Window, h.Cluster, err)
	}
	var parts usage.Coverage
	for _, seg := range h.Segments {
		if err := checkSegment(h, seg); err != nil {
			return fmt.Errorf("hour %s of cluster %q: %w", h.Window, h.Cluster, err)
		}
		if inside != h.Window {
			var overlaps bool
			if seg, overlaps = seg.Cut(inside.From.UnixMilli(), inside.To.UnixMilli()); !overlaps {
				continue
			}
		}
		count(&parts, seg)
		if seg.State == usage.Absent { // no part of the fleet's time
			continue
		}
		if err := r.segment(seg); err != nil {
			return fmt.Errorf("hour %s of cluster %q: %w", h.Window, h.Cluster, err)
		}
	}
	expect(&parts, h.Hour, inside)
	merge(&r.cluster(h.Cluster).coverage, parts)
	r.inputs = append(r.inputs, input{h.Cluster, h.Window.From, h.Revision, h.SHA256})
	r.notes.hour(h.Hour)
	return nil
}

// admit checks that an hour belongs into the report and was not there before,
// and returns the part of it that is in the report.
func (r *Rollup) admit(h Hour) (window.Window, error) {
	inside := window.Window{From: later(h.Window.From, r.spec.Window.From), To: earlier(h.Window.To, r.spec.Window.To)}
	from := h.Window.From.UnixMilli()
	switch {
	case len(r.spec.Clusters) > 0 && !slices.Contains(r.spec.Clusters, h.Cluster):
		return inside, errors.New("the report is not about this cluster")
	case !inside.From.Before(inside.To):
		return inside, errors.New("is outside of the report's window " + r.spec.Window.String())
	case h.Window.From.Before(r.now):
		return inside, errors.New("comes after a later hour: hours must be in order")
	case r.has(h.Cluster, from):
		return inside, errors.New("comes twice, and would be counted twice")
	}
	if h.Window.From.After(r.now) && r.tally != nil {
		r.tally.Flush()
	}
	r.now = h.Window.From
	r.cluster(h.Cluster).hours[from] = part{h.Window.Duration().Milliseconds(), h.Revision == 0}
	return inside, nil
}

func (r *Rollup) has(cluster string, hour int64) bool {
	_, ok := r.cluster(cluster).hours[hour]
	return ok
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// checkSegment refuses what can't be in a ledger that is whole.
func checkSegment(h Hour, seg usage.Segment) error {
	switch {
	case rank(seg.State) < 0 && seg.State != usage.Absent:
		return fmt.Errorf("GPU %s has a segment of unknown state %q: it was written by a newer version", seg.UUID, seg.State)
	case seg.Cluster != h.Cluster:
		return fmt.Errorf("GPU %s has a segment of cluster %q: the ledger is damaged, close the hour again", seg.UUID, seg.Cluster)
	case seg.HeldFrom < h.Window.From.UnixMilli() || seg.HeldTo > h.Window.To.UnixMilli() || seg.HeldFrom > seg.HeldTo:
		return fmt.Errorf("GPU %s has a segment that is not within the hour: the ledger is damaged, close the hour again", seg.UUID)
	case min(seg.GPUMillis, seg.ActiveMillis, seg.IdleMillis, seg.ObservedMillis, seg.EstimatedMillis, seg.MemoryByteSeconds, seg.EnergyMillijoules) < 0:
		return fmt.Errorf("GPU %s has a segment with a negative quantity: the ledger is damaged, close the hour again", seg.UUID)
	}
	return nil
}

// segment adds one segment to its row, prices it, and counts it against a quota.
func (r *Rollup) segment(seg usage.Segment) error {
	if seg.NodePool == "" && r.projects != nil {
		seg.NodePool = r.projects.Pool(seg.Node, seg.Model)
	}
	whose := r.owner(seg)
	g := r.group(r.key(seg, whose))
	g.add(seg)
	if seg.State != usage.Allocated {
		return nil
	}
	if r.tally != nil {
		if err := r.tally.Add(whose.project, seg.NodePool, seg); err != nil {
			return err
		}
	}
	return r.price(g, seg)
}

func (r *Rollup) group(k Key) *group {
	g, ok := r.rows[k]
	if !ok {
		g = &group{Row: Row{Key: k}}
		r.rows[k] = g
	}
	return g
}

func (r *Rollup) price(g *group, seg usage.Segment) error {
	if r.book == nil {
		return nil
	}
	cost, err := r.book.Cost(seg)
	switch {
	case errors.Is(err, price.ErrUnpriced) && r.book.AllowsUnpriced(seg.Model):
		r.notes.free[seg.Model] += seg.GPUMillis
	case errors.Is(err, price.ErrUnpriced):
		r.notes.unpriced[seg.Model] += seg.GPUMillis
		g.unpriced = true
	case err != nil:
		return err
	default:
		if g.Cost, err = g.Cost.Add(cost); err != nil {
			return err
		}
	}
	return nil
}

// owner asks once for each namespace: patterns are slow to try.
func (r *Rollup) owner(seg usage.Segment) owner {
	if r.projects == nil || seg.State != usage.Allocated {
		return owner{}
	}
	at := [2]string{seg.Cluster, seg.Namespace}
	whose, ok := r.owners[at]
	if !ok {
		whose.project, whose.department = r.projects.Of(seg.Cluster, seg.Namespace)
		r.owners[at] = whose
	}
	return whose
}

// key is the key of the row that a segment belongs to.
func (r *Rollup) key(seg usage.Segment, whose owner) Key {
	full := Key{
		State:   seg.State,
		Cluster: seg.Cluster, NodePool: orNone(seg.NodePool),
		Namespace: seg.Namespace, Pod: seg.Pod, PodUID: seg.PodUID,
	}
	if seg.State == usage.Allocated {
		full.Department, full.Project = orNone(whose.department), orNone(whose.project)
	}
	return full.only(r.columns)
}

func orNone(name string) string {
	if name == "" {
		return quota.None
	}
	return name
}
