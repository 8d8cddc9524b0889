//go:build real

package reporter_test

import (
	"context"
	"math/rand/v2"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gputally/gputally/internal/child"
	"github.com/gputally/gputally/reporter"
)

// Replicas of serve on one bucket are killed, stopped, continued and started again
// at random. Whatever one of them was doing, at each hour of the night the bucket
// gets what one replica puts there that nobody disturbs.
func TestReplicasThatAreKilledAndStopped(t *testing.T) {
	t.Parallel()
	if err := shared.s3.CreateBucket(t.Context(), "replicas"); err != nil {
		t.Fatal(err)
	}
	for name, url := range map[string]string{"S3": "s3://replicas", "a directory": "file://" + t.TempDir()} {
		t.Run(name, func(t *testing.T) { t.Parallel(); shakeReplicas(t, url) })
	}
}

func shakeReplicas(t *testing.T, url string) {
	t.Helper()
	w := &work{
		url: url, args: []string{"serve", "--tick=1s", "--web.listen-address=127.0.0.1:0"},
		more: "schedules: schedules.yaml\nminimum_coverage: 0.98\n",
	}
	const alone, shaken = "alone", "shaken"
	clocks := map[string]string{alone: newClock(t, midnight), shaken: newClock(t, midnight)}
	night := []string{"2026-11-03T01:25:00Z", "2026-11-03T02:25:00Z", "2026-11-03T03:25:00Z", "2026-11-03T04:25:00Z"}

	setClock(t, clocks[alone], instant(night[0]))
	undisturbed := start(t, clocks[alone], w.at(t, alone, shared.s3.Endpoint)...)
	var replicas [4]replica
	for i := range replicas {
		replicas[i].start = func() *child.Child {
			return start(t, clocks[shaken], w.at(t, shaken, shared.s3.Endpoint)...)
		}
	}
	for i, now := range night {
		setClock(t, clocks[alone], instant(now))
		within(t, undisturbed, "the reports of the hour", func() bool {
			return len(states(t, w.open(t, alone), "hourly")) == i+2
		})
		want := sums(w.objects(t, alone))

		setClock(t, clocks[shaken], instant(now))
		if diff := shakeUntil(replicas[:], func() string { return cmp.Diff(want, sums(w.objects(t, shaken))) }); diff != "" {
			t.Fatalf("at %s objects (-alone +shaken)\n%s", now, diff)
		}
	}
	for i := range replicas {
		replicas[i].ends(t)
	}
	(&replica{now: undisturbed}).ends(t)
	want := sums(w.objects(t, alone))
	if diff := cmp.Diff(want, sums(w.objects(t, shaken))); diff != "" {
		t.Errorf("in the end objects (-alone +shaken)\n%s", diff)
	}
	for _, command := range [][]string{{"ledger", "verify"}, {"index", "rebuild"}} {
		runs(t, clocks[shaken], append(command, w.config(t, shaken, shared.s3.Endpoint))...)
	}
	if diff := cmp.Diff(want, sums(w.objects(t, shaken))); diff != "" {
		t.Errorf("the index was wrong (-before +after it was rebuilt)\n%s", diff)
	}
}

// shakeUntil shakes replicas for a while, and until there is no difference any more.
// It returns what is left of it after a long while.
func shakeUntil(replicas []replica, difference func() string) (diff string) {
	const few, many = 15, 400
	for events := range many {
		replicas[rand.N(len(replicas))].shake()
		<-time.After(rand.N(150 * time.Millisecond))
		if events < few {
			continue
		}
		if diff = difference(); diff == "" {
			break
		}
	}
	return diff
}

// within waits for what a process is to do.
func within(t *testing.T, c *child.Child, what string, holds func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := c.Await(ctx, child.Met(what, holds)); err != nil {
		t.Fatal(err)
	}
}

// replica is a process that is started again and again.
type replica struct {
	start   func() *child.Child
	now     *child.Child // nil if there is none
	stopped bool
}

// shake does to a replica what may happen to it.
func (r *replica) shake() {
	switch {
	case r.now == nil:
		r.now = r.start()
	case r.stopped && rand.N(3) > 0:
		sends(r.now, syscall.SIGCONT)
		r.stopped = false
	case r.stopped || rand.N(2) > 0:
		r.now.Kill()
		<-r.now.Done()
		r.now, r.stopped = nil, false
	default:
		sends(r.now, syscall.SIGSTOP)
		r.stopped = true
	}
}

// ends fails the test unless the replica ends as it should when it is asked to.
func (r *replica) ends(t *testing.T) {
	t.Helper()
	if r.now == nil {
		return
	}
	sends(r.now, syscall.SIGCONT)
	if err := r.now.Stop(t.Context(), 20*time.Second); err != nil {
		t.Errorf("%v%s", err, r.now.LastLines())
	}
	begun := r.now.State().String() != "signal: terminated" // else it had not begun to listen to signals
	if code := r.now.State().ExitCode(); begun && code != reporter.ExitOK {
		t.Errorf("exit code %d%s", code, r.now.LastLines())
	}
}
