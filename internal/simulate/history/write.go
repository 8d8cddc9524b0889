package history

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb"
	"golang.org/x/sync/errgroup"

	"github.com/gputally/gputally/collector/exporter"
	"github.com/gputally/gputally/collector/metric"
)

// Config of Write.
type Config struct {
	Dir      string // Prometheus' data folder; blocks are added to it
	From, To time.Time
	Block    time.Duration // length of a block, default 6 h
	Parallel int           // nodes at once, default 2
	// Progress, if set, is called after each block with the time reached.
	Progress func(reached time.Time)
}

// Stats count what Write wrote.
type Stats struct {
	Samples, Stale, Scrapes, Lost int64
}

// Write makes the targets live from From to To and writes what a scraping
// Prometheus would have stored. From must be where the targets stand.
func Write(ctx context.Context, cfg Config, targets []*Target) (Stats, error) {
	if cfg.Block == 0 {
		cfg.Block = 6 * time.Hour
	}
	if cfg.Parallel == 0 {
		cfg.Parallel = 2
	}
	var total Stats
	if !cfg.From.Before(cfg.To) {
		return total, errors.New("history: the range is empty")
	}
	writers := make([]*targetWriter, len(targets))
	for i, t := range targets {
		writers[i] = newTargetWriter(t)
	}
	for from := cfg.From; from.Before(cfg.To); {
		to := from.Truncate(cfg.Block).Add(cfg.Block)
		if to.After(cfg.To) {
			to = cfg.To
		}
		if err := writeBlock(ctx, cfg, writers, to); err != nil {
			return total, fmt.Errorf("write the history of %s to %s: %w", from.Format(time.RFC3339), to.Format(time.RFC3339), err)
		}
		if cfg.Progress != nil {
			cfg.Progress(to)
		}
		from = to
	}
	for _, w := range writers {
		total.Samples += w.stats.Samples
		total.Stale += w.stats.Stale
		total.Scrapes += w.stats.Scrapes
		total.Lost += w.stats.Lost
	}
	return total, nil
}

// writeBlock writes all scrapes before to that were not written yet.
func writeBlock(ctx context.Context, cfg Config, writers []*targetWriter, to time.Time) (err error) {
	// The writer refuses what is older than its newest sample by half its size.
	w, err := tsdb.NewBlockWriter(slog.New(slog.DiscardHandler), cfg.Dir, 2*cfg.Block.Milliseconds())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.Close()) }()
	g, each := errgroup.WithContext(ctx)
	g.SetLimit(cfg.Parallel)
	for _, tw := range writers {
		g.Go(func() error { return tw.write(each, w, to) })
	}
	if err := g.Wait(); err != nil {
		return err
	}
	_, err = w.Flush(ctx)
	if errors.Is(err, tsdb.ErrNoSeriesAppended) {
		return nil
	}
	return err
}

// targetWriter appends the series of one target.
type targetWriter struct {
	target *Target
	stats  Stats
	series map[string]*series
	live   []*series // those that the latest successful scrape showed
	up     *series
	key    []byte
	scrape int64
}

type series struct {
	labels labels.Labels
	ref    storage.SeriesRef
	block  *tsdb.BlockWriter // for which ref holds
	seen   int64             // number of the scrape that showed it last
}

func newTargetWriter(t *Target) *targetWriter {
	return &targetWriter{
		target: t,
		series: map[string]*series{},
		up:     &series{labels: labels.FromStrings("__name__", "up", "instance", t.Labels.Instance, "job", t.Labels.Job)},
	}
}

// batch is how many scrapes go into one transaction.
const batch = 200

func (w *targetWriter) write(ctx context.Context, block *tsdb.BlockWriter, to time.Time) error {
	app := block.Appender(ctx)
	for n := 0; w.target.scrapeAt.Before(to); n++ {
		if n == batch {
			if err := app.Commit(); err != nil {
				return err
			}
			if err := ctx.Err(); err != nil {
				return err
			}
			app, n = block.Appender(ctx), 0
		}
		if err := w.one(app, block); err != nil {
			return errors.Join(err, app.Rollback())
		}
	}
	return app.Commit()
}

// one makes the next scrape and appends what it shows.
func (w *targetWriter) one(app storage.Appender, block *tsdb.BlockWriter) error {
	at, snapshot, err := w.target.scrape()
	if err != nil {
		return err
	}
	w.scrape++
	w.stats.Scrapes++
	t := at.UnixMilli()
	put := func(s *series, v float64) {
		if err != nil {
			return
		}
		if s.block != block {
			s.ref, s.block = 0, block
		}
		s.ref, err = app.Append(s.ref, s.labels, t, v)
		w.stats.Samples++
	}
	if snapshot == nil {
		w.stats.Lost++
		put(w.up, 0)
	} else {
		put(w.up, 1)
		exporter.Walk(snapshot, w.target.Identity(), at, func(f *metric.Family, v float64, values []string) {
			s := w.lookup(f, values)
			if s.seen != w.scrape-1 || s.seen == 0 {
				w.live = append(w.live, s)
			}
			s.seen = w.scrape
			put(s, v)
		})
	}
	stale := math.Float64frombits(value.StaleNaN)
	kept := w.live[:0]
	for _, s := range w.live {
		if s.seen == w.scrape {
			kept = append(kept, s)
			continue
		}
		put(s, stale)
		w.stats.Stale++
	}
	w.live = kept
	return err
}

// lookup finds or makes the series of a family's label values.
func (w *targetWriter) lookup(f *metric.Family, values []string) *series {
	w.key = append(w.key[:0], f.Name...)
	for _, v := range values {
		w.key = append(append(w.key, 0xff), v...)
	}
	if s := w.series[string(w.key)]; s != nil {
		return s
	}
	b := labels.NewScratchBuilder(len(values) + 3)
	b.Add("__name__", f.Name)
	b.Add("instance", w.target.Labels.Instance)
	b.Add("job", w.target.Labels.Job)
	for i, v := range values {
		if v != "" {
			b.Add(f.Labels[i], v)
		}
	}
	b.Sort()
	s := &series{labels: b.Labels()}
	w.series[string(w.key)] = s
	return s
}
