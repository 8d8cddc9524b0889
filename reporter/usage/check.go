package usage

import (
	"fmt"
	"math"
	"time"

	"github.com/gputally/gputally/reporter/window"
)

// Known says whether the state is one of those of this package.
func (s State) Known() bool {
	switch s {
	case Allocated, Unallocated, Unattributed, Unavailable, Uncovered, Absent:
		return true
	}
	return false
}

// Check holds a segment to what readers rely on: it is of the cluster, lies in
// the window, and its numbers are what they can be. Its state may be one of a
// later version.
func (s *Segment) Check(cluster string, w window.Window) error {
	if s.Cluster != cluster {
		return fmt.Errorf("is of cluster %q", s.Cluster)
	}
	if s.HeldFrom < w.From.UnixMilli() || s.HeldTo > w.To.UnixMilli() || s.HeldFrom > s.HeldTo {
		return fmt.Errorf("held from %s to %s, outside of %s",
			time.UnixMilli(s.HeldFrom).UTC().Format(time.RFC3339Nano), time.UnixMilli(s.HeldTo).UTC().Format(time.RFC3339Nano), w)
	}
	if !(s.Share >= 0) || math.IsInf(s.Share, 1) {
		return fmt.Errorf("share %v is not a share of a GPU", s.Share)
	}
	if least := min(s.GPUMillis, s.ActiveMillis, s.IdleMillis, s.ObservedMillis, s.EstimatedMillis,
		s.MemoryByteSeconds, s.EnergyMillijoules); least < 0 {
		return fmt.Errorf("an amount is negative: %d", least)
	}
	return nil
}
