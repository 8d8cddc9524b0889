package reporter

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/gputally/gputally/reporter/ledger"
	"github.com/gputally/gputally/reporter/usage"
	"github.com/gputally/gputally/reporter/window"
)

// backfilled is what became of many hours that were to be closed.
type backfilled struct {
	closed int
	rows   int64
	empty  []error // of hours of which no collector left a sample, oldest first
}

// closeAll closes hours, sorted by time. They are cut into runs of one UTC day,
// and so many runs are closed at once: within a run each hour goes on where the
// one before ended, and where two runs meet, the one that comes later takes the
// edge that the other has booked. If both are at it at the same time, none sees
// the other's: see joinDays. So many runs at most are incomplete after a crash.
// An hour without samples is passed over; after any other failure the
// hours at hand are completed and no other is begun. The error is that of the
// earliest hour.
func (c *cluster) closeAll(ctx context.Context, hours []window.Window, parallel int, step func(string)) (backfilled, error) {
	b := &backfill{cluster: c, hours: hours, results: make([]result, len(hours)), step: step}
	runs := byDay(hours)
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

// backfill is a closing of many hours on its way.
type backfill struct {
	cluster *cluster
	hours   []window.Window
	step    func(string)

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
func byDay(hours []window.Window) [][2]int {
	var runs [][2]int
	for i, h := range hours {
		last := len(runs) - 1
		if i > 0 && hours[i-1].To.Equal(h.From) && h.From.Hour() != 0 {
			runs[last][1] = i + 1
			continue
		}
		runs = append(runs, [2]int{i, i + 1})
	}
	return runs
}

func (b *backfill) run(ctx context.Context, run [2]int) {
	for i := run[0]; i < run[1] && b.begin(i); i++ {
		entry, err := b.cluster.closeHour(ctx, b.hours[i])
		b.end(i, result{true, entry, err})
	}
}

// begin says whether the hour may be begun.
func (b *backfill) begin(i int) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.failed {
		return false
	}
	b.begun++
	b.step(fmt.Sprintf("hour %d of %d: %s", b.begun, len(b.hours), b.hours[i].From.Format("2006-01-02 15:04")))
	return true
}

func (b *backfill) end(i int, r result) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.results[i] = r
	b.failed = b.failed || r.err != nil && !errors.Is(r.err, usage.ErrNoData)
}

func (b *backfill) sum() (backfilled, error) {
	var all backfilled
	var first error
	for _, r := range b.results {
		switch {
		case !r.done:
		case errors.Is(r.err, usage.ErrNoData):
			all.empty = append(all.empty, r.err)
		case r.err != nil:
			if first == nil {
				first = r.err
			}
		default:
			all.closed++
			all.rows += r.entry.Rows
		}
	}
	return all, first
}

// joinDays makes sure of the edges between the days of a window, at which runs
// that were closed side by side met. They agree unless samples arrived between
// the closings of two hours that were read at the same time. The days need not
// be of this closing: one that was cut off leaves edges that nobody compared.
func (c *cluster) joinDays(ctx context.Context, w window.Window) error {
	closed, err := c.index.Hours(ctx, c.name, w)
	if err != nil {
		return err
	}
	var first []window.Window
	for i, h := range closed {
		if i > 0 && h.From.Hour() == 0 && closed[i-1].To.Equal(h.From) {
			first = append(first, h.Window())
		}
	}
	return c.agreeAll(ctx, first, &restated{})
}
