package closing

import (
	"github.com/gputally/gputally/reporter/usage"
	"github.com/gputally/gputally/reporter/window"
)

// Known is how much of an hour samples account for.
type Known struct {
	GPUs   int64 // with at least one sample
	Millis int64 // for which samples say what a GPU did, in GPU-milliseconds
}

// knownTime adds up how much of an hour is known, from its segments in their
// order. A GPU may have more time than the hour is long: the previous hour could
// not count the excess. The excess does not count as known, so that it does not
// hide another GPU's gap.
type knownTime struct {
	hour int64 // milliseconds
	all  Known

	uuid                        string // of the current GPU, "" before the first
	total, sampled, bridgedOver int64  // its time, what samples say of it, and what of that bridges gaps
}

func newKnownTime(hour window.Window) *knownTime {
	return &knownTime{hour: hour.Duration().Milliseconds()}
}

func (k *knownTime) add(segments []usage.Segment) {
	for i := range segments {
		s := &segments[i]
		if s.UUID != k.uuid {
			k.next(s.UUID)
		}
		k.total += s.GPUMillis
		if s.State != usage.Uncovered && s.State != usage.Absent {
			k.sampled += s.GPUMillis
			k.bridgedOver += s.EstimatedMillis
		}
	}
}

// next ends the current GPU and begins another.
func (k *knownTime) next(uuid string) {
	if k.sampled > 0 {
		k.all.GPUs++
		k.all.Millis += k.sampled - max(0, k.total-k.hour) - k.bridgedOver
	}
	k.uuid, k.total, k.sampled, k.bridgedOver = uuid, 0, 0, 0
}

// sum ends the last GPU.
func (k *knownTime) sum() Known {
	k.next("")
	return k.all
}
