package closing_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/gputally/gputally/reporter/bucket"
	"github.com/gputally/gputally/reporter/bucket/buckettest"
	"github.com/gputally/gputally/reporter/bucket/mem"
	"github.com/gputally/gputally/reporter/closing"
	"github.com/gputally/gputally/reporter/index"
	"github.com/gputally/gputally/reporter/ledger"
	"github.com/gputally/gputally/reporter/window"
)

// replica is a process that closes hours, at a time that passes. The bucket counts.
type replica struct {
	*closing.Cluster
	bucket *buckettest.Counter
	now    time.Time
}

func newReplica(b bucket.Bucket, source closing.Source, now time.Time) *replica {
	r := &replica{bucket: buckettest.Count(b), now: now}
	clock := func() time.Time { return r.now }
	r.Cluster = closing.New(closing.Config{
		Name: "eu-1", Source: source,
		Ledger: ledger.New(r.bucket, ledger.Config{Now: clock}),
		Index:  index.New(r.bucket, index.Config{Clock: clock}),
		Settle: 10 * time.Minute, RestateWithin: 24 * time.Hour, Now: clock, Log: slog.New(slog.DiscardHandler),
	})
	return r
}

// spends fails unless the requests since the last time are within a budget.
func (r *replica) spends(t *testing.T, what string, reads, puts int) {
	t.Helper()
	made := r.bucket.Take()
	got := [4]int{made.Of("", "get", "stat"), made.Of("", "put"), made.Of("", "list"), made.Of("", "delete")}
	t.Logf("%s: %d reads, %d puts, %d lists, %d deletes", what, got[0], got[1], got[2], got[3])
	if got[0] > reads || got[1] > puts || got[2]+got[3] > 0 {
		t.Errorf("%s took %d reads of %d, %d puts of %d, %d lists and deletes of 0: %q", what, got[0], reads, got[1], puts, got[2]+got[3], made)
	}
}

func (r *replica) closes(t *testing.T, hour window.Window) {
	t.Helper()
	if _, err := r.Close(t.Context(), hour); err != nil {
		t.Fatal(err)
	}
}

// budgetStage is a world of two days that nobody has closed yet.
func budgetStage() (*world, *mem.Bucket, *time.Time) {
	w := &world{
		begin: instant("2026-11-19T00:00:00Z"), lags: map[int64]int64{}, gone: map[int64]bool{}, half: map[int64]bool{}, down: map[int64]bool{},
		arrives: func() {},
	}
	at := new(time.Time)
	return w, mem.New(func() time.Time { return *at }), at
}

// Requests cost money and time, and a fleet has many clusters.
func TestClosingAnHourTakesFewRequests(t *testing.T) {
	t.Parallel()
	t.Run("as hours pass", func(t *testing.T) {
		t.Parallel()
		w, b, at := budgetStage()
		r := newReplica(b, w, w.begin)
		for n := range int64(48) {
			r.now = w.hour(n).To.Add(11 * time.Minute)
			*at = r.now
			r.closes(t, w.hour(n))
			r.spends(t, w.hour(n).From.Format("Monday 15:04"), 8, 4)
		}
	})
	t.Run("after the fact", func(t *testing.T) {
		t.Parallel()
		w, b, at := budgetStage()
		w.churn = true
		*at = w.hour(100).From
		r := newReplica(b, w, *at)
		for n := range int64(48) {
			r.closes(t, w.hour(n))
			r.spends(t, w.hour(n).From.Format("Monday 15:04"), 8, 4)
		}
	})
	t.Run("by a process that has just started", func(t *testing.T) {
		t.Parallel()
		w, b, at := budgetStage()
		for n := range int64(30) {
			*at = w.hour(n).To.Add(11 * time.Minute)
			r := newReplica(b, w, *at)
			r.closes(t, w.hour(n))
			r.spends(t, w.hour(n).From.Format("Monday 15:04"), 8, 4)
		}
	})
	t.Run("that is closed already", func(t *testing.T) {
		t.Parallel()
		w, b, at := budgetStage()
		*at = w.hour(0).To.Add(11 * time.Minute)
		newReplica(b, w, *at).closes(t, w.hour(0))
		r := newReplica(b, w, *at)
		r.closes(t, w.hour(0))
		r.spends(t, "an hour that is closed", 2, 0)
	})
}

// The samples of an hour say more now. What began and ended in it is not carried
// on: its edges stay.
func TestRestatingHoursTakesFewRequests(t *testing.T) {
	t.Parallel()
	type restated struct {
		changes     func(*world)
		run         int64
		age         time.Duration // since the hours were closed
		neighbours  int
		reads, puts int
	}
	try := func(t *testing.T, name string, churn bool, tt restated) {
		w, b, at := budgetStage()
		w.churn = churn
		for n := range int64(48) {
			w.half[n], w.lags[n] = true, 500
		}
		r := newReplica(b, w, w.begin)
		for n := range int64(24) {
			r.now = w.hour(n).To.Add(11 * time.Minute)
			*at = r.now
			r.closes(t, w.hour(n))
		}
		tt.changes(w)
		other := mem.New(func() time.Time { return *at })
		copyBucket(t, other, b)
		r.now = at.Add(tt.age)
		for process, again := range map[string]*replica{
			"by the process that closed them":    r,
			"by a process that has just started": newReplica(other, w, r.now),
		} {
			again.bucket.Take()
			var run []window.Window
			for n := range tt.run {
				run = append(run, w.hour(12+n))
			}
			done, err := again.Restate(t.Context(), run, closing.KeepIfLess, func(window.Window) {})
			if err != nil || len(done.Kept) > 0 || len(done.Neighbours) != tt.neighbours || len(done.Changed) == 0 && name != "one that is the same" {
				t.Fatalf("%s: restated %+v, %v", process, done, err)
			}
			again.spends(t, process, tt.reads, tt.puts)
		}
	}
	for name, tt := range map[string]restated{
		"one, its edges stay":                   {func(w *world) { w.half[12] = false }, 1, 3 * time.Hour, 0, 13, 3},
		"one, long after, its edges stay":       {func(w *world) { w.half[12] = false }, 1, 90 * 24 * time.Hour, 0, 13, 3},
		"one that is the same":                  {func(*world) {}, 1, 3 * time.Hour, 0, 13, 0},
		"three, their edges stay":               {func(w *world) { w.half[12], w.half[13], w.half[14] = false, false, false }, 3, 3 * time.Hour, 0, 13 + 2*5, 9},
		"three, long after, their edges stay":   {func(w *world) { w.half[12], w.half[13], w.half[14] = false, false, false }, 3, 90 * 24 * time.Hour, 0, 13 + 2*5, 9},
		"one, and the next with it":             {func(w *world) { w.lags[13] = 0 }, 1, 3 * time.Hour, 1, 13 + 5, 9},
		"one, and both neighbours, long after":  {func(w *world) { w.lags[12], w.lags[13] = 0, 0 }, 1, 90 * 24 * time.Hour, 2, 13 + 2*5, 13},
		"three, and both neighbours, and edges": {func(w *world) { clear(w.lags) }, 3, 90 * 24 * time.Hour, 2, 13 + 4*5, 24},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			try(t, name, false, tt)
		})
		t.Run(name+", while pods come and go", func(t *testing.T) {
			t.Parallel()
			try(t, name, true, tt)
		})
	}
}

func copyBucket(t *testing.T, to, from bucket.Bucket) {
	t.Helper()
	for object, err := range from.List(context.Background(), "") {
		if err != nil {
			t.Fatal(err)
		}
		data := read(t, from, object.Key)
		if _, err := bucket.PutBytes(t.Context(), to, object.Key, data, bucket.Condition{}); err != nil {
			t.Fatal(err)
		}
	}
}
