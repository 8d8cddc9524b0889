package closing_test

import (
	"context"
	"testing"
	"time"

	"github.com/gputally/gputally/reporter/bucket/mem"
	"github.com/gputally/gputally/reporter/source/gputally"
	"github.com/gputally/gputally/reporter/usage"
	"github.com/gputally/gputally/reporter/window"
)

// known is how many minutes of two GPUs have samples; the rest is uncovered.
// More than an hour is what the hour before could not book.
type known [2]int64

// Close is a closer that reads this of an hour.
func (k *known) Close(_ context.Context, hour window.Window, _ usage.Neighbours, emit func(usage.Part) error) (usage.Hour, error) {
	h := usage.Hour{Cluster: "eu-1", Window: hour, Source: gputally.Profile, Road: "json", Findings: []usage.Finding{}}
	h.Coverage.Expected = 2 * hourMillis
	for i, uuid := range []string{"GPU-0", "GPU-1"} {
		s := usage.Segment{
			Cluster: "eu-1", Node: "node-1", UUID: uuid, Model: "NVIDIA H200", Share: 1,
			HeldFrom: hour.From.UnixMilli(), HeldTo: hour.To.UnixMilli(),
		}
		own, gap := s, s
		own.State, own.GPUMillis = usage.Unallocated, k[i]*60_000
		gap.State, gap.GPUMillis = usage.Uncovered, max(0, hourMillis-own.GPUMillis)
		h.Coverage.Unallocated += own.GPUMillis
		h.Coverage.Uncovered += gap.GPUMillis
		if err := emit(usage.Part{Segments: []usage.Segment{own, gap}}); err != nil {
			return h, err
		}
	}
	h.Coverage.Residue = h.Coverage.Expected - h.Coverage.Unallocated - h.Coverage.Uncovered
	return h, nil
}

// How much of an hour is known is added up GPU by GPU.
func TestAnHourDoesNotBecomeLess(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		stored, now known
		stays       bool
	}{
		"more of one":                {known{60, 40}, known{60, 50}, false},
		"less of one":                {known{60, 60}, known{60, 50}, true},
		"as much of others":          {known{40, 60}, known{60, 40}, false},
		"late time that goes back":   {known{70, 50}, known{60, 50}, false},
		"late time hides no gap":     {known{60, 60}, known{70, 50}, true},
		"late time and more":         {known{60, 50}, known{70, 55}, false},
		"late time that was and is":  {known{70, 60}, known{70, 50}, true},
		"late time of an hour alone": {known{60, 60}, known{90, 60}, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			samples := tt.stored
			c := newCluster(mem.New(func() time.Time { return now }), "eu-1", &samples, now)
			run := []window.Window{window.Hour(instant("2026-11-20T05:00:00Z"))}
			if err := c.Close(t.Context(), run, 1); err != nil {
				t.Fatal(err)
			}
			samples = tt.now
			changed, _, kept, err := c.Restate(t.Context(), run)
			if err != nil || (kept == 1) != tt.stays || (changed == 1) == tt.stays {
				t.Errorf("%d changed, %d stay, %v", changed, kept, err)
			}
		})
	}
}
