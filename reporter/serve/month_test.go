package serve_test

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gputally/gputally/reporter/archive"
	"github.com/gputally/gputally/reporter/bucket/buckettest"
	"github.com/gputally/gputally/reporter/bucket/mem"
	"github.com/gputally/gputally/reporter/index"
	"github.com/gputally/gputally/reporter/task"
	"github.com/gputally/gputally/reporter/window"
)

// bubble runs a test in which time is the bubble's. Codecs that it leaves in pools
// have channels of the bubble, so no other test may find them.
func bubble(t *testing.T, test func(*testing.T)) {
	t.Helper()
	defer func() { // also when the test fails
		runtime.GC()
		runtime.GC() // a pool forgets what it had before the last two
	}()
	synctest.Test(t, test)
}

// A few days with all that a month has, see month_real_test.go.
//
//nolint:paralleltest // see bubble
func TestASimulatedWeekend(t *testing.T) {
	w := &world{
		begin: instant("2026-10-23T00:00:00Z"), restart: instant("2026-10-25T10:40:00Z"), end: instant("2026-10-26T14:00:00Z"),
		clusters: []string{"eu-1", "eu-2", "eu-3"},
		dead:     "eu-2", away: window.Window{From: instant("2026-10-24T12:30:00Z"), To: instant("2026-10-25T17:30:00Z")},
		damaged: []damagedHour{
			{"eu-3", window.Hour(instant("2026-10-23T16:00:00Z")), instant("2026-10-24T08:20:00Z")},
			{"eu-3", window.Hour(instant("2026-10-24T03:00:00Z")), time.Time{}},
		},
		plans: plans(t, 8, "day"), samples: 36 * time.Hour,
	}
	bubble(t, w.test)
}

// test runs the world and compares what there is at its end with what has to be.
func (w *world) test(t *testing.T) {
	<-time.After(time.Until(w.begin))
	b := buckettest.Count(mem.New(time.Now))
	for _, until := range []time.Time{w.restart, w.end} {
		s := w.process(t, b)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); s.Work(ctx) }()
		for time.Now().Before(until) {
			<-time.After(min(5*time.Minute, time.Until(until)))
			synctest.Wait()
			w.watch(t, s.Tasks())
			if time.Now().Minute() == 0 {
				w.checkRequests(t, b.Take())
			}
		}
		cancel()
		<-done
	}
	w.compareObjects(t, b)
	w.compareTimes(t, b)
	if w.mostAtOnce > 4 {
		t.Errorf("%d sources were read at once", w.mostAtOnce)
	}
	for _, d := range w.damaged {
		if n := w.tries[d.hour.String()]; n < 3 || n > 1200 {
			t.Errorf("the damaged hour %s was tried %d times", d.hour, n)
		}
	}
	t.Logf("%d sources at once; tries of damaged hours: %v", w.mostAtOnce, w.tries)
}

// checkRequests checks the requests of an hour, but for the ledger's, which grow with
// the periods that are reported.
func (w *world) checkRequests(t *testing.T, made buckettest.Requests) {
	t.Helper()
	reported, closed := made.Of("state/reports/", "put"), made.Of("ledger/hourly/", "put")
	others := len(made) - made.Of("ledger/", "get", "stat", "put", "list", "delete")
	if most := 45*(len(w.plans)+len(w.clusters)) + 30*reported + 20*closed; others > most {
		t.Errorf("%s: an hour in which %d reports were made and %d hours were closed took %d requests, more than %d", time.Now(), reported, closed, others, most)
	}
}

// watch looks at the tasks' times: nobody waits for another's failure.
func (w *world) watch(t *testing.T, tasks []task.State) {
	t.Helper()
	now := time.Now()
	troubled := map[string]bool{w.dead: true}
	for _, d := range w.damaged {
		troubled[d.cluster] = true
	}
	for _, s := range tasks {
		if s.Due && now.Sub(s.Next) > time.Minute {
			t.Errorf("%s: task %s has not begun, and its time was %s", now.Format(time.RFC3339), s.ID, s.Next.Format(time.RFC3339))
		}
		if s.Kind == "close" && troubled[s.Name] {
			continue
		}
		if s.Failing() {
			t.Errorf("%s: task %s fails: %s", now.Format(time.RFC3339), s.ID, s.LastError)
		}
		if s.Running && now.Sub(s.LastBegin) > 15*time.Minute {
			t.Errorf("%s: task %s runs since %s: %s", now.Format(time.RFC3339), s.ID, s.LastBegin.Format(time.RFC3339), s.Unit)
		}
		if hourly := s.Kind == "close" || s.Kind == "figures"; hourly && s.Begun > 1 && now.Sub(s.LastSuccess) > 65*time.Minute {
			t.Errorf("%s: task %s succeeded last at %s", now.Format(time.RFC3339), s.ID, s.LastSuccess.Format(time.RFC3339))
		}
	}
}

func (w *world) compareObjects(t *testing.T, b *buckettest.Counter) {
	t.Helper()
	var got []string
	for object, err := range b.List(t.Context(), "") {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, object.Key)
	}
	if diff := cmp.Diff(w.objects(), got); diff != "" {
		lines := slices.DeleteFunc(strings.Split(diff, "\n"), func(l string) bool { return !strings.HasPrefix(l, "+") && !strings.HasPrefix(l, "-") })
		t.Errorf("objects (-want +got), %d of %d\n%s", len(lines), len(got), strings.Join(lines[:min(len(lines), 100)], "\n"))
	}
}

// compareTimes compares what the reports are and when they were made.
func (w *world) compareTimes(t *testing.T, b *buckettest.Counter) {
	t.Helper()
	made := map[string]archive.Record{}
	a := archive.New(archive.Config{Bucket: b, Index: index.New(b, index.Config{})})
	for r, err := range a.List(t.Context(), archive.Query{}) {
		if err != nil {
			t.Fatal(err)
		}
		made[r.Name+" "+r.PeriodKey+fmt.Sprint(" ", r.Revision)] = r
	}
	all := w.reports()
	if len(all) != len(made) {
		t.Errorf("%d reports, want %d", len(made), len(all))
	}
	for _, e := range all {
		name := e.plan.name + " " + e.key + fmt.Sprint(" ", e.revision)
		r, there := made[name]
		at, err := time.Parse(time.RFC3339, r.CreatedAt)
		switch {
		case !there:
			t.Errorf("there is no %s, to be made at %s", name, e.from.UTC())
		case err != nil:
			t.Error(err)
		case at.Before(e.from.Truncate(time.Second)) || at.After(e.to):
			t.Errorf("%s was made at %s, and its time was %s to %s", name, at, e.from.UTC(), e.to.UTC())
		case e.failed != (r.State == "Failed"):
			t.Errorf("%s is %s with a coverage of %s", name, r.State, r.CoverageRatio)
		}
	}
}
