package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/gputally/gputally/cmd/gputally-bench/fleet"
	"github.com/gputally/gputally/internal/promserver"
)

// generation is counted up when what is made up changes, so that nothing of an
// older version is taken.
const generation = 1

// kept returns a folder of what was made up, making it if it isn't there. It
// appears whole: it is written under another name and renamed.
func (r *run) kept(name string, write func(dir string) error) (string, error) {
	dir := filepath.Join(r.dir, fmt.Sprintf("%s-v%d", name, generation))
	if _, err := os.Stat(dir); err == nil {
		return dir, nil
	}
	if err := os.MkdirAll(r.dir, 0o750); err != nil {
		return "", err
	}
	fresh, err := os.MkdirTemp(r.dir, "unfinished-")
	if err != nil {
		return "", err
	}
	if err := write(fresh); err != nil {
		return "", errors.Join(fmt.Errorf("make up %s: %w", name, err), os.RemoveAll(fresh))
	}
	return dir, os.Rename(fresh, dir)
}

// blocks returns a folder for a Prometheus with the history of a fleet.
func (r *run) blocks(ctx context.Context, cfg fleet.Config) (string, error) {
	name := fmt.Sprintf("blocks-%d-gpus-%s-every-%s-seed-%d", cfg.GPUs, cfg.To.Sub(cfg.From), cfg.Scrape, cfg.Seed)
	return r.kept(name, func(dir string) error { return r.writeBlocks(ctx, cfg, promserver.DataDir(dir)) })
}

// writeBlocks makes a fleet up and writes its history.
func (r *run) writeBlocks(ctx context.Context, cfg fleet.Config, dir string) error {
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return err
	}
	f, err := fleet.New(cfg)
	if err != nil {
		return err
	}
	began := r.opts.Now()
	r.progress("making up %d GPUs", cfg.GPUs)
	stats, err := f.Write(ctx, dir, func(reached time.Time) {
		r.progress("making up %d GPUs: %s of %s", cfg.GPUs, reached.Sub(cfg.From).Round(time.Minute), cfg.To.Sub(cfg.From))
	})
	r.progress("")
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(r.stdout, "Made up %d GPUs from %s to %s: %.1f million samples, %d markers, in %s.\n", cfg.GPUs,
		cfg.From.Format(time.DateTime), cfg.To.Format(time.DateTime), float64(stats.Samples)/1e6, stats.Stale, r.opts.Now().Sub(began).Round(time.Second))
	return err
}
