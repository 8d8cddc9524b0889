package replay

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/gputally/gputally/internal/simulate/history"
	"github.com/gputally/gputally/internal/simulate/trace"
)

// errUsage says that the command line or a file that it names is wrong.
var errUsage = errors.New("wrong usage")

// errInexact says that the accuracy run missed its mark.
var errInexact = errors.New("not exact enough")

// ExitCode maps what Run returned to an exit code.
func ExitCode(err error) int {
	switch {
	case err == nil:
		return 0
	case errors.Is(err, errUsage):
		return 2
	case errors.Is(err, errInexact):
		return 5
	default:
		return 1
	}
}

// Run parses the arguments and runs the command that they name. The clock now
// only measures how long things take: what is replayed has a clock of its own.
func Run(ctx context.Context, args []string, stdout, stderr io.Writer, now func() time.Time) error {
	f, ended, err := parse(args, stdout, stderr)
	if err != nil || ended {
		return err
	}
	r, err := place(f)
	if err != nil {
		return err
	}
	r.stdout, r.stderr, r.now = stdout, stderr, now
	if f.command == commandBlocks {
		return r.blocks(ctx)
	}
	return r.accuracy(ctx)
}

// run is a placed trace with what to do with it.
type run struct {
	flags
	from, to       time.Time // the days
	placement      *trace.Placement
	withoutGPU     int // pods of the trace that ask for none
	stdout, stderr io.Writer
	now            func() time.Time
}

// margin is for how long the fleet runs before and after the days replayed, so
// that the edges of the first and the last hour lie between samples.
const margin = 15 * time.Minute

// job is the collectors' job in Prometheus.
const job = "gputally-collector"

// blocks writes the truth, if it is wanted, and the history.
func (r *run) blocks(ctx context.Context) error {
	if r.truth != "" {
		if err := r.writeTruth(); err != nil {
			return fmt.Errorf("--truth: %w", err)
		}
	}
	if err := r.write(ctx, r.out); err != nil {
		return err
	}
	fmt.Fprintf(r.stdout, "Truth: %.4f GPU-hours; the trace itself claims %.4f\n",
		truthHours(r.placement.Truth(r.from, r.to)), r.placement.Counts.TraceGPU.Hours())
	return nil
}

// write makes the fleet live and prints what was replayed.
func (r *run) write(ctx context.Context, dir string) error {
	timing := history.Timing{Scrape: r.scrape, Lost: r.lost, Life: r.life}
	begin := r.from.Add(-margin)
	var targets []*history.Target
	for i := range r.placement.Nodes {
		node := &r.placement.Nodes[i]
		t, err := history.NewTarget(node, history.Labels{Job: job, Instance: node.Name}, begin, timing, r.seed+uint64(i))
		if err != nil {
			return err
		}
		targets = append(targets, t)
	}
	stats, err := history.Write(ctx, history.Config{Dir: dir, From: begin, To: r.to.Add(margin)}, targets)
	if err != nil {
		return err
	}
	r.describe(stats)
	return nil
}

// dateFormat shows the instant at which a day begins.
const dateFormat = "2006-01-02"

// describe says what was replayed.
func (r *run) describe(s history.Stats) {
	c := r.placement.Counts
	fmt.Fprintf(r.stdout, "Days: %s of the trace's clock, replayed as %s to %s UTC\n", r.days, r.from.Format(dateFormat), r.to.Format(dateFormat))
	fmt.Fprintf(r.stdout, "Trace: %d pods with GPUs (%d without, left out); %d outside the range, %d never scheduled, %d without duration\n",
		c.Pods, r.withoutGPU, c.Outside, c.Pending, c.Empty)
	fmt.Fprintf(r.stdout, "Placed: %d pods on %d nodes; %d had to wait, %d found no room\n", c.Placed, len(r.placement.Nodes), c.Waited, c.Never)
	fmt.Fprintf(r.stdout, "Scrapes: %d every %s, %d lost or of a collector that was down; %.1f million samples, %d staleness markers\n",
		s.Scrapes, r.scrape, s.Lost, float64(s.Samples)/1e6, s.Stale)
}

func truthHours(ts []trace.Truth) float64 {
	sum := 0.0
	for _, t := range ts {
		sum += t.Seconds()
	}
	return sum / 3600
}
