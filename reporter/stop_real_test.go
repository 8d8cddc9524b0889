//go:build real

package reporter_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gputally/gputally/internal/child"
	"github.com/gputally/gputally/reporter"
)

// There is no lease that could run out: a process that is stopped for however long
// holds what it has read, and the request that it was about to make. Meanwhile
// another one does all of the work. What wakes up then changes nothing.
func TestAStoppedProcessThatWakesUpChangesNothing(t *testing.T) {
	t.Parallel()
	works := newWorks(t, "stopped")
	delete(works, "close") // with less is harder
	for name, w := range works {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var cases limited
			ofWrite := []moment{before, lost}[rand.N(2)]
			for at, when := range w.requests(after, ofWrite) { // what it has read is old
				cases.Go(func() { w.stoppedAt(t, at, when) })
			}
			cases.Wait()
		})
	}
}

// stoppedAt stops the process at a request until another one has done its work.
func (w *work) stoppedAt(t *testing.T, at int, when moment) {
	var running atomic.Pointer[child.Child]
	started := make(chan struct{})
	prefix := fmt.Sprintf("%s-%d-%s", w.name, at, when)
	var there map[string]string
	m := momentOf(t, at, when, func() {
		<-started
		sends(running.Load(), syscall.SIGSTOP)
		defer sends(running.Load(), syscall.SIGCONT)
		w.other(t, prefix)
		there = sums(w.objects(t, prefix))
	})
	w.sow(t, prefix)
	c := start(t, w.clock, w.at(t, prefix, m.URL)...)
	running.Store(c)
	close(started)
	<-c.Done()
	switch code := c.State().ExitCode(); code {
	case reporter.ExitOK, reporter.ExitBucket: // another process wrote meanwhile
	default:
		t.Errorf("%s: exit code %d%s", prefix, code, c.LastLines())
	}
	if !w.poorer {
		there = sums(w.end)
	}
	woken := sums(w.objects(t, prefix))
	if w.poorer { // edges of its own, which no hour names: they are pruned
		maps.DeleteFunc(woken, func(key, _ string) bool { return strings.HasPrefix(key, "ledger/edges/") && there[key] == "" })
	}
	if diff := cmp.Diff(there, woken); diff != "" {
		t.Errorf("%s: objects (-undisturbed +after it woke up)\n%s", prefix, diff)
	}
}

// other is another process, which does the same work. Where the work has the
// samples of one node only, the other one has all.
func (w *work) other(t *testing.T, prefix string) {
	richer := *w
	richer.poorer = false
	runs(t, w.clock, richer.at(t, prefix, shared.s3.Endpoint)...)
	if w.poorer {
		runs(t, w.clock, append(richer.at(t, prefix, shared.s3.Endpoint), "--restate")...)
	}
}
