package ledger

import (
	"fmt"
	"math"
	"time"

	"github.com/gputally/gputally/reporter/usage"
	"github.com/gputally/gputally/reporter/window"
)

// segmentError says which segment of an hour is not fit to be kept.
func segmentError(i int, seg *usage.Segment, err error) error {
	return fmt.Errorf("segment %d (GPU %s, pod %s/%s): %w", i, seg.UUID, seg.Namespace, seg.Pod, err)
}

// checkSegment holds a segment to what readers rely on: it lies in its hour,
// and its numbers are what they can be.
func checkSegment(seg *usage.Segment, cluster string, hour window.Window) error {
	if seg.Cluster != cluster {
		return fmt.Errorf("is of cluster %q", seg.Cluster)
	}
	from, to := hour.From.UnixMilli(), hour.To.UnixMilli()
	if seg.HeldFrom < from || seg.HeldTo > to || seg.HeldFrom > seg.HeldTo {
		return fmt.Errorf("held from %s to %s, outside of %s",
			time.UnixMilli(seg.HeldFrom).UTC().Format(time.RFC3339Nano), time.UnixMilli(seg.HeldTo).UTC().Format(time.RFC3339Nano), hour)
	}
	if !(seg.Share >= 0) || math.IsInf(seg.Share, 1) {
		return fmt.Errorf("share %v is not a share of a GPU", seg.Share)
	}
	if least := min(seg.GPUMillis, seg.ActiveMillis, seg.IdleMillis, seg.ObservedMillis, seg.EstimatedMillis,
		seg.MemoryByteSeconds, seg.EnergyMillijoules); least < 0 {
		return fmt.Errorf("an amount is negative: %d", least)
	}
	return nil
}
