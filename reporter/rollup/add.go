package rollup

import (
	"errors"
	"fmt"
	"iter"
	"slices"

	"github.com/gputally/gputally/reporter/report"
	"github.com/gputally/gputally/reporter/usage"
	"github.com/gputally/gputally/reporter/window"
)

// Columns are the columns of an hour's segments that AddBatches needs.
func (r *Rollup) Columns(hour window.Window) usage.Columns {
	texts, numbers := slices.Concat(r.texts, r.accumulators.texts()), r.need.numbers
	inside, _ := hour.Intersect(r.spec.Window)
	moves := r.moveWithin(inside)
	if moves && !r.need.namespace {
		texts = append(texts, usage.TextNamespace)
	}
	if moves || inside != hour { // segments will be cut
		numbers = slices.Concat(numbers, []usage.Number{usage.NumberHeldFrom, usage.NumberHeldTo})
		slices.Sort(numbers)
		numbers = slices.Compact(numbers)
	}
	return usage.Columns{Texts: texts, Numbers: numbers}
}

// Add adds an hour of one cluster with the segments that it holds. See AddBatches.
func (r *Rollup) Add(h Hour) error {
	for _, seg := range h.Segments {
		if err := checkSegment(h, seg); err != nil {
			return fmt.Errorf("hour %s of cluster %q: %w", h.Window, h.Cluster, err)
		}
	}
	return r.AddBatches(h, func(yield func(*usage.Batch, error) bool) {
		var b usage.Batch
		b.Fill(h.Segments)
		yield(&b, nil)
	})
}

// AddBatches adds an hour of one cluster, cut to the report's window. Its
// segments come in batches that have the Columns of the hour. Hours come in
// order of time, each once; the order of clusters within an hour is free. After
// an error the rollup can't be used any more.
func (r *Rollup) AddBatches(h Hour, batches iter.Seq2[*usage.Batch, error]) error {
	if err := r.addBatches(h, batches); err != nil {
		return fmt.Errorf("hour %s of cluster %q: %w", h.Window, h.Cluster, err)
	}
	return nil
}

func (r *Rollup) addBatches(h Hour, batches iter.Seq2[*usage.Batch, error]) error {
	inside, err := r.admit(h)
	if err != nil {
		return err
	}
	if r.scratch.previous, err = r.beginHour(h.Cluster); err != nil {
		return err
	}
	var parts usage.Coverage
	for b, err := range batches {
		if err != nil {
			return err
		}
		if err := checkBatch(h, b); err != nil {
			return err
		}
		if inside != h.Window {
			b.Cut(inside.From.UnixMilli(), inside.To.UnixMilli())
		}
		if b.Rows == 0 {
			continue
		}
		if err := r.addBatch(b, h.Cluster, inside, &parts); err != nil {
			return err
		}
	}
	expect(&parts, h.Hour, inside)
	r.cluster(h.Cluster).coverage.Add(parts)
	r.inputs = append(r.inputs, report.Input{
		Cluster: h.Cluster, From: h.Window.From, Revision: h.Revision, SHA256: h.SHA256,
	})
	r.notes.hour(h.Hour)
	return nil
}

// admit checks that an hour belongs into the report and was not added before,
// and returns the part of it that is in the report.
func (r *Rollup) admit(h Hour) (window.Window, error) {
	inside, common := h.Window.Intersect(r.spec.Window)
	from := h.Window.From.UnixMilli()
	switch {
	case len(r.spec.Clusters) > 0 && !slices.Contains(r.spec.Clusters, h.Cluster):
		return inside, errors.New("the report is not about this cluster")
	case !common:
		return inside, errors.New("is outside of the report's window " + r.spec.Window.String())
	case h.Window.From.Before(r.now):
		return inside, errors.New("comes after a later hour: hours must be in order")
	case r.has(h.Cluster, from):
		return inside, errors.New("comes twice, and would be counted twice")
	}
	r.now = h.Window.From
	r.cluster(h.Cluster).hours[from] = part{h.Window.Duration().Milliseconds(), h.Revision == 0}
	return inside, nil
}

func (r *Rollup) has(cluster string, hour int64) bool {
	_, ok := r.cluster(cluster).hours[hour]
	return ok
}
