package replay

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/alecthomas/kingpin/v2"

	"github.com/gputally/gputally/collector/simulate/history"
	"github.com/gputally/gputally/collector/simulate/trace"
)

// errUsage says that the command line or a file that it names is wrong.
var errUsage = errors.New("wrong usage")

// errInexact says that the accuracy run missed its mark.
var errInexact = errors.New("not exact enough")

// ExitCode maps what Run returned to an exit code.
func ExitCode(err error) int {
	switch {
	case err == nil, errors.Is(err, context.Canceled):
		return 0
	case errors.Is(err, errUsage):
		return 2
	case errors.Is(err, errInexact):
		return 5
	default:
		return 1
	}
}

// margin is for how long the fleet runs before and after the days replayed, so
// that the edges of the first and the last hour lie between samples.
const margin = 15 * time.Minute

// job is the collectors' job in Prometheus.
const job = "gputally-collector"

// origin is the instant at which a trace's clock is 0.
var origin = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

type flags struct {
	pods, nodes, days, out, truth, dir string
	maxNodes                           int
	seed                               uint64
	scrape, life                       time.Duration
	lost                               float64
	generate                           bool
}

// Run parses the arguments and runs the command that they name.
func Run(ctx context.Context, args []string, stdout, stderr io.Writer, now func() time.Time) error {
	var f flags
	stop := false
	app := kingpin.New("gputally-replay", "Replays a trace of GPU pods through the real meter.")
	app.Terminate(func(int) { stop = true }).UsageWriter(stdout).ErrorWriter(stderr)
	app.HelpFlag.Short('h')
	app.Flag("pods", "Pod list of the trace in openb format, CSV, .gz or not.").StringVar(&f.pods)
	app.Flag("nodes", "Node list of the trace in openb format, CSV, .gz or not.").StringVar(&f.nodes)
	app.Flag("generate", "Replay made-up pods on made-up nodes instead of a trace.").BoolVar(&f.generate)
	app.Flag("days", "Days of the trace to replay, FROM-TO, without the last.").Default("133-140").StringVar(&f.days)
	app.Flag("max-nodes", "Place the pods on so many nodes, those with the most GPUs.").Default("8").IntVar(&f.maxNodes)
	app.Flag("seed", "Picks phases, jitter, losses and restarts.").Default("1").Uint64Var(&f.seed)
	app.Flag("scrape", "Scrape interval.").Default("30s").DurationVar(&f.scrape)
	app.Flag("lost", "Share of scrapes that are lost.").Default("0.001").Float64Var(&f.lost)
	app.Flag("life", "Mean life of a collector process before it dies and restarts; 0 for no restarts.").Default("48h").DurationVar(&f.life)
	blocks := app.Command("blocks", "Write Prometheus blocks and the truth.")
	blocks.Flag("out", "Prometheus' data folder.").Required().StringVar(&f.out)
	blocks.Flag("truth", "File for the truth: GPU-seconds per pod and hour, CSV.").StringVar(&f.truth)
	accuracy := app.Command("accuracy", "Write the blocks into a real Prometheus, close every hour, report, and compare with the truth.")
	accuracy.Flag("dir", "Keep everything in this folder. Default: a temporary one that is removed.").StringVar(&f.dir)
	command, err := app.Parse(args)
	if stop {
		return nil
	}
	if err != nil {
		return fmt.Errorf("%w: %w; try --help", errUsage, err)
	}
	r, err := f.place()
	if err != nil {
		return err
	}
	r.stdout, r.stderr, r.now = stdout, stderr, now
	if command == blocks.FullCommand() {
		return r.blocks(ctx, f.out, f.truth)
	}
	return r.accuracy(ctx, f.dir)
}

// run is a placed trace with what to do with it.
type run struct {
	flags
	from, to       time.Time
	placement      *trace.Placement
	withoutGPU     int
	stdout, stderr io.Writer
	now            func() time.Time
}

// place reads the trace, or makes one up, and places it.
func (f flags) place() (*run, error) {
	r := &run{flags: f}
	first, last, err := parseDays(f.days)
	if err != nil {
		return nil, err
	}
	r.from, r.to = origin.AddDate(0, 0, first), origin.AddDate(0, 0, last)
	var pods []trace.Pod
	var hosts []trace.Host
	if f.generate {
		pods = trace.Generate(f.seed, int64(last)*86400, trace.Teams())
		for i := range 6 {
			hosts = append(hosts, trace.Host{Name: fmt.Sprintf("node-%d", i), GPUs: 8, Model: "NVIDIA H200"})
		}
	} else {
		if f.pods == "" || f.nodes == "" {
			return nil, fmt.Errorf("%w: --pods and --nodes name the trace's files; or --generate makes one up", errUsage)
		}
		err := errors.Join(
			readFile(f.pods, func(file io.Reader) (err error) {
				pods, r.withoutGPU, err = trace.ReadPods(f.pods, file)
				return err
			}),
			readFile(f.nodes, func(file io.Reader) (err error) {
				hosts, err = trace.ReadHosts(f.nodes, file)
				return err
			}))
		if err != nil {
			return nil, fmt.Errorf("%w: %w", errUsage, err)
		}
	}
	r.placement, err = trace.Place(pods, trace.Config{
		Origin: origin, From: r.from, To: r.to, Hosts: hosts, MaxHosts: f.maxNodes, Seed: f.seed,
	})
	return r, err
}

func parseDays(text string) (first, last int, err error) {
	a, b, ok := strings.Cut(text, "-")
	first, err1 := strconv.Atoi(a)
	last, err2 := strconv.Atoi(b)
	if !ok || err1 != nil || err2 != nil || first < 0 || last <= first {
		return 0, 0, fmt.Errorf("%w: --days: %q is no range like 133-140", errUsage, text)
	}
	return first, last, nil
}

func readFile(name string, read func(io.Reader) error) error {
	file, err := os.Open(name)
	if err != nil {
		return err
	}
	defer file.Close()
	if filepath.Ext(name) != ".gz" {
		return read(file)
	}
	z, err := gzip.NewReader(file)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return read(z)
}

// blocks writes the history and, if wanted, the truth.
func (r *run) blocks(ctx context.Context, out, truth string) error {
	stats, err := r.write(ctx, out)
	if err != nil {
		return err
	}
	r.describe(stats)
	if truth == "" {
		return nil
	}
	file, err := os.Create(truth)
	if err != nil {
		return err
	}
	return errors.Join(trace.WriteTruth(file, r.placement.Truth(r.from, r.to)), file.Close())
}

func (r *run) write(ctx context.Context, dir string) (history.Stats, error) {
	timing := history.Timing{Scrape: r.scrape, Lost: r.lost, Life: r.life}
	var targets []*history.Target
	begin := r.from.Add(-margin)
	for i := range r.placement.Nodes {
		node := &r.placement.Nodes[i]
		t, err := history.NewTarget(node, history.Labels{Job: job, Instance: node.Name}, begin, timing, r.seed+uint64(i))
		if err != nil {
			return history.Stats{}, err
		}
		targets = append(targets, t)
	}
	return history.Write(ctx, history.Config{Dir: dir, From: begin, To: r.to.Add(margin)}, targets)
}

// describe says what was replayed.
func (r *run) describe(s history.Stats) {
	c := r.placement.Counts
	fmt.Fprintf(r.stdout, "Trace: %d pods with GPUs (%d without, left out); %d outside the range, %d never scheduled, %d without duration\n",
		c.Pods, r.withoutGPU, c.Outside, c.Pending, c.Empty)
	fmt.Fprintf(r.stdout, "Placed: %d pods on %d nodes; %d had to wait, %d found no room\n", c.Placed, len(r.placement.Nodes), c.Waited, c.Never)
	fmt.Fprintf(r.stdout, "Scrapes: %d every %s, %d lost or of a collector that was down; %.1f million samples, %d staleness markers\n",
		s.Scrapes, r.scrape, s.Lost, float64(s.Samples)/1e6, s.Stale)
}
