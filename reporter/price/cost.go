package price

import (
	"errors"
	"fmt"

	"github.com/gputally/gputally/reporter/usage"
)

// ErrUnpriced says that no rate of the book applies to a segment, or to a
// part of it.
var ErrUnpriced = errors.New("no price")

// perAmount turns GPU-milliseconds × 10⁻⁹ currency units per GPU-hour into
// Amounts: 3,600,000 ms an hour × 1,000 nano-units a millionth.
const perAmount = 3_600_000 * 1_000

// Cost prices a segment: its pieces between changes of the rate are added up
// exactly and rounded once. Only allocated time costs. Errors: ErrUnpriced if
// a part of the segment has no rate, ErrRange if the cost does not fit or the
// quantity is negative.
func (b *Book) Cost(seg usage.Segment) (Amount, error) {
	if seg.State != usage.Allocated || seg.GPUMillis == 0 {
		return 0, nil
	}
	if seg.GPUMillis < 0 {
		return 0, fmt.Errorf("price %d GPU-ms: %w", seg.GPUMillis, ErrRange)
	}
	rates := b.ratesFor(placeOf(seg))
	var sum product
	for from := seg.HeldFrom; ; {
		r, until, ok := rateAt(rates, from)
		if !ok {
			return 0, ErrUnpriced // bare: a report may meet it millions of times
		}
		if !sum.add(gpuMillis(seg, from, until), r.nanos) {
			return 0, ErrRange
		}
		if until >= seg.HeldTo {
			break
		}
		from = until
	}
	cost, ok := sum.divide(perAmount)
	if !ok {
		return 0, fmt.Errorf("price %d GPU-ms of model %q: %w", seg.GPUMillis, seg.Model, ErrRange)
	}
	return cost, nil
}

// rateAt finds the rate that applies at an instant and until when it does: to
// its own end, or to the beginning of a rate that goes before it.
func rateAt(rates []rate, at int64) (r rate, until int64, ok bool) {
	until = openTo
	for _, r := range rates {
		if r.validAt(at) {
			return r, min(until, r.to), true
		}
		if r.from > at {
			until = min(until, r.from)
		}
	}
	return rate{}, 0, false
}

// gpuMillis is the segment's GPU time in [from, until).
func gpuMillis(seg usage.Segment, from, until int64) uint64 {
	if from <= seg.HeldFrom && until >= seg.HeldTo {
		return uint64(seg.GPUMillis)
	}
	piece, _ := seg.Cut(from, until)
	return uint64(max(piece.GPUMillis, 0))
}
