//go:build real

package reporter_test

import (
	"context"
	"log/slog"
	"math"
	"path/filepath"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/tsdb"
	"github.com/prometheus/prometheus/tsdb/chunkenc"

	"github.com/gputally/gputally/internal/promserver"
	"github.com/gputally/gputally/internal/simulate"
	"github.com/gputally/gputally/internal/simulate/history"
)

// past is what a Prometheus stored of nodes.
type past struct {
	nodes    []*simulate.Node
	born     time.Time // when the collectors begin
	from, to time.Time // what is stored
	timing   history.Timing
}

// write writes the past into the blocks of a folder.
func (p past) write(t *testing.T, data string) {
	t.Helper()
	lost := t.TempDir()
	targets, err := history.NewTargets(p.nodes, p.born, p.timing)
	if err != nil {
		t.Fatal(err)
	}
	for _, target := range targets {
		for _, part := range []history.Config{{Dir: lost, From: p.born, To: p.from}, {Dir: data, From: p.from, To: p.to}} {
			if !part.From.Before(part.To) {
				continue
			}
			if _, err := history.Write(t.Context(), part, []*history.Target{target}); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// writeSeries writes series that have a value each half minute of a time.
func writeSeries(t *testing.T, data string, from, to time.Time, value float64, all ...labels.Labels) {
	t.Helper()
	w, done := blockWriter(t, data)
	app := w.Appender(t.Context())
	for _, series := range all {
		for at := from; at.Before(to); at = at.Add(30 * time.Second) {
			if _, err := app.Append(0, series, at.UnixMilli(), value); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := app.Commit(); err != nil {
		t.Fatal(err)
	}
	done()
}

// blockWriter begins a block of a folder, and returns what ends it.
func blockWriter(t *testing.T, data string) (w *tsdb.BlockWriter, done func()) {
	t.Helper()
	w, err := tsdb.NewBlockWriter(slog.New(slog.DiscardHandler), data, (100 * 24 * time.Hour).Milliseconds())
	if err != nil {
		t.Fatal(err)
	}
	return w, func() {
		t.Helper()
		if _, err := w.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// relabeled copies the blocks of a folder into another, with other labels.
// Series without labels are left out.
func relabeled(t *testing.T, from, to string, change func(labels.Labels) labels.Labels) {
	t.Helper()
	blocks, err := filepath.Glob(from + "/*/meta.json")
	if err != nil || len(blocks) == 0 {
		t.Fatalf("blocks %v, %v", blocks, err)
	}
	for _, meta := range blocks {
		block, err := tsdb.OpenBlock(slog.New(slog.DiscardHandler), filepath.Dir(meta), nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		copyBlock(t, block, to, change)
		if err := block.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func copyBlock(t *testing.T, block *tsdb.Block, to string, change func(labels.Labels) labels.Labels) {
	t.Helper()
	q, err := tsdb.NewBlockQuerier(block, math.MinInt64, math.MaxInt64)
	if err != nil {
		t.Fatal(err)
	}
	defer q.Close()
	w, done := blockWriter(t, to)
	app := w.Appender(t.Context())
	all := q.Select(t.Context(), true, nil, labels.MustNewMatcher(labels.MatchRegexp, "__name__", ".+"))
	for all.Next() {
		series := change(all.At().Labels())
		if series.IsEmpty() {
			continue
		}
		samples := all.At().Iterator(nil)
		for samples.Next() == chunkenc.ValFloat {
			at, v := samples.At()
			if _, err := app.Append(0, series, at, v); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := all.Err(); err != nil {
		t.Fatal(err)
	}
	if err := app.Commit(); err != nil {
		t.Fatal(err)
	}
	done()
}

// served starts a Prometheus with blocks.
func served(t *testing.T, write func(data string)) *promserver.Server {
	t.Helper()
	dir := t.TempDir()
	write(promserver.DataDir(dir))
	server, err := promserver.Start(context.WithoutCancel(t.Context()), promserver.Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Stop(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	return server
}
