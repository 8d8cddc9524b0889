package reporting

import (
	"context"
	"errors"
	"io"
	"iter"
	"sync"

	"github.com/gputally/gputally/reporter/ledger"
	"github.com/gputally/gputally/reporter/rollup"
	"github.com/gputally/gputally/reporter/usage"
	"github.com/gputally/gputally/reporter/window"
)

const (
	// hoursAhead is how many hours of the ledger are read at once: enough to
	// keep the cores busy while a bucket takes its time, and no burden on it.
	hoursAhead = 4
	// batchesAhead is how many row groups of each are unpacked before they are
	// added up, about 3 MB each.
	batchesAhead = 2
)

// readAhead reads closed hours by column, several at once, and hands them on in
// order. So memory is bounded however long the period is, and what comes out
// does not depend on which hour was read first.
type readAhead struct {
	ledger   *ledger.Reader
	clusters []string
	columns  func(window.Window) usage.Columns
}

// reading is one hour on its way.
type reading struct {
	cluster string
	hour    window.Window

	opened  chan struct{} // closed once head is there, or opening failed
	head    rollup.Hour
	openErr error

	full    chan *usage.Batch // closed after the last one, or reading failed
	free    chan *usage.Batch // to be filled
	readErr error
}

// hours yields the hours of the window, of each the clusters in their order.
// What is yielded is good until the next. It ends early with the context.
func (a readAhead) hours(ctx context.Context, w window.Window) iter.Seq[*reading] {
	return func(yield func(*reading) bool) {
		ctx, cancel := context.WithCancel(ctx)
		var running sync.WaitGroup
		defer running.Wait()
		defer cancel()
		slots := make(chan chan *usage.Batch, hoursAhead)
		for range hoursAhead {
			slots <- batches()
		}
		started := make(chan *reading, hoursAhead)
		running.Go(func() {
			defer close(started)
			a.start(ctx, w, slots, started, &running)
		})
		for r := range started {
			<-r.opened
			if !yield(r) {
				return
			}
			r.drain()
			slots <- r.free
		}
	}
}

func batches() chan *usage.Batch {
	free := make(chan *usage.Batch, batchesAhead)
	for range batchesAhead {
		free <- &usage.Batch{}
	}
	return free
}

// start begins to read each hour once there is a slot for it.
func (a readAhead) start(ctx context.Context, w window.Window, slots chan chan *usage.Batch, started chan *reading, running *sync.WaitGroup) {
	for hour := range w.Hours() {
		for _, cluster := range a.clusters {
			var free chan *usage.Batch
			select {
			case free = <-slots:
			case <-ctx.Done():
				return
			}
			r := &reading{
				cluster: cluster, hour: hour,
				opened: make(chan struct{}), full: make(chan *usage.Batch, batchesAhead), free: free,
			}
			running.Go(func() {
				defer close(r.full)
				r.readErr = a.read(ctx, r)
			})
			started <- r // has room for as many as there are slots
		}
	}
}

// read opens the hour and fills batches until there are no more.
func (a readAhead) read(ctx context.Context, r *reading) error {
	scan, err := a.ledger.Scan(ctx, r.cluster, r.hour, a.columns(r.hour))
	if err != nil {
		r.openErr = err
		close(r.opened)
		return err
	}
	r.head = rollup.Hour{Hour: scan.Hour(), Revision: scan.Entry().Revision, SHA256: scan.Entry().SHA256}
	close(r.opened)
	for {
		select {
		case b := <-r.free:
			err := scan.Next(b)
			if err != nil {
				r.free <- b
			}
			if errors.Is(err, io.EOF) {
				return nil
			}
			if err != nil {
				return err
			}
			r.full <- b // has room for all batches
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// batches yields what the hour has, in order. A batch is good until the next.
func (r *reading) batches() iter.Seq2[*usage.Batch, error] {
	return func(yield func(*usage.Batch, error) bool) {
		for b := range r.full {
			more := yield(b, nil)
			r.free <- b
			if !more {
				return
			}
		}
		if r.readErr != nil {
			yield(nil, r.readErr)
		}
	}
}

// drain takes back what nobody asked for.
func (r *reading) drain() {
	for b := range r.full {
		r.free <- b
	}
}
