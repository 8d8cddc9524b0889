package closing

import (
	"context"
	"errors"
	"sync"

	"github.com/gputally/gputally/reporter/ledger"
	"github.com/gputally/gputally/reporter/source"
	"github.com/gputally/gputally/reporter/window"
)

// Backfilled is what became of many hours that were to be closed.
type Backfilled struct {
	Closed   int
	Segments int64   // of the closed hours
	Empty    []error // one for each hour without samples, oldest first
}

// CloseAll closes hours that Due listed. It cuts them into runs of one
// UTC day each and closes `parallel` runs at once. Within a run each hour goes on
// where the previous one ended. Two runs that are closed at once may each store
// an edge of their own: call AlignDays afterwards. A crash leaves at most as many
// incomplete runs as were closed at once.
//
// An hour without samples is passed over. After any other failure the hours at
// hand are completed and no other is begun; the error is that of the earliest
// hour. begin is called before each hour, by one goroutine at a time, with the
// number of hours begun so far.
func (c *Cluster) CloseAll(ctx context.Context, due []Due, parallel int, begin func(n int, hour window.Window)) (Backfilled, error) {
	b := &backfill{cluster: c, due: due, results: make([]result, len(due)), report: begin}
	runs := byDay(due)
	work := make(chan [2]int, len(runs))
	for _, run := range runs {
		work <- run
	}
	close(work)
	var workers sync.WaitGroup
	for range min(parallel, len(runs)) {
		workers.Go(func() {
			for run := range work {
				b.run(ctx, run)
			}
		})
	}
	workers.Wait()
	return b.sum()
}

// backfill is the closing of many hours while it goes on.
type backfill struct {
	cluster *Cluster
	due     []Due
	report  func(n int, hour window.Window)

	mu      sync.Mutex
	results []result // one for each of the hours
	begun   int
	failed  bool
}

type result struct {
	done  bool
	entry ledger.Entry
	err   error
}

// byDay cuts sorted hours into runs [from, to) of one UTC day without a hole.
func byDay(due []Due) [][2]int {
	var runs [][2]int
	for i, d := range due {
		last := len(runs) - 1
		if i > 0 && due[i-1].Hour.To.Equal(d.Hour.From) && d.Hour.From.Hour() != 0 {
			runs[last][1] = i + 1
			continue
		}
		runs = append(runs, [2]int{i, i + 1})
	}
	return runs
}

func (b *backfill) run(ctx context.Context, run [2]int) {
	for i := run[0]; i < run[1] && b.begin(i); i++ {
		closeHour := b.cluster.Close
		if b.due[i].Alone && !b.closedBefore(i) {
			closeHour = b.cluster.CloseAlone
		}
		entry, err := closeHour(ctx, b.due[i].Hour)
		b.end(i, result{true, entry, err})
	}
}

// closedBefore tells whether the previous hour was closed by now, also by another
// run.
func (b *backfill) closedBefore(i int) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return i > 0 && b.due[i-1].Hour.To.Equal(b.due[i].Hour.From) && b.results[i-1].done && b.results[i-1].err == nil
}

// begin says whether the hour may be begun.
func (b *backfill) begin(i int) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.failed {
		return false
	}
	b.begun++
	b.report(b.begun, b.due[i].Hour)
	return true
}

func (b *backfill) end(i int, r result) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.results[i] = r
	b.failed = b.failed || r.err != nil && !errors.Is(r.err, source.ErrNoData)
}

func (b *backfill) sum() (Backfilled, error) {
	var all Backfilled
	var first error
	for _, r := range b.results {
		switch {
		case !r.done:
		case errors.Is(r.err, source.ErrNoData):
			all.Empty = append(all.Empty, r.err)
		case r.err != nil:
			if first == nil {
				first = r.err
			}
		default:
			all.Closed++
			all.Segments += r.entry.Rows
		}
	}
	return all, first
}
