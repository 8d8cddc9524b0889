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
// exactly and rounded once. Only allocated time costs. Errors: as Rates.Cost.
func (b *Book) Cost(seg usage.Segment) (Amount, error) {
	if seg.State != usage.Allocated {
		return 0, nil
	}
	cost, err := b.Rates(seg.Cluster, seg.NodePool, seg.Model).Cost(seg.HeldFrom, seg.HeldTo, seg.GPUMillis)
	if errors.Is(err, ErrRange) {
		return 0, fmt.Errorf("model %q: %w", seg.Model, err)
	}
	return cost, err
}

// Rates are the rates of one cluster, node pool and model, to price many
// segments of it.
type Rates struct {
	rates []rate // by precedence
}

// Rates finds the rates of a cluster, node pool and model.
func (b *Book) Rates(cluster, nodePool, model string) Rates {
	return Rates{b.ratesFor(resource{cluster, nodePool, model})}
}

// Cost prices GPU-milliseconds of a tenant that were held from one instant to
// another, Unix ms. Errors: ErrUnpriced if a part of them has no rate, ErrRange
// if the cost does not fit or the quantity is negative.
func (r Rates) Cost(heldFrom, heldTo, millis int64) (Amount, error) {
	if millis == 0 {
		return 0, nil
	}
	if millis < 0 {
		return 0, fmt.Errorf("price %d GPU-ms: %w", millis, ErrRange)
	}
	held := usage.Segment{HeldFrom: heldFrom, HeldTo: heldTo, GPUMillis: millis}
	var sum product
	for from := heldFrom; ; {
		now, until, ok := rateAt(r.rates, from)
		if !ok {
			return 0, ErrUnpriced // bare: a report may meet it millions of times
		}
		sum.add(gpuMillis(held, from, until), now.nanos)
		if until >= heldTo {
			break
		}
		from = until
	}
	cost, ok := sum.divide(perAmount)
	if !ok {
		return 0, fmt.Errorf("price %d GPU-ms: %w", millis, ErrRange)
	}
	return cost, nil
}

// Flat is the rate of a time in which it does not change.
type Flat struct {
	nanos uint64 // price of a GPU-hour in 10⁻⁹ currency units
}

// Flat is the rate from one instant to another, Unix ms, if one rate applies to
// all of it. What is held in that time costs the same by the Flat as by the Rates.
func (r Rates) Flat(from, to int64) (Flat, bool) {
	now, until, ok := rateAt(r.rates, from)
	return Flat{now.nanos}, ok && until >= to
}

// Cost prices GPU-milliseconds. Errors: ErrRange.
func (f Flat) Cost(millis int64) (Amount, error) {
	if millis < 0 {
		return 0, fmt.Errorf("price %d GPU-ms: %w", millis, ErrRange)
	}
	var sum product
	sum.add(uint64(millis), f.nanos)
	cost, ok := sum.divide(perAmount)
	if !ok {
		return 0, fmt.Errorf("price %d GPU-ms: %w", millis, ErrRange)
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
