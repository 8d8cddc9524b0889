package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"time"

	"github.com/alecthomas/kingpin/v2"
	"golang.org/x/sync/errgroup"

	"github.com/gputally/gputally/internal/promserver"
	"github.com/gputally/gputally/reporter"
)

// ErrUsage says that the command line is wrong.
var ErrUsage = errors.New("wrong usage")

// settled is after how long an hour is surely closed: the default delay and
// what the closing takes.
const settled = 15 * time.Minute

// Options are what Run gets besides the command line.
type Options struct {
	// Now is the clock. Required.
	Now func() time.Time
	// Terminal is true if stderr is a terminal: then progress is shown.
	Terminal bool
	// OnReady, if set, is called once everything runs and is printed.
	OnReady func(Addresses)
}

// Addresses are where the running demo answers.
type Addresses struct{ Prometheus, Reporter string }

type flags struct {
	dir            string
	days           int
	seed           uint64
	prometheusAddr string
	reporterAddr   string
	findPrometheus bool
}

// Run runs the demo until ctx ends.
func Run(ctx context.Context, args []string, stdout, stderr io.Writer, opts Options) error {
	f, stop, err := parse(args, stdout, stderr)
	if err != nil || stop {
		return err
	}
	binary, err := promserver.Find()
	if err != nil {
		return fmt.Errorf("%w; `make demo` builds one if there is none", err)
	}
	if f.findPrometheus {
		_, err := fmt.Fprintln(stdout, binary)
		return err
	}
	dir, err := openFolder(f.dir)
	if err != nil {
		return err
	}
	defer dir.close()
	d := &demo{flags: f, opts: opts, dir: dir, binary: binary, stdout: stdout, stderr: stderr}
	if err := d.run(ctx); err != nil && ctx.Err() == nil {
		return explain(err, f.dir)
	}
	fmt.Fprintf(stdout, "\nStopped. %s holds what the demo wrote; the next one begins with an empty folder.\n", f.dir)
	return nil
}

func parse(args []string, stdout, stderr io.Writer) (f flags, stop bool, err error) {
	app := kingpin.New("gputally-demo", "Runs the whole pipeline on this machine with a simulated fleet, until Ctrl-C.")
	app.UsageWriter(stdout).ErrorWriter(stderr).Terminate(func(int) {
		stop = true
		app.UsageWriter(io.Discard) // the parser goes on and may print more
	})
	app.HelpFlag.Short('h')
	app.Flag("dir", "Folder for the demo's data; what an earlier demo left in it is removed.").Default(".demo").StringVar(&f.dir)
	app.Flag("days", "Days of history.").Default("30").IntVar(&f.days)
	app.Flag("seed", "Picks the simulated pods.").Default("1").Uint64Var(&f.seed)
	app.Flag("prometheus.listen-address", "Where Prometheus listens; a free port if this one is taken.").Default("127.0.0.1:19090").StringVar(&f.prometheusAddr)
	app.Flag("reporter.listen-address", "Where the reporter listens; a free port if this one is taken.").Default("127.0.0.1:9836").StringVar(&f.reporterAddr)
	app.Flag("find-prometheus", "Print the Prometheus that would be used, and end.").BoolVar(&f.findPrometheus)
	_, err = app.Parse(args)
	if stop {
		return f, stop, nil // --help has printed
	}
	if err != nil {
		return f, stop, fmt.Errorf("%w: %w; try --help", ErrUsage, err)
	}
	if f.days < 1 || f.days > 366 {
		return f, stop, fmt.Errorf("%w: --days must be 1 to 366", ErrUsage)
	}
	return f, stop, nil
}

type demo struct {
	flags
	opts           Options
	dir            *folder
	binary         string
	stdout, stderr io.Writer
}

// run is the demo: history, collectors, Prometheus, books, report; then it waits.
func (d *demo) run(ctx context.Context) error {
	began := d.opts.Now()
	fleet, err := newFleet(began, d.days, d.seed)
	if err != nil {
		return err
	}
	d.say("The fleet is SIMULATED: %d nodes with %d GPUs and %d pods in %d days, played to the real meter.", len(fleet.targets), fleet.gpus, fleet.pods, d.days)
	if err := d.history(ctx, fleet, began); err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	nodes, err := fleet.live(ctx, group, d.opts.Now)
	if err != nil {
		return err
	}
	if real, err := realNode(ctx, group, d.opts.Now); err == nil {
		nodes = append(nodes, real)
		d.say("Real GPUs were found: this machine joins as node %s.", real.name)
	} else {
		d.say("No NVIDIA driver here, so all GPUs are simulated (%v).", err)
	}
	at := Addresses{Prometheus: address(ctx, d.prometheusAddr), Reporter: address(ctx, d.reporterAddr)}
	server, err := d.prometheus(ctx, nodes, at)
	if err != nil {
		return errors.Join(err, group.Wait())
	}
	defer func() { _ = server.Stop(context.WithoutCancel(ctx)) }()
	if err := d.books(ctx, fleet, server.URL); err != nil {
		return err
	}
	group.Go(func() error { return d.reporter(ctx, "serve", "--tick=5s", "--web.listen-address="+at.Reporter) })
	group.Go(func() error {
		select {
		case <-ctx.Done():
			return nil
		case <-server.Done():
			return fmt.Errorf("the demo's Prometheus ended; its log is in %s", d.dir.path("prometheus.log"))
		}
	})
	if err := awaitReporter(ctx, at.Reporter); err != nil {
		return errors.Join(err, group.Wait())
	}
	d.links(at, began)
	if d.opts.OnReady != nil {
		d.opts.OnReady(at)
	}
	return group.Wait()
}

// reporter runs the real reporter in this process.
func (d *demo) reporter(ctx context.Context, args ...string) error {
	args = append([]string{"--config=" + d.dir.path("gputally.yaml"), "--log.level=warn"}, args...)
	return reporter.Run(ctx, args, d.stdout, d.stderr, reporter.Options{Now: d.opts.Now, Terminal: d.opts.Terminal})
}

// books closes the hours of the history and prints the report of the last days.
func (d *demo) books(ctx context.Context, fleet *fleet, prometheusURL string) error {
	if err := d.dir.writeConfig(prometheusURL); err != nil {
		return err
	}
	if err := d.reporter(ctx, "close", "--from="+fleet.from.Format(time.RFC3339)); err != nil {
		return err
	}
	period := reportedDays(d.opts.Now(), fleet.from)
	d.say("\nGPU usage by project, %s:\n", period)
	return d.reporter(ctx, "report", "--by=project", "--name=usage", "--period="+period)
}

// reportedDays are the last seven days whose hours have all settled, or fewer
// if the history is shorter.
func reportedDays(now, from time.Time) string {
	to := now.UTC().Add(-settled).Truncate(24 * time.Hour)
	first := to.AddDate(0, 0, -7)
	if first.Before(from) {
		first = from
	}
	if !first.Before(to) { // just after midnight with one day of history
		to = now.UTC().Add(-settled).Truncate(time.Hour)
		return first.Format(time.RFC3339) + "/" + to.Format(time.RFC3339)
	}
	return first.Format(time.DateOnly) + "/" + to.Format(time.DateOnly)
}

func (d *demo) links(at Addresses, began time.Time) {
	d.say("Ready after %s. Everything below is live; stop with Ctrl-C.", d.opts.Now().Sub(began).Round(time.Second))
	d.say("  reporter   http://%s/  (status page; /metrics)", at.Reporter)
	d.say("  reports    %s", filepath.Join(d.flags.dir, "bucket", "reports"))
	d.say("  ledger     %s", filepath.Join(d.flags.dir, "bucket", "ledger"))
	d.say("  your turn  bin/gputally-reporter --config %s report --by=namespace --period=today --preview", d.dir.path("gputally.yaml"))
	d.say("  queries    GPUs by state          %s", query(at.Prometheus, `sum by (state) (rate(gputally_device_seconds_total[5m]))`))
	d.say("             GPUs held by namespace %s", query(at.Prometheus, `sum by (namespace) (gputally_container_gpu_share_ratio)`))
	d.say("             held but idle          %s", query(at.Prometheus, `sum by (namespace) (rate(gputally_container_gpu_idle_seconds_total[5m]))`))
}

func (d *demo) say(format string, args ...any) { fmt.Fprintf(d.stdout, format+"\n", args...) }

// discard is a logger for parts whose log nobody reads here.
func discard() *slog.Logger { return slog.New(slog.DiscardHandler) }
