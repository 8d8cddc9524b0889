package rollup

import (
	"slices"
	"time"

	"github.com/gputally/gputally/reporter/usage"
	"github.com/gputally/gputally/reporter/window"
)

// An epoch is the time between two instants at which namespaces move from one
// project to another. Epoch 0 is the time before all of them.

// epochAt is the epoch of an instant, Unix ms.
func (r *Rollup) epochAt(at int64) uint32 {
	i, found := slices.BinarySearch(r.moves, at)
	if found {
		i++
	}
	return uint32(i)
}

// epochStart is an instant of an epoch.
func (r *Rollup) epochStart(epoch uint32) time.Time {
	if epoch == 0 {
		return time.Time{}
	}
	return time.UnixMilli(r.moves[epoch-1])
}

// moveWithin reports whether namespaces may move within a window.
func (r *Rollup) moveWithin(w window.Window) bool {
	return r.epochAt(w.From.UnixMilli()) != r.epochAt(w.To.UnixMilli()-1)
}

// splitAtMoves finds the epochs of the rows of a batch. A segment that is held
// while its namespace moves is cut there, whatever the report groups by, so that
// its cost, which is rounded per segment, is the same in every grouping.
func (r *Rollup) splitAtMoves(b *usage.Batch, cluster string, inside window.Window) {
	w := &r.scratch
	w.firstEpoch = r.epochAt(inside.From.UnixMilli())
	w.epochs = w.epochs[:0] // all rows are of the first
	if !r.moveWithin(inside) {
		return
	}
	moves := r.movesOf(b, cluster, inside)
	w.epochs = append(w.epochs, make([]int32, b.Rows)...)
	for row := range b.Rows { // without those that are added
		if usage.State(b.Texts[usage.TextState].Of(row)) != usage.Allocated {
			continue
		}
		of := moves[b.Texts[usage.TextNamespace].Codes[row]]
		for _, at := range slices.Backward(of) {
			if b.Numbers[usage.NumberHeldFrom][row] < at && at < b.Numbers[usage.NumberHeldTo][row] {
				b.Split(row, at)
				w.epochs = append(w.epochs, int32(r.epochAt(at)-w.firstEpoch))
			}
		}
		if len(of) > 0 {
			w.epochs[row] = int32(r.epochAt(b.Numbers[usage.NumberHeldFrom][row]) - w.firstEpoch)
		}
	}
}

// movesOf returns, by code, the instants within a window at which a namespace of
// the batch moves, in order.
func (r *Rollup) movesOf(b *usage.Batch, cluster string, inside window.Window) [][]int64 {
	names := &b.Texts[usage.TextNamespace]
	moves := make([][]int64, names.Len())
	last := r.epochAt(inside.To.UnixMilli() - 1)
	for code := range moves {
		namespace := string(names.At(int32(code)))
		owner, _ := r.projects.Of(cluster, namespace, inside.From)
		for epoch := r.scratch.firstEpoch + 1; epoch <= last; epoch++ {
			next, _ := r.projects.Of(cluster, namespace, r.epochStart(epoch))
			if next != owner {
				moves[code] = append(moves[code], r.moves[epoch-1])
				owner = next
			}
		}
	}
	return moves
}
