package usage_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gputally/gputally/reporter/usage"
)

// t0 is the begin of the segments that are cut, Unix ms.
const t0 = int64(1_795_168_800_000)

func TestCut(t *testing.T) {
	t.Parallel()
	s := usage.Segment{
		Pod: "p", HeldFrom: t0, HeldTo: t0 + 3000, Share: 0.5,
		GPUMillis: 1500, ActiveMillis: 1000, IdleMillis: 100, ObservedMillis: 1500, EstimatedMillis: 300,
		MemoryByteSeconds: 9e17, EnergyMillijoules: 1,
	}
	third := func(n, active, idle, energy int64) usage.Segment {
		return usage.Segment{
			Pod: "p", HeldFrom: t0 + 1000*n, HeldTo: t0 + 1000*(n+1), Share: 0.5,
			GPUMillis: 500, ActiveMillis: active, IdleMillis: idle, ObservedMillis: 500, EstimatedMillis: 100,
			MemoryByteSeconds: 3e17, EnergyMillijoules: energy,
		}
	}
	tests := map[string]struct {
		from, to int64
		want     usage.Segment
		ok       bool
	}{
		"more than the whole is the whole":       {-1, 3001, s, true},
		"the first third":                        {0, 1000, third(0, 333, 33, 0), true},
		"the second third rounds to the nearest": {1000, 2000, third(1, 334, 34, 1), true},
		"the last third is what is left":         {2000, 9000, third(2, 333, 33, 0), true},
		"before it there is nothing":             {-1000, 0, usage.Segment{}, false},
		"behind it there is nothing":             {3000, 4000, usage.Segment{}, false},
		"an empty range has nothing":             {1000, 1000, usage.Segment{}, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, ok := s.Cut(t0+test.from, t0+test.to)
			if ok != test.ok {
				t.Fatalf("there is a part: %v, want %v", ok, test.ok)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("part (-want +got):\n%s", diff)
			}
		})
	}
}
