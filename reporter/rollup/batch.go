package rollup

import (
	"errors"
	"fmt"
	"slices"

	"github.com/gputally/gputally/reporter/price"
	"github.com/gputally/gputally/reporter/report"
	"github.com/gputally/gputally/reporter/usage"
	"github.com/gputally/gputally/reporter/window"
)

// work is the memory in which batches are added up: rows are sorted into
// classes, each class is added up beside the rows of the report, and then added
// to one of them. So what is slow is done once for each class.
type work struct {
	pools, places, rows classes
	poolCodes           []int32
	poolIDs             []uint32 // by code
	memo                *memo    // of the cluster at hand

	// By class of rows:
	placeOf []*place
	sums    []sums
	flats   []flat
	gaps    []int64 // GPU-ms without a price
}

// flat is the rate of a class, if one applies to all of the hour.
type flat struct {
	price.Flat
	ok bool
}

// batch adds up the segments of a batch.
func (r *Rollup) batch(b *usage.Batch, inside window.Window, parts *usage.Coverage) error {
	r.sort(b)
	r.work.add(b)
	if r.book != nil {
		if err := r.pay(b, inside); err != nil {
			return err
		}
	}
	if r.tally != nil && r.need.held {
		if err := r.hold(b); err != nil {
			return err
		}
	}
	for class := range r.work.sums {
		s, p := &r.work.sums[class], r.work.placeOf[class]
		of := usage.Segment{State: p.stateName, GPUMillis: s.GPUMillis, EstimatedMillis: s.EstimatedMillis}
		parts.Add(of.Coverage())
		if p.stateName == usage.Absent { // no part of the fleet's time
			continue
		}
		if err := r.addTo(p, b, r.work.rows.first[class], s); err != nil {
			return err
		}
	}
	return nil
}

// sort finds the classes of the rows, and the place of each class.
func (r *Rollup) sort(b *usage.Batch) {
	w := &r.work
	r.number(b)
	w.places.start(b.Rows)
	refine := func(c *classes, column usage.Text) {
		c.refine(b.Texts[column].Codes, b.Texts[column].Len())
	}
	refine(&w.places, usage.TextState)
	if r.need.namespace {
		refine(&w.places, usage.TextNamespace)
	}
	if r.need.nodePool {
		r.findPools(b)
		w.places.refine(w.poolCodes, len(w.poolIDs))
	}
	if r.need.model {
		refine(&w.places, usage.TextModel)
	}
	w.rows.copy(&w.places)
	if r.by(report.ByNode) {
		refine(&w.rows, usage.TextNode)
	}
	if r.need.pod {
		refine(&w.rows, usage.TextPod)
		refine(&w.rows, usage.TextPodUID)
	}
	places := make([]*place, len(w.places.first))
	for class, row := range w.places.first {
		places[class] = r.place(r.placeKey(b, row))
	}
	w.placeOf = w.placeOf[:0]
	for _, row := range w.rows.first {
		w.placeOf = append(w.placeOf, places[w.places.of[row]])
	}
}

// number finds the numbers of the names of the batch.
func (r *Rollup) number(b *usage.Batch) {
	for _, column := range r.need.columns().Texts {
		r.work.memo.names[column].batch(&b.Texts[column])
	}
}

// findPools finds the node pool of each row: the one that the ledger names, or
// else the one that a rule gives to its node and model.
func (r *Rollup) findPools(b *usage.Batch) {
	w := &r.work
	named := &b.Texts[usage.TextNodePool]
	if !r.need.poolRules || !slices.Contains(w.memo.names[usage.TextNodePool].ids, noName) {
		w.poolIDs = append(w.poolIDs[:0], w.memo.names[usage.TextNodePool].ids...)
		w.poolCodes = append(w.poolCodes[:0], named.Codes...)
		return
	}
	w.pools.start(b.Rows)
	for _, column := range []usage.Text{usage.TextNodePool, usage.TextNode, usage.TextModel} {
		w.pools.refine(b.Texts[column].Codes, b.Texts[column].Len())
	}
	w.poolIDs = w.poolIDs[:0]
	codes := make([]int32, len(w.pools.first))
	for class, row := range w.pools.first {
		id := r.pool(w.id(b, usage.TextNodePool, row), w.id(b, usage.TextNode, row), w.id(b, usage.TextModel, row))
		code := slices.Index(w.poolIDs, id) // there are few
		if code < 0 {
			code = len(w.poolIDs)
			w.poolIDs = append(w.poolIDs, id)
		}
		codes[class] = int32(code)
	}
	w.poolCodes = slices.Grow(w.poolCodes[:0], b.Rows)[:b.Rows]
	for i, class := range w.pools.of {
		w.poolCodes[i] = codes[class]
	}
}

// pool is the number of the node pool of a GPU.
func (r *Rollup) pool(named, node, model uint32) uint32 {
	if named != noName {
		return named
	}
	k := [2]uint32{node, model}
	id, ok := r.pools[k]
	if !ok {
		id = r.names.idOf(r.projects.Pool(r.names.text(node), r.names.text(model)))
		r.pools[k] = id
	}
	return id
}

// id is the number of a row's name.
func (w *work) id(b *usage.Batch, column usage.Text, row int32) uint32 {
	return w.memo.names[column].ids[b.Texts[column].Codes[row]]
}

func (r *Rollup) placeKey(b *usage.Batch, row int32) placeKey {
	w := &r.work
	k := placeKey{state: w.id(b, usage.TextState, row), cluster: w.id(b, usage.TextCluster, row)}
	if r.need.namespace {
		k.namespace = w.id(b, usage.TextNamespace, row)
	}
	if r.need.nodePool {
		k.nodePool = w.poolIDs[w.poolCodes[row]]
	}
	if r.need.model {
		k.model = w.id(b, usage.TextModel, row)
	}
	return k
}

// add adds the quantities up by class.
func (w *work) add(b *usage.Batch) {
	w.sums = slices.Grow(w.sums[:0], len(w.rows.first))[:len(w.rows.first)]
	clear(w.sums)
	n := len(w.rows.of)
	gpu, active, idle := b.Numbers[usage.NumberGPU][:n], b.Numbers[usage.NumberActive][:n], b.Numbers[usage.NumberIdle][:n]
	observed, estimated := b.Numbers[usage.NumberObserved][:n], b.Numbers[usage.NumberEstimated][:n]
	memory, energy := b.Numbers[usage.NumberMemory][:n], b.Numbers[usage.NumberEnergy][:n]
	for i, class := range w.rows.of {
		s := &w.sums[class].Sums
		s.GPUMillis += gpu[i]
		s.ActiveMillis += active[i]
		s.IdleMillis += idle[i]
		s.ObservedMillis += observed[i]
		s.EstimatedMillis += estimated[i]
		s.EnergyMilliJoule += energy[i]
		s.Memory.Add(uint64(memory[i]))
	}
}

// pay prices the segments, each for itself.
func (r *Rollup) pay(b *usage.Batch, inside window.Window) error {
	w := &r.work
	w.flats, w.gaps = w.flats[:0], w.gaps[:0]
	for _, p := range w.placeOf {
		var f flat
		if p.rates != nil {
			f.Flat, f.ok = p.rates.Flat(inside.From.UnixMilli(), inside.To.UnixMilli())
		}
		w.flats, w.gaps = append(w.flats, f), append(w.gaps, 0)
	}
	from, to, gpu := b.Numbers[usage.NumberHeldFrom], b.Numbers[usage.NumberHeldTo], b.Numbers[usage.NumberGPU]
	for i, class := range w.rows.of {
		var cost price.Amount
		var err error
		if f := &w.flats[class]; f.ok {
			cost, err = f.Cost(gpu[i])
		} else if rates := w.placeOf[class].rates; rates != nil {
			cost, err = rates.Cost(from[i], to[i], gpu[i])
		}
		if errors.Is(err, price.ErrUnpriced) {
			w.gaps[class] += gpu[i]
			continue
		}
		if err == nil {
			w.sums[class].cost, err = w.sums[class].cost.Add(cost)
		}
		if err != nil {
			return fmt.Errorf("model %q: %w", r.names.text(w.placeOf[class].model), err)
		}
	}
	for class, millis := range w.gaps {
		if millis > 0 {
			r.unpriced(&w.sums[class], r.names.text(w.placeOf[class].model), millis)
		}
	}
	return nil
}

// unpriced notes time of a model that has no price.
func (r *Rollup) unpriced(s *sums, model string, millis int64) {
	if r.book.AllowsUnpriced(model) {
		r.notes.free[model] += millis
		return
	}
	r.notes.unpriced[model] += millis
	s.unpriced = true
}

// hold counts the segments against quotas.
func (r *Rollup) hold(b *usage.Batch) error {
	from, to, gpu := b.Numbers[usage.NumberHeldFrom], b.Numbers[usage.NumberHeldTo], b.Numbers[usage.NumberGPU]
	for i, class := range r.work.rows.of {
		p := r.work.placeOf[class]
		if p.holder == nil {
			continue
		}
		if err := p.holder.Hold(from[i], to[i], gpu[i]); err != nil {
			return fmt.Errorf("project %q: %w", r.names.text(p.project), err)
		}
	}
	return nil
}

// addTo adds the sums of the class of segments that row i of the batch is in to
// its row of the report.
func (r *Rollup) addTo(p *place, b *usage.Batch, i int32, s *sums) error {
	if p.hasRow {
		return r.groups.at(p.row).merge(s)
	}
	r.key = r.rowKey(r.key[:0], p, b, i)
	if r.need.pod {
		m := r.work.memo
		uids, code := &m.names[usage.TextPodUID], b.Texts[usage.TextPodUID].Codes[i]
		return m.pods.add(uids.begin+int(code), uids.places[code], r.key, s)
	}
	row := r.groups.find(r.key)
	if !r.by(report.ByNode) {
		p.row, p.hasRow = row, true
	}
	return r.groups.at(row).merge(s)
}

// rowKey is the key of the row of the report for row i of the batch.
func (r *Rollup) rowKey(key []uint32, p *place, b *usage.Batch, i int32) []uint32 {
	key = append(key, p.rank)
	for _, d := range r.columns {
		var id uint32
		switch d {
		case report.ByDepartment:
			id = p.department
		case report.ByProject:
			id = p.project
		case report.ByCluster:
			id = p.cluster
		case report.ByNodePool:
			if id = p.nodePool; id == noName {
				id = r.none
			}
		case report.ByNamespace:
			id = p.namespace
		case report.ByNode:
			id = r.work.id(b, usage.TextNode, i)
		case report.ByPod:
			id = r.work.id(b, usage.TextPod, i)
		case report.ByPodUID:
			id = r.work.id(b, usage.TextPodUID, i)
		}
		key = append(key, id)
	}
	return key
}
