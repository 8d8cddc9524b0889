package trace

import (
	"cmp"
	"encoding/csv"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/gputally/gputally/collector/device"
)

// Truth is the GPU-time that one pod held in one hour.
type Truth struct {
	Holder device.Holder
	Hour   time.Time
	// MilliMillis counts thousandths of a GPU times milliseconds: exact.
	MilliMillis int64
}

// Seconds are the GPU-seconds.
func (t Truth) Seconds() float64 { return float64(t.MilliMillis) / 1e6 }

// Truth sums what the placement holds in [from, to), by pod and UTC hour,
// sorted by hour, namespace and pod.
func (p *Placement) Truth(from, to time.Time) []Truth {
	var ts []Truth
	for _, pod := range p.Placed {
		begin, end := latest(pod.From, from), earliest(pod.To, to)
		for hour := begin.Truncate(time.Hour); hour.Before(end); hour = hour.Add(time.Hour) {
			held := earliest(end, hour.Add(time.Hour)).Sub(latest(begin, hour))
			ts = append(ts, Truth{
				Holder: pod.Holder, Hour: hour,
				MilliMillis: held.Milliseconds() * int64(pod.GPUs*pod.Milli),
			})
		}
	}
	slices.SortFunc(ts, func(a, b Truth) int {
		return cmp.Or(a.Hour.Compare(b.Hour), cmp.Compare(a.Holder.Namespace, b.Holder.Namespace), cmp.Compare(a.Holder.Pod, b.Holder.Pod))
	})
	return ts
}

// WriteTruth writes one row per pod and hour.
func WriteTruth(w io.Writer, ts []Truth) error {
	c := csv.NewWriter(w)
	if err := c.Write([]string{"hour", "namespace", "pod", "pod_uid", "container", "gpu_seconds"}); err != nil {
		return err
	}
	for _, t := range ts {
		err := c.Write([]string{
			t.Hour.UTC().Format(time.RFC3339), t.Holder.Namespace, t.Holder.Pod, t.Holder.PodUID, t.Holder.Container,
			fmt.Sprintf("%d.%06d", t.MilliMillis/1e6, t.MilliMillis%1e6),
		})
		if err != nil {
			return err
		}
	}
	c.Flush()
	return c.Error()
}
