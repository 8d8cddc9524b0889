package ledger_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/gputally/gputally/reporter/bucket"
	"github.com/gputally/gputally/reporter/bucket/mem"
	"github.com/gputally/gputally/reporter/usage"
	"github.com/gputally/gputally/reporter/window"
)

func at(t testing.TB, text string) time.Time {
	t.Helper()
	instant, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t.Fatal(err)
	}
	return instant
}

func hourAt(t testing.TB, text string) window.Window {
	t.Helper()
	return window.Hour(at(t, text))
}

// empty is a new bucket.
func empty() bucket.Bucket { return mem.New(func() time.Time { return time.Unix(1_800_000_000, 0) }) }

// held is a segment of one container for part of an hour.
func held(hour window.Window, pod string, from, to time.Duration) usage.Segment {
	millis := (to - from).Milliseconds()
	return usage.Segment{
		Cluster: "prod", Node: "node-1", NodePool: "a100", UUID: "GPU-1", Model: "NVIDIA A100-SXM4-80GB",
		State: usage.Allocated, Namespace: "team", Pod: pod, PodUID: "uid-" + pod, Container: "main",
		HeldFrom: hour.From.Add(from).UnixMilli(), HeldTo: hour.From.Add(to).UnixMilli(), Share: 1,
		GPUMillis: millis, ActiveMillis: millis / 2, ObservedMillis: millis, MemoryByteSeconds: millis << 20, EnergyMillijoules: millis * 300,
	}
}

// smallHour is an hour of two containers that took turns.
func smallHour(hour window.Window) usage.Hour {
	segments := []usage.Segment{
		held(hour, "one", 0, 20*time.Minute),
		held(hour, "two", 20*time.Minute, time.Hour),
	}
	slices.SortFunc(segments, usage.Compare)
	return usage.Hour{
		Cluster: "prod", Window: hour, Segments: segments,
		Coverage: usage.Coverage{Expected: 3_600_000, Allocated: 3_600_000, Estimated: 17, Residue: -3},
		Source:   "gputally", Road: "remote_read", Findings: []usage.Finding{{Code: "scrapes are missing", Count: 1, Named: []string{"node-1"}}},
	}
}

// randomHour is an hour of n segments of a fleet, the same for the same n.
func randomHour(hour window.Window, n int) usage.Hour {
	r := rand.New(rand.NewPCG(1, uint64(n)))
	h := usage.Hour{Cluster: "prod", Window: hour, Source: "gputally", Road: "remote_read"}
	for i := range n {
		gpu := i / 2
		from := time.Duration(r.Int64N(1800)) * time.Second
		seg := held(hour, fmt.Sprintf("job-%05d", i), from, from+time.Duration(1+r.Int64N(1_800_000))*time.Millisecond)
		seg.Node, seg.UUID = fmt.Sprintf("node-%04d", gpu/8), fmt.Sprintf("GPU-%08x-%04x", gpu*2654435761, gpu)
		seg.Namespace = fmt.Sprintf("team-%02d", r.IntN(40))
		seg.PodUID = fmt.Sprintf("%016x-%016x", r.Uint64(), r.Uint64())
		seg.ActiveMillis = r.Int64N(seg.GPUMillis)
		seg.IdleMillis = seg.GPUMillis - seg.ActiveMillis
		seg.MemoryByteSeconds = r.Int64N(80 << 40)
		seg.EnergyMillijoules = r.Int64N(1 << 30)
		h.Segments = append(h.Segments, seg)
	}
	slices.SortFunc(h.Segments, usage.Compare)
	return h
}

// read gives the bytes of an object.
func read(t testing.TB, b bucket.Bucket, key string) []byte {
	t.Helper()
	data, _, err := bucket.ReadAll(context.Background(), b, key)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// overwrite puts bytes over an object, as nobody should.
func overwrite(t testing.TB, b bucket.Bucket, key string, data []byte) {
	t.Helper()
	if _, err := bucket.PutBytes(context.Background(), b, key, data, bucket.Condition{}); err != nil {
		t.Fatal(err)
	}
}

// keys lists a bucket.
func keys(t testing.TB, b bucket.Bucket, prefix string) []string {
	t.Helper()
	var all []string
	for object, err := range b.List(context.Background(), prefix) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, object.Key)
	}
	return all
}
