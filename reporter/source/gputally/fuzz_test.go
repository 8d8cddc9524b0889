package gputally_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/gputally/gputally/collector/metric"
	"github.com/gputally/gputally/reporter/series"
	"github.com/gputally/gputally/reporter/source"
	"github.com/gputally/gputally/reporter/source/gputally"
	"github.com/gputally/gputally/reporter/usage"
)

// words reads random bytes as what a server might say.
type words []byte

func (w *words) next(n int) []byte {
	b := make([]byte, n)
	*w = (*w)[copy(b, *w):]
	return b
}

func (w *words) below(n int) int { return int(w.next(1)[0]) % n }

func (w *words) pick(texts ...string) string { return texts[w.below(len(texts))] }

// value is a number that a counter may have, or none at all.
func (w *words) value(i int) float64 {
	switch w.below(12) {
	case 0:
		return math.NaN()
	case 1:
		return math.Float64frombits(binary.LittleEndian.Uint64(w.next(8)))
	case 2:
		return -float64(w.below(256))
	case 3:
		return float64(t0)/1000 + float64(int8(w.next(1)[0]))*10
	case 4:
		return float64(w.below(256)) / 255
	}
	return float64(i) * float64(w.below(40))
}

// series makes up a series.
func (w *words) series() series.Series {
	families := []string{
		"up", metric.CollectorStartTime.Name, metric.CollectorPollAge.Name, metric.NodeInfo.Name,
		metric.DeviceInfo.Name, metric.DeviceSeconds.Name, metric.DeviceSeconds.Name,
		metric.ContainerAllocatedSeconds.Name, metric.ContainerAllocatedSeconds.Name, metric.ContainerStartTime.Name,
		metric.ContainerEndTime.Name, metric.ContainerShare.Name, metric.ContainerActiveSeconds.Name, metric.ContainerMemoryByteSeconds.Name,
	}
	var s series.Series
	add := func(name, value string) {
		if value != "" {
			s.Labels = append(s.Labels, series.Label{Name: name, Value: value})
		}
	}
	add("__name__", families[w.below(len(families))])
	add("container", w.pick("main", "main", "main", "side", ""))
	add("instance", w.pick("a", "a", "b"))
	add("model", w.pick("A100", "H200", ""))
	add("namespace", w.pick("team", "team", "team", ""))
	add("node", w.pick("n1", "n2", ""))
	add("pod", w.pick("p", "p", "p", "q", ""))
	add("pod_uid", w.pick("u", "u", "u", "v", ""))
	add("state", w.pick("allocated", "unallocated", "unattributed", "unavailable", "other", ""))
	add("uuid", w.pick("GPU-0", "GPU-0", "GPU-0", "GPU-1", "\xff", ""))
	at := t0 - 10*minute + int64(w.below(256))*second
	for i := range w.below(64) {
		s.Samples = append(s.Samples, series.Sample{T: at, V: w.value(i)})
		at += int64(w.below(100)-5) * second
	}
	for range w.below(3) {
		s.Stale = append(s.Stale, at)
		at += second
	}
	return s
}

// FuzzClose closes an hour of whatever series come: it never panics, no amount
// is negative, and no GPU has more time than there is unless that is named.
func FuzzClose(f *testing.F) {
	f.Add([]byte{})
	seed := make([]byte, 4000)
	for i := range seed {
		seed[i] = byte(i * i / 7)
	}
	f.Add(seed)
	f.Fuzz(closeWhatever)
}

// TestWhateverSeriesCome is FuzzClose with bytes that are random, not found.
func TestWhateverSeriesCome(t *testing.T) {
	t.Parallel()
	for seed := range uint64(1000) {
		random := rand.NewChaCha8([32]byte(binary.LittleEndian.AppendUint64(make([]byte, 24), seed)))
		data := make([]byte, 20+seed%300*20)
		_, _ = random.Read(data)
		if closeWhatever(t, data); t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

func closeWhatever(t *testing.T, data []byte) {
	w := words(data)
	r := &recorded{}
	for len(w) > 0 && len(r.series) < 60 {
		r.series = append(r.series, w.series())
	}
	c := newCloser(t, gputally.Config{Cluster: "c1", Reader: r, AllowEmpty: true})
	check := func(n usage.Neighbours) whole {
		h, err := tryWhole(c, span(0, hour), n)
		if errors.Is(err, source.ErrLabels) {
			h, err = tryWhole(c.Accepting(), span(0, hour), n)
		}
		if err == nil {
			checkAmounts(t, h)
		} else if !errors.Is(err, source.ErrIncomplete) {
			t.Error(err)
		}
		return h
	}
	h := check(usage.Neighbours{})
	// The same again, beside hours that say something else.
	other := usage.NewEdgeTable()
	for _, e := range h.Closing {
		for q := range e.Total {
			e.Total[q] /= int64(1 + w.below(3))
		}
		other.Add(e)
	}
	check(usage.Neighbours{Before: other})
	check(usage.Neighbours{After: other})
}

func checkAmounts(t *testing.T, h whole) {
	t.Helper()
	of := map[string]int64{}
	for _, s := range h.Hour.Segments {
		if s.GPUMillis < 0 || s.ActiveMillis < 0 || s.IdleMillis < 0 || s.ObservedMillis < 0 || s.EstimatedMillis < 0 ||
			s.MemoryByteSeconds < 0 || s.EnergyMillijoules < 0 {
			t.Errorf("negative amounts: %+v", s)
		}
		if s.HeldFrom < t0 || s.HeldTo > t0+hour || s.HeldFrom >= s.HeldTo || !(s.Share > 0 && s.Share <= 1) {
			t.Errorf("impossible time or share: %+v", s)
		}
		of[s.UUID] += s.GPUMillis
	}
	for uuid, ms := range of {
		if ms > hour+usage.Tolerance+hour/1000 && len(h.Hour.Findings) == 0 {
			t.Errorf("%s: %d GPU-ms in an hour, and nothing is named", uuid, ms)
		}
	}
	for _, edges := range [][]usage.Edge{h.Opening, h.Closing} {
		for i, e := range edges {
			for _, total := range e.Total {
				if total < 0 {
					t.Errorf("negative edge %+v", e)
				}
			}
			if i > 0 && usage.CompareEdges(edges[i-1], e) >= 0 {
				t.Errorf("edges out of order, or twice: %+v", e)
			}
		}
	}
	if !isSorted(h.Hour.Segments) {
		t.Error("segments are not sorted, or come twice", fmt.Sprint(h.Hour.Segments))
	}
}
