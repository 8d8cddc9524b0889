//go:build linux && cgo

package nvml

import (
	"cmp"
	"encoding/binary"
	"math"
	"slices"
	"time"

	"github.com/NVIDIA/go-nvml/pkg/nvml"

	"github.com/gputally/gputally/collector/device"
)

// maxSilence is the longest time that one of the driver's samples may stand
// for, and the longest that a busy GPU may go without a new one. The driver
// takes a sample each 1/6 s to 1 s, so this is at least one that is missing.
const maxSilence = 2 * time.Second

// busy integrates the samples of a GPU's utilization over time. The driver
// keeps the latest of them in a buffer; an idle GPU may go without new ones.
type busy struct {
	known   bool
	newest  uint64 // time stamp of the last sample, µs of the driver's clock
	seconds float64
	heard   time.Time // when there was a new sample
}

// active is the time in seconds that the GPU was busy since its first sample,
// nil if the driver has no samples. Each sample is an average over the time since
// the previous one; over more than maxSilence nothing is added. No new sample
// means idle for as long, and for longer if the utilization says the same.
// After nil it begins at 0.
func (q *query) active(h nvml.Device, utilization *float64) *float64 {
	b := &q.past.busy
	type answer struct {
		kind    nvml.ValueType
		samples []nvml.Sample
	}
	a, ret := call(q, fnSamples, func() (answer, nvml.Return) {
		kind, samples, ret := h.GetSamples(nvml.GPU_UTILIZATION_SAMPLES, b.newest)
		return answer{kind, samples}, ret
	})
	now := q.now()
	if ret != nvml.SUCCESS && ret != nvml.ERROR_NOT_FOUND {
		*b = busy{}
	} else if !b.add(a.kind, a.samples, now, q.doubt) {
		*b = busy{newest: b.newest, heard: now} // so that it is read once
	}
	if b.known && now.Sub(b.heard) > maxSilence && !idle(utilization) {
		*b = busy{}
	}
	if !b.known {
		return nil
	}
	return new(b.seconds)
}

// add takes in samples; false if what one of them says can't be. Those up to
// the newest were counted before, and those without a time are none: the binding
// doesn't cut its slice to the number that the driver gave. One of a time to
// come is left out: all later ones would count as old.
func (b *busy) add(kind nvml.ValueType, samples []nvml.Sample, now time.Time, doubt func(kind string, value float64)) bool {
	began, good := b.known, true // else the buffer is about the time before the source saw the GPU
	before := *b
	if !began {
		before.heard = time.Time{}
	}
	slices.SortFunc(samples, func(x, y nvml.Sample) int { return cmp.Compare(x.TimeStamp, y.TimeStamp) })
	for _, s := range samples {
		if s.TimeStamp <= b.newest {
			continue
		}
		if ahead(s.TimeStamp, before.newest, before.heard, now) {
			doubt(device.ReadingSamples, float64(s.TimeStamp)/1e6)
			continue
		}
		percent, ok := number(kind, s.SampleValue)
		if began && !(ok && percent >= 0 && percent <= 100) {
			doubt(device.ReadingSamples, percent/100)
			good = false
		}
		if over := s.TimeStamp - b.newest; began && good && over <= uint64(maxSilence.Microseconds()) {
			b.seconds += percent / 100 * float64(over) / 1e6
		}
		b.known, b.newest, b.heard = true, s.TimeStamp, now
	}
	return good
}

// ahead says that a time stamp, in µs, is of a time to come. Which clock the driver
// takes is not documented: it is at most the wall clock's Unix time, and since a stamp
// was read it went on as time did, or the wall clock where that was set. read is zero
// if none was.
func ahead(stamp, newest uint64, read, now time.Time) bool {
	const slack = time.Hour
	if stamp > uint64(max(0, now.Add(slack).UnixMicro())) {
		return true
	}
	if read.IsZero() || stamp <= newest {
		return false
	}
	passed := max(now.Sub(read), now.Round(0).Sub(read.Round(0)))
	return stamp-newest > uint64((passed + time.Minute).Microseconds())
}

func idle(utilization *float64) bool { return utilization != nil && *utilization == 0 }

// number decodes the driver's union of numbers.
func number(kind nvml.ValueType, raw [8]byte) (float64, bool) {
	long := binary.NativeEndian.Uint64(raw[:])
	short := binary.NativeEndian.Uint32(raw[:])
	switch kind {
	case nvml.VALUE_TYPE_DOUBLE:
		v := math.Float64frombits(long)
		return v, !math.IsNaN(v) && !math.IsInf(v, 0)
	case nvml.VALUE_TYPE_UNSIGNED_INT:
		return float64(short), true
	case nvml.VALUE_TYPE_UNSIGNED_LONG, nvml.VALUE_TYPE_UNSIGNED_LONG_LONG:
		return float64(long), true // 64 bits each: Linux is LP64
	case nvml.VALUE_TYPE_SIGNED_LONG_LONG:
		return float64(int64(long)), true
	case nvml.VALUE_TYPE_SIGNED_INT:
		return float64(int32(short)), true
	case nvml.VALUE_TYPE_UNSIGNED_SHORT:
		return float64(binary.NativeEndian.Uint16(raw[:])), true
	default:
		return 0, false
	}
}
