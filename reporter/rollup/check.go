package rollup

import (
	"errors"
	"fmt"

	"github.com/gputally/gputally/reporter/rollup/intern"
	"github.com/gputally/gputally/reporter/usage"
)

// ErrDamaged says that a segment is one that no closing writes.
var ErrDamaged = errors.New("the ledger is damaged, close the hour again")

// checkSegment refuses a segment that closing never writes.
func checkSegment(h Hour, seg usage.Segment) error {
	if !seg.State.Known() {
		return fmt.Errorf("GPU %s has a segment of unknown state %q: it was written by a newer version", seg.UUID, seg.State)
	}
	if err := seg.Check(h.Cluster, h.Window); err != nil {
		return fmt.Errorf("GPU %s has a segment that cannot be, %w: %w", seg.UUID, err, ErrDamaged)
	}
	return nil
}

// checkBatch is checkSegment for the columns that are there.
func checkBatch(h Hour, b *usage.Batch) error {
	for column := range b.Texts {
		if longest := b.Texts[column].Longest(); longest > intern.Longest {
			return fmt.Errorf("a segment has a name of %d bytes: %w", longest, ErrDamaged)
		}
	}
	states, clusters := &b.Texts[usage.TextState], &b.Texts[usage.TextCluster]
	for code := range int32(states.Len()) {
		if s := usage.State(states.At(code)); !s.Known() {
			return fmt.Errorf("a segment has the unknown state %q: it was written by a newer version", s)
		}
	}
	for code := range int32(clusters.Len()) {
		if c := clusters.At(code); string(c) != h.Cluster {
			return fmt.Errorf("a segment is of cluster %q: %w", c, ErrDamaged)
		}
	}
	for _, column := range amounts() {
		all := int64(0) // negative if one of them is
		for _, amount := range b.Numbers[column] {
			all |= amount
		}
		if all < 0 {
			return fmt.Errorf("a segment has a negative quantity: %w", ErrDamaged)
		}
	}
	from, to := h.Window.From.UnixMilli(), h.Window.To.UnixMilli()
	held := b.Numbers[usage.NumberHeldTo]
	for i, begin := range b.Numbers[usage.NumberHeldFrom] {
		if begin < from || held[i] > to || begin > held[i] {
			return fmt.Errorf("a segment is not within the hour: %w", ErrDamaged)
		}
	}
	return nil
}
