//go:build real

package reporter_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gputally/gputally/internal/child"
)

// Whatever a process was doing when it was killed, the next one ends with the same
// objects as one that nobody disturbed, byte for byte. A kill before a write finds the
// bucket as one after the write before it does.
func TestAKillAtEachOperationOfTheBucket(t *testing.T) {
	t.Parallel()
	works := newWorks(t, "killed")
	delete(works, "close with less") // is done as close is
	for name, w := range works {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var cases limited
			for at, when := range w.requests(before, inside, after) {
				cases.Go(func() { w.killedAt(t, at, when) })
			}
			cases.Wait()
		})
	}
}

// killedAt kills the process at a request, and has another one do the same.
func (w *work) killedAt(t *testing.T, at int, when moment) {
	var running atomic.Pointer[child.Child]
	started := make(chan struct{})
	m := momentOf(t, at, when, func() { <-started; running.Load().Kill(); <-running.Load().Done() })
	prefix := fmt.Sprintf("%s-%d-%s", w.name, at, when)
	w.sow(t, prefix)
	c := start(t, w.clock, w.at(t, prefix, m.URL)...)
	running.Store(c)
	close(started)
	<-c.Done()
	if state := c.State().String(); state != "signal: killed" && m.Happened() > 0 {
		t.Errorf("%s: %s", prefix, state)
	}
	w.recovers(t, prefix)
}

// recovers fails the test if anything under the prefix is half written, or if the
// same work, done once more, ends otherwise than undisturbed.
func (w *work) recovers(t *testing.T, prefix string) {
	t.Helper()
	seed, end := sums(w.seed), sums(w.end)
	for key, sum := range sums(w.objects(t, prefix)) {
		if sum != seed[key] && sum != end[key] && !strings.HasPrefix(key, "index/") {
			t.Errorf("%s: %s is neither as it was nor as it will be", prefix, key)
		}
	}
	runs(t, w.clock, w.at(t, prefix, shared.s3.Endpoint)...)
	if diff := cmp.Diff(end, sums(w.objects(t, prefix))); diff != "" {
		t.Errorf("%s: objects (-undisturbed +after the kill)\n%s", prefix, diff)
	}
}

// Kills at other times hit what is no request: the process that starts, that reads
// Prometheus, that computes, that waits for the last answer.
func TestKillsAtRandomMoments(t *testing.T) {
	t.Parallel()
	const kills = 4
	works := newWorks(t, "random")
	delete(works, "close with less")
	for name, w := range works {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var cases limited
			for i := range kills {
				after := rand.N(w.took)
				cases.Go(func() {
					prefix := fmt.Sprintf("%s-%d-%s", w.name, i, after)
					w.sow(t, prefix)
					c := start(t, w.clock, w.at(t, prefix, shared.s3.Endpoint)...)
					select {
					case <-time.After(after):
						c.Kill()
					case <-c.Done():
					}
					<-c.Done()
					w.recovers(t, prefix)
				})
			}
			cases.Wait()
		})
	}
}
