package closing_test

import (
	"errors"
	"testing"

	"github.com/gputally/gputally/reporter/bucket"
	"github.com/gputally/gputally/reporter/source"
)

// An hour may only seem to have no neighbour, because the index was lost.
func TestClosingAnHourThatSeemsToBeAlone(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		closed []int64 // before the index is lost
		hour   int64
	}{
		"it is alone":                     {nil, 3},
		"the previous hour is closed":     {[]int64{2}, 3},
		"the next hour is closed":         {[]int64{4}, 3},
		"both are":                        {[]int64{2, 4}, 3},
		"the hour itself is closed":       {[]int64{3}, 3},
		"the hour and its neighbours are": {[]int64{2, 3, 4}, 3},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(func(*world) {})
			for n := int64(0); n <= hours; n++ {
				s.world.lags[n] = 500
			}
			for _, n := range tt.closed {
				if _, err := s.cluster.Cluster.Close(t.Context(), s.world.hour(n)); err != nil {
					t.Fatal(err)
				}
			}
			if err := s.bucket.Delete(t.Context(), "index/hours/cluster=eu-1/2026-11.json", bucket.Condition{}); err != nil {
				t.Fatal(err)
			}
			clear(s.world.lags)
			before := snapshot(t, s.bucket)
			entry, err := s.cluster.CloseAlone(t.Context(), s.world.hour(tt.hour))
			if err != nil || entry.Revision != 1 {
				t.Fatalf("%+v, %v", entry, err)
			}
			after := snapshot(t, s.bucket)
			for key, was := range before {
				if after[key] != was {
					t.Errorf("%s changed", key)
				}
			}
			s.check(t)
		})
	}
}

func TestAnHourWithoutSamplesCostsNoRequest(t *testing.T) {
	t.Parallel()
	s := newStage(func(*world) {})
	s.world.gone[3] = true
	s.bucket.Bucket = nil // it would panic
	if _, err := s.cluster.CloseAlone(t.Context(), s.world.hour(3)); !errors.Is(err, source.ErrNoData) {
		t.Errorf("it says %v", err)
	}
}

// A backfill that closes one day after the other knows what it closed itself.
func TestABackfillReadsEachHourOnce(t *testing.T) {
	t.Parallel()
	reads := 0
	s := newStage(func(*world) { reads++ })
	if err := s.cluster.Close(t.Context(), s.run(0, hours), 1); err != nil || reads != hours {
		t.Errorf("%d hours were read %d times, %v", hours, reads, err)
	}
	s.check(t)
}
