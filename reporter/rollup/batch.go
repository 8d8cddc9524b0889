package rollup

import (
	"slices"

	"github.com/gputally/gputally/reporter/report"
	"github.com/gputally/gputally/reporter/rollup/intern"
	"github.com/gputally/gputally/reporter/usage"
	"github.com/gputally/gputally/reporter/window"
)

// scratch is the memory in which batches are added up: rows are sorted into
// classes, each class is added up by itself, and then added to a row of the
// report. So what is slow is done once for each class.
type scratch struct {
	byPool, byOrigin, byRow classes
	poolCodes               []int32
	poolIDs                 []uint32  // by code
	previous                *previous // of this cluster
	firstEpoch              uint32    // of the batch
	epochs                  []int32   // by row, from the first; empty if there is only one

	origins []*origin // by class of byRow
	cells   []int64   // likewise
}

// addBatch adds up the segments of a batch.
func (r *Rollup) addBatch(b *usage.Batch, cluster string, inside window.Window, parts *usage.Coverage) error {
	r.splitAtMoves(b, cluster, inside)
	r.sort(b)
	w, width := &r.scratch, r.accumulators.width
	w.cells = slices.Grow(w.cells[:0], len(w.origins)*width)[:len(w.origins)*width]
	clear(w.cells)
	if err := r.accumulators.add(&batch{b, cluster, inside, w.byRow.of, w.origins}, w.cells); err != nil {
		return err
	}
	var known states
	for class, o := range w.origins {
		cells := w.cells[class*width:][:width]
		known.add(o, cells)
		if o.stateName == usage.Absent { // no part of the fleet's time
			continue
		}
		if err := r.addTo(o, b, w.byRow.first[class], cells); err != nil {
			return err
		}
	}
	known.addTo(parts)
	return nil
}

// sort finds the classes of the rows, and the origin of each class.
func (r *Rollup) sort(b *usage.Batch) {
	w := &r.scratch
	r.lookUpNames(b)
	w.byOrigin.start(b.Rows)
	refine := func(c *classes, column usage.Text) {
		c.refine(b.Texts[column].Codes, b.Texts[column].Len())
	}
	refine(&w.byOrigin, usage.TextState)
	if len(w.epochs) > 0 {
		w.byOrigin.refine(w.epochs, len(r.moves)+1)
	}
	if r.need.namespace {
		refine(&w.byOrigin, usage.TextNamespace)
	}
	if r.need.nodePool {
		r.findPools(b)
		w.byOrigin.refine(w.poolCodes, len(w.poolIDs))
	}
	if r.need.model {
		refine(&w.byOrigin, usage.TextModel)
	}
	w.byRow.copy(&w.byOrigin)
	if r.by(report.ByNode) {
		refine(&w.byRow, usage.TextNode)
	}
	if r.need.pod {
		refine(&w.byRow, usage.TextPod)
		refine(&w.byRow, usage.TextPodUID)
	}
	origins := make([]*origin, len(w.byOrigin.first))
	for class, row := range w.byOrigin.first {
		origins[class] = r.origin(r.originKey(b, row))
	}
	w.origins = w.origins[:0]
	for _, row := range w.byRow.first {
		w.origins = append(w.origins, origins[w.byOrigin.of[row]])
	}
}

// lookUpNames finds the numbers of the names of the batch.
func (r *Rollup) lookUpNames(b *usage.Batch) {
	for _, column := range r.texts {
		r.scratch.previous.names[column].Batch(&b.Texts[column])
	}
}

// findPools finds the node pool of each row: the one that the ledger names, or
// else the one that a rule gives to its node and model.
func (r *Rollup) findPools(b *usage.Batch) {
	w := &r.scratch
	named := &b.Texts[usage.TextNodePool]
	if !r.need.poolRules || !slices.Contains(w.previous.names[usage.TextNodePool].IDs, intern.Empty) {
		w.poolIDs = append(w.poolIDs[:0], w.previous.names[usage.TextNodePool].IDs...)
		w.poolCodes = append(w.poolCodes[:0], named.Codes...)
		return
	}
	w.byPool.start(b.Rows)
	for _, column := range []usage.Text{usage.TextNodePool, usage.TextNode, usage.TextModel} {
		w.byPool.refine(b.Texts[column].Codes, b.Texts[column].Len())
	}
	w.poolIDs = w.poolIDs[:0]
	codes := make([]int32, len(w.byPool.first))
	for class, row := range w.byPool.first {
		id := r.nodePool(w.id(b, usage.TextNodePool, row), w.id(b, usage.TextNode, row), w.id(b, usage.TextModel, row))
		code := slices.Index(w.poolIDs, id) // there are few
		if code < 0 {
			code = len(w.poolIDs)
			w.poolIDs = append(w.poolIDs, id)
		}
		codes[class] = int32(code)
	}
	w.poolCodes = slices.Grow(w.poolCodes[:0], b.Rows)[:b.Rows]
	for i, class := range w.byPool.of {
		w.poolCodes[i] = codes[class]
	}
}

// nodePool is the number of the node pool of a GPU.
func (r *Rollup) nodePool(named, node, model uint32) uint32 {
	if named != intern.Empty {
		return named
	}
	k := [2]uint32{node, model}
	id, ok := r.pools[k]
	if !ok {
		id = r.names.ID(r.projects.Pool(r.names.Text(node), r.names.Text(model)))
		r.pools[k] = id
	}
	return id
}

// id is the number of a row's name.
func (w *scratch) id(b *usage.Batch, column usage.Text, row int32) uint32 {
	return w.previous.names[column].IDs[b.Texts[column].Codes[row]]
}

func (r *Rollup) originKey(b *usage.Batch, row int32) originKey {
	w := &r.scratch
	k := originKey{state: w.id(b, usage.TextState, row), cluster: w.id(b, usage.TextCluster, row)}
	k.epoch = w.firstEpoch
	if len(w.epochs) > 0 {
		k.epoch += uint32(w.epochs[row])
	}
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

// addTo adds the cells of a class of segments to its row of the report. Row i of
// the batch is of the class.
func (r *Rollup) addTo(o *origin, b *usage.Batch, i int32, cells []int64) error {
	if o.hasRow {
		return addCells(r.groups.at(o.row), cells)
	}
	r.key = r.rowKey(r.key[:0], o, b, i)
	if r.need.pod {
		p := r.scratch.previous
		uids, code := p.names[usage.TextPodUID], b.Texts[usage.TextPodUID].Codes[i]
		return p.pods.add(uids.Begin+int(code), uids.Positions[code], r.key, cells)
	}
	row := r.groups.find(r.key)
	if !r.by(report.ByNode) {
		o.row, o.hasRow = row, true
	}
	return addCells(r.groups.at(row), cells)
}

// rowKey is the key of the report's row to which row i of the batch belongs.
func (r *Rollup) rowKey(key []uint32, o *origin, b *usage.Batch, i int32) []uint32 {
	key = append(key, o.rank)
	for _, d := range r.columns {
		var id uint32
		switch d {
		case report.ByDepartment:
			id = o.department
		case report.ByProject:
			id = o.project
		case report.ByCluster:
			id = o.cluster
		case report.ByNodePool:
			if id = o.nodePool; id == intern.Empty {
				id = r.none
			}
		case report.ByNamespace:
			id = o.namespace
		case report.ByNode:
			id = r.scratch.id(b, usage.TextNode, i)
		case report.ByPod:
			id = r.scratch.id(b, usage.TextPod, i)
		case report.ByPodUID:
			id = r.scratch.id(b, usage.TextPodUID, i)
		}
		key = append(key, id)
	}
	return key
}
