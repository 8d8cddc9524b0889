package fleet

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb"
	"golang.org/x/sync/errgroup"
)

// block is the length of the blocks, the shortest that Prometheus makes.
const block = 2 * time.Hour

// Stats count what Write wrote.
type Stats struct {
	Samples, Stale int64
	Series         int64 // as often as they are in a block
}

// Write writes the history into Prometheus' data folder. It keeps no more than
// the series of one block in memory. Progress may be nil; it is called after each
// block with the time reached. A Fleet is written once.
func (f *Fleet) Write(ctx context.Context, dir string, progress func(reached time.Time)) (Stats, error) {
	var stats Stats
	for _, n := range f.nodes {
		n.scraping.at = f.cfg.From.UnixMilli() + n.offset
	}
	number := int64(0)
	for from := f.cfg.From; from.Before(f.cfg.To); {
		to := from.Truncate(block).Add(block)
		if to.After(f.cfg.To) {
			to = f.cfg.To
		}
		number++
		if err := f.writeBlock(ctx, dir, number, to.UnixMilli(), &stats); err != nil {
			return stats, fmt.Errorf("write the fleet's history of %s to %s: %w", from.Format(time.RFC3339), to.Format(time.RFC3339), err)
		}
		if progress != nil {
			progress(to)
		}
		from = to
	}
	return stats, nil
}

func (f *Fleet) writeBlock(ctx context.Context, dir string, number, to int64, stats *Stats) (err error) {
	// The writer refuses what is older than its newest sample by half its size.
	b, err := tsdb.NewBlockWriter(slog.New(slog.DiscardHandler), dir, 2*block.Milliseconds())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.Close()) }()
	g, each := errgroup.WithContext(ctx)
	g.SetLimit(2)
	const share = 50 // nodes in one go
	for lo := 0; lo < len(f.nodes); lo += share {
		g.Go(func() error {
			w := &writer{block: b, number: number, app: b.Appender(each)}
			for _, n := range f.nodes[lo:min(lo+share, len(f.nodes))] {
				for ; n.scraping.at < to; n.scraping.at += f.cfg.Scrape.Milliseconds() {
					n.scrape(w)
				}
				if err := w.commit(each); err != nil {
					return err
				}
			}
			atomic.AddInt64(&stats.Samples, w.samples)
			atomic.AddInt64(&stats.Stale, w.stale)
			atomic.AddInt64(&stats.Series, w.series)
			return w.app.Rollback() // of nothing
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	_, err = b.Flush(ctx)
	return err
}

// ref is a series in a block.
type ref struct {
	block int64 // number of the block for which id holds
	id    storage.SeriesRef
}

// writer appends samples to a block. The first error stays.
type writer struct {
	block  *tsdb.BlockWriter
	number int64
	app    storage.Appender
	time   int64 // of the scrape, Unix ms
	err    error

	samples, stale, series int64
}

// put appends a sample, or a marker, to a series. It is named when the block has
// not seen it yet.
func (w *writer) put(r *ref, v float64, name func() labels.Labels) {
	if w.err != nil {
		return
	}
	ls := labels.EmptyLabels()
	if r.block != w.number {
		ls = name()
		*r = ref{block: w.number}
		w.series++
	}
	r.id, w.err = w.app.Append(r.id, ls, w.time, v)
	if value.IsStaleNaN(v) {
		w.stale++
	} else {
		w.samples++
	}
}

// commit ends the transaction and begins the next.
func (w *writer) commit(ctx context.Context) error {
	if w.err != nil {
		return errors.Join(w.err, w.app.Rollback())
	}
	if err := w.app.Commit(); err != nil {
		return err
	}
	w.app = w.block.Appender(ctx)
	return ctx.Err()
}
