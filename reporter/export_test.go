package reporter

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"

	"github.com/gputally/gputally/reporter/bucket"
	"github.com/gputally/gputally/reporter/index"
	"github.com/gputally/gputally/reporter/ledger"
	"github.com/gputally/gputally/reporter/window"
)

// Closer is what a cluster closes its hours with.
type Closer = closer

// Cluster is a cluster whose hours are closed with a Closer of a test.
type Cluster struct{ c *cluster }

// NewCluster returns a cluster of a bucket. It sees the books at a time.
func NewCluster(b bucket.Bucket, name string, closer Closer, now time.Time) Cluster {
	books := &books{
		settle: 10 * time.Minute,
		bucket: b,
		index: index.New(b, index.Config{
			Jitter: func() float64 { return 0 },
			Sleep:  func(ctx context.Context, _ time.Duration) error { return ctx.Err() },
		}),
		now: func() time.Time { return now },
		log: slog.New(slog.DiscardHandler),
	}
	books.ledger = ledger.New(b, ledger.Config{Pruned: books.pruned})
	c := &cluster{books: books, name: name, closer: closer, meter: newMeter()}
	books.clusters = []*cluster{c}
	return Cluster{c}
}

// KeepEdges says how long edges are kept. Nothing deletes them afterwards.
func (c Cluster) KeepEdges(d time.Duration) { c.c.retain.Edges = d }

// Close closes those of the hours that are not closed, as the command does.
func (c Cluster) Close(ctx context.Context, run []window.Window, parallel int) error {
	w := window.Window{From: run[0].From, To: run[len(run)-1].To}
	due, err := c.c.hoursDue(ctx, w.From)
	if err != nil {
		return err
	}
	due = slices.DeleteFunc(due, func(h window.Window) bool { return !h.From.Before(w.To) })
	_, err = c.c.closeAll(ctx, due, parallel, func(string) {})
	if parallel > 1 {
		err = errors.Join(err, c.c.joinDays(ctx, w))
	}
	return err
}

// Restate reads the hours again, and returns how many of them and beside them
// changed, and how many stay as they are booked.
func (c Cluster) Restate(ctx context.Context, run []window.Window) (changed, beside, kept int, err error) {
	done, err := c.c.restate(ctx, run, noLess, func(window.Window) {})
	return len(done.changed), len(done.beside), len(done.kept), err
}
