package closing_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gputally/gputally/reporter/bucket"
	"github.com/gputally/gputally/reporter/ledger"
)

// edgesAt are the keys of the edges where the world's nth hour begins.
func (s *stage) edgesAt(t *testing.T, n int64) []string {
	t.Helper()
	var found []string
	for object, err := range s.bucket.List(t.Context(), "ledger/edges/cluster=eu-1/"+s.world.hour(n).From.Format("date=2006-01-02/hour=15/")) {
		if err != nil {
			t.Fatal(err)
		}
		found = append(found, object.Key)
	}
	if len(found) == 0 {
		t.Fatalf("hour %d begins without edges", n)
	}
	return found
}

// lose deletes the edges where the world's nth hour begins.
func (s *stage) lose(t *testing.T, n int64) {
	t.Helper()
	for _, key := range s.edgesAt(t, n) {
		if err := s.bucket.Delete(t.Context(), key, bucket.Condition{}); err != nil {
			t.Fatal(err)
		}
	}
}

// damage makes them something else.
func (s *stage) damage(t *testing.T, n int64) {
	t.Helper()
	for _, key := range s.edgesAt(t, n) {
		if _, err := bucket.PutBytes(t.Context(), s.bucket, key, []byte("no Parquet"), bucket.Condition{}); err != nil {
			t.Fatal(err)
		}
	}
}

// closedStage has all hours closed with edges that lag, and then learns more.
func closedStage(t *testing.T) *stage {
	t.Helper()
	s := newStage(func(*world) {})
	for n := int64(0); n <= hours; n++ {
		s.world.lags[n] = 500
	}
	if err := s.cluster.Close(t.Context(), s.run(0, hours), 1); err != nil {
		t.Fatal(err)
	}
	clear(s.world.lags)
	return s
}

// A restatement that could not make hours add up changes none.
func TestRestatingBesideEdgesThatCannotBeRead(t *testing.T) {
	t.Parallel()
	left, right := [2]int64{1, 4}, [2]int64{4, 7}
	for name, tt := range map[string]struct {
		spoil func(*stage, *testing.T, int64)
		edge  int64
		mends [2]int64 // restating these, on both sides of the edge
	}{
		"the edge before is gone":                        {(*stage).lose, 3, left},
		"the edge before is damaged":                     {(*stage).damage, 3, left},
		"the edge after is gone":                         {(*stage).lose, 5, right},
		"the edge after is damaged":                      {(*stage).damage, 5, right},
		"the hour before has lost its edge to the left":  {(*stage).lose, 2, left},
		"the hour after has a damaged edge to the right": {(*stage).damage, 6, right},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := closedStage(t)
			tt.spoil(s, t, tt.edge)
			before := snapshot(t, s.bucket)
			changed, _, _, err := s.cluster.Restate(t.Context(), s.run(3, 5))
			if edges := (*ledger.EdgesError)(nil); !errors.As(err, &edges) || changed != 0 {
				t.Errorf("%d changed, %v", changed, err)
			}
			if diff := cmp.Diff(before, snapshot(t, s.bucket)); diff != "" {
				t.Errorf("objects (-before +after)\n%s", diff)
			}
			for _, run := range [][2]int64{tt.mends, {3, 5}} {
				if _, _, _, err := s.cluster.Restate(t.Context(), s.run(run[0], run[1])); err != nil {
					t.Errorf("hours %d to %d: %v", run[0], run[1], err)
				}
			}
			s.check(t)
		})
	}
}

// Hours may be so old that their edges are kept no longer.
func TestRestatingHoursWhoseEdgesWerePruned(t *testing.T) {
	t.Parallel()
	s := closedStage(t)
	s.cluster.KeepEdges(now.Sub(s.world.hour(4).From))
	for n := range int64(4) {
		s.lose(t, n)
	}
	changed, _, kept, err := s.cluster.Restate(t.Context(), s.run(1, 3))
	if err != nil || changed != 2 || kept != 0 {
		t.Errorf("%d changed, %d kept, %v", changed, kept, err)
	}
	before := snapshot(t, s.bucket)
	changed, _, _, err = s.cluster.Restate(t.Context(), s.run(1, 3))
	if err != nil || changed != 0 {
		t.Errorf("again: %d changed, %v", changed, err)
	}
	if diff := cmp.Diff(before, snapshot(t, s.bucket)); diff != "" {
		t.Errorf("again (-before +after)\n%s", diff)
	}
	// The edge after it is kept, so the hour after that follows.
	changed, neighbours, _, err := s.cluster.Restate(t.Context(), s.run(2, 4))
	if err != nil || changed != 1 || neighbours != 1 {
		t.Errorf("up to an edge that is kept: %d changed, %d neighbours, %v", changed, neighbours, err)
	}
}

// A backfill of old hours goes on although their edges were pruned meanwhile.
func TestClosingBesideEdgesThatWerePruned(t *testing.T) {
	t.Parallel()
	s := newStage(func(*world) {})
	s.cluster.KeepEdges(time.Hour)
	if err := s.cluster.Close(t.Context(), s.run(0, 2), 1); err != nil {
		t.Fatal(err)
	}
	s.lose(t, 2)
	if err := s.cluster.Close(t.Context(), s.run(0, 4), 1); err != nil {
		t.Error(err)
	}
	s.cluster.KeepEdges(0)
	s.lose(t, 4)
	if err := s.cluster.Close(t.Context(), s.run(4, 6), 1); !errors.Is(err, bucket.ErrNotFound) {
		t.Errorf("edges that nobody pruned are gone: %v", err)
	}
}
