package usage_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/gputally/gputally/reporter/usage"
)

// segmentOf is a row of a batch, without the share, which batches don't have.
func segmentOf(b *usage.Batch, i int) usage.Segment {
	name := func(c usage.Text) string { return string(b.Texts[c].Of(i)) }
	n := func(c usage.Number) int64 { return b.Numbers[c][i] }
	return usage.Segment{
		Cluster: name(usage.TextCluster), Node: name(usage.TextNode), NodePool: name(usage.TextNodePool),
		UUID: name(usage.TextUUID), Model: name(usage.TextModel), State: usage.State(name(usage.TextState)),
		Namespace: name(usage.TextNamespace), Pod: name(usage.TextPod), PodUID: name(usage.TextPodUID), Container: name(usage.TextContainer),
		HeldFrom: n(usage.NumberHeldFrom), HeldTo: n(usage.NumberHeldTo),
		GPUMillis: n(usage.NumberGPU), ActiveMillis: n(usage.NumberActive), IdleMillis: n(usage.NumberIdle),
		ObservedMillis: n(usage.NumberObserved), EstimatedMillis: n(usage.NumberEstimated),
		MemoryByteSeconds: n(usage.NumberMemory), EnergyMillijoules: n(usage.NumberEnergy),
	}
}

func segmentsOf(b *usage.Batch) []usage.Segment {
	var all []usage.Segment
	for i := range b.Rows {
		all = append(all, segmentOf(b, i))
	}
	return all
}

func batchSegments(t *rapid.T) []usage.Segment {
	name := rapid.SampledFrom([]string{"", "a", "b", "ab"})
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) usage.Segment {
		from := rapid.Int64Range(0, 1000).Draw(t, "from")
		amount := rapid.Int64Range(0, 1<<40)
		return usage.Segment{
			Cluster: name.Draw(t, "cluster"), Node: name.Draw(t, "node"), NodePool: name.Draw(t, "pool"), UUID: name.Draw(t, "uuid"),
			Model: name.Draw(t, "model"), State: usage.State(name.Draw(t, "state")), Namespace: name.Draw(t, "namespace"),
			Pod: name.Draw(t, "pod"), PodUID: name.Draw(t, "uid"), Container: name.Draw(t, "container"),
			HeldFrom: from, HeldTo: from + rapid.Int64Range(0, 1000).Draw(t, "length"),
			GPUMillis: amount.Draw(t, "gpu"), ActiveMillis: amount.Draw(t, "active"), IdleMillis: amount.Draw(t, "idle"),
			ObservedMillis: amount.Draw(t, "observed"), EstimatedMillis: amount.Draw(t, "estimated"),
			MemoryByteSeconds: amount.Draw(t, "memory"), EnergyMillijoules: amount.Draw(t, "energy"),
		}
	}), 0, 20).Draw(t, "segments")
}

func TestBatchHoldsTheSegments(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		var b usage.Batch
		for range 2 { // the second time with memory that was used before
			segments := batchSegments(rt)
			b.Fill(segments)
			if diff := cmp.Diff(segments, segmentsOf(&b), cmpEmpty()); diff != "" {
				rt.Fatal(diff)
			}
		}
	})
}

func TestBatchIsCutAsItsSegmentsAre(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		segments := batchSegments(rt)
		var b usage.Batch
		b.Fill(segments)
		from, to := rapid.Int64Range(0, 2000).Draw(rt, "from"), rapid.Int64Range(0, 2000).Draw(rt, "to")
		var want []usage.Segment
		for _, s := range segments {
			if part, ok := s.Cut(from, to); ok {
				want = append(want, part)
			}
		}
		b.Cut(from, to)
		if diff := cmp.Diff(want, segmentsOf(&b), cmpEmpty()); diff != "" {
			rt.Fatal(diff)
		}
	})
}

func TestLongestName(t *testing.T) {
	t.Parallel()
	var b usage.Batch
	b.Fill([]usage.Segment{{Pod: "a"}, {Pod: "long"}, {Pod: "bc"}})
	if got := b.Texts[usage.TextPod].Longest(); got != 4 {
		t.Errorf("got %d", got)
	}
	if got := b.Texts[usage.TextNode].Longest(); got != 0 {
		t.Errorf("empty names: got %d", got)
	}
}

// cmpEmpty takes no segments and an empty list of them for the same.
func cmpEmpty() cmp.Option {
	return cmp.Comparer(func(a, b []usage.Segment) bool { return slices.Equal(a, b) })
}

func TestBatchSplitsAsSegmentsAreCut(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		segments := slices.DeleteFunc(batchSegments(rt), func(s usage.Segment) bool { return s.HeldTo-s.HeldFrom < 2 })
		if len(segments) == 0 {
			return
		}
		var b usage.Batch
		b.Fill(segments)
		row := rapid.IntRange(0, len(segments)-1).Draw(rt, "row")
		whole := segments[row]
		at := rapid.Int64Range(whole.HeldFrom+1, whole.HeldTo-1).Draw(rt, "at")
		b.Split(row, at)
		before, _ := whole.Cut(whole.HeldFrom, at)
		after, _ := whole.Cut(at, whole.HeldTo)
		want := slices.Concat(segments, []usage.Segment{after})
		want[row] = before
		if diff := cmp.Diff(want, segmentsOf(&b)); diff != "" {
			rt.Fatalf("(-want +got)\n%s", diff)
		}
	})
}
