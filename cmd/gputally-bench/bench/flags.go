package bench

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"time"

	"github.com/alecthomas/kingpin/v2"

	"github.com/gputally/gputally/cmd/gputally-bench/fleet"
)

// The commands.
const (
	commandAll       = "all"
	commandClosing   = "closing"
	commandReporting = "reporting"
	commandExact     = "exact"
	commandBlocks    = "blocks"
	commandFloor     = "floor"
)

type flags struct {
	command string

	gpus, hours, big  int
	monthGPUs, days   int
	scrape            time.Duration
	seed              uint64
	rounds            int
	dir, bin, duckdb  string
	pods, nodes, span string // of the trace
	churn             float64
	churnGPUs         int
	churnDays         int

	out string // of blocks

	url, from, to, road, names, target string // of floor
	whole                              bool
}

// parse reads the command line. It ended if it was --help that was asked for.
func parse(args []string, stdout, stderr io.Writer) (f flags, ended bool, err error) {
	app := kingpin.New("gputally-bench", "Measures the reporter at the size of a fleet.")
	app.UsageWriter(stdout).ErrorWriter(stderr).Terminate(func(int) {
		ended = true
		app.UsageWriter(io.Discard) // the parser goes on and may print more
	})
	app.HelpFlag.Short('h')
	app.Flag("gpus", "GPUs of the fleet.").Default("10000").IntVar(&f.gpus)
	app.Flag("hours", "Hours of the fleet, to be closed hour by hour.").Default("24").IntVar(&f.hours)
	app.Flag("scrape", "Scrape interval.").Default("30s").DurationVar(&f.scrape)
	app.Flag("seed", "Picks what happens to the fleet.").Default("1").Uint64Var(&f.seed)
	app.Flag("big", "GPUs of a larger fleet; one hour of it is closed; 0 for none.").Default("100000").IntVar(&f.big)
	app.Flag("month-gpus", "GPUs of the ledger that is reported.").Default("10000").IntVar(&f.monthGPUs)
	app.Flag("days", "Days of the ledger that is reported.").Default("30").IntVar(&f.days)
	app.Flag("rounds", "How often what takes seconds is measured; the table has the medians.").Default("3").IntVar(&f.rounds)
	app.Flag("dir", "Folder in which made-up fleets and ledgers are kept.").Default(".bench").StringVar(&f.dir)
	app.Flag("bin", "Folder with the built commands.").Default("bin").StringVar(&f.bin)
	app.Flag("duckdb", "The pinned DuckDB.").Default(".tools/bin/duckdb").StringVar(&f.duckdb)
	app.Flag("pods", "Pod list of a trace in openb format for the exactness; without it only made-up pods are replayed.").StringVar(&f.pods)
	app.Flag("nodes", "Node list of that trace.").StringVar(&f.nodes)
	app.Flag("trace-days", "Days of that trace, FROM-TO, without the last.").Default("116-147").StringVar(&f.span)
	app.Flag("churn", "Made-up short pods a day for the exactness; 0 for none.").Default("50000").Float64Var(&f.churn)
	app.Flag("churn-gpus", "GPUs that they run on.").Default("504").IntVar(&f.churnGPUs)
	app.Flag("churn-days", "Days for which they do.").Default("3").IntVar(&f.churnDays)
	app.Command(commandAll, "Print the whole table.").Default()
	app.Command(commandClosing, "Closing hours, against reading alone.")
	app.Command(commandReporting, "Reports over a month, against DuckDB.")
	app.Command(commandExact, "Replayed pods against the truth.")
	blocks := app.Command(commandBlocks, "Write the fleet's Prometheus blocks, from 2025-01-06 on.")
	blocks.Flag("out", "Prometheus' data folder.").Required().StringVar(&f.out)
	floor := app.Command(commandFloor, "Read what closing reads, hour by hour, and add it up: the least that it takes.")
	floor.Flag("url", "The server.").Required().StringVar(&f.url)
	floor.Flag("from", "First hour, RFC 3339.").Required().StringVar(&f.from)
	floor.Flag("to", "End of the last hour, RFC 3339.").Required().StringVar(&f.to)
	floor.Flag("road", "How to read: remote_read or json.").Default(roadRemoteRead).EnumVar(&f.road, roadRemoteRead, roadJSON)
	floor.Flag("names", "Metrics to read, a regular expression. Default: those that closing reads.").StringVar(&f.names)
	floor.Flag("job", `Job of the targets, "" for any.`).Default(job).StringVar(&f.target)
	floor.Flag("whole", "Read from one time to the other in one request, without margins.").BoolVar(&f.whole)
	f.command, err = app.Parse(args)
	switch {
	case ended:
		return f, true, nil
	case err != nil:
		return f, false, fmt.Errorf("%w: %w; try --help", errUsage, err)
	}
	if err := f.check(); err != nil {
		return f, false, fmt.Errorf("%w: %w", errUsage, err)
	}
	if f.dir, err = filepath.Abs(f.dir); err != nil {
		return f, false, err
	}
	f.bin, err = filepath.Abs(f.bin)
	return f, false, err
}

// check returns all that is wrong with the values at once.
func (f flags) check() error {
	var errs []error
	for name, n := range map[string]int{"--gpus": f.gpus, "--month-gpus": f.monthGPUs, "--churn-gpus": f.churnGPUs, "--big": f.big} {
		if n%8 != 0 || n < 0 || n == 0 && name != "--big" {
			errs = append(errs, fmt.Errorf("%s: %d: nodes have 8 GPUs each", name, n))
		}
	}
	for name, n := range map[string]int{"--hours": f.hours, "--days": f.days, "--churn-days": f.churnDays, "--rounds": f.rounds} {
		if n < 1 {
			errs = append(errs, fmt.Errorf("%s: %d is not at least 1", name, n))
		}
	}
	if f.scrape < time.Second {
		errs = append(errs, fmt.Errorf("--scrape: %s is shorter than a poll", f.scrape))
	}
	if (f.pods == "") != (f.nodes == "") {
		errs = append(errs, errors.New("--pods and --nodes go together"))
	}
	if f.churn < 0 {
		errs = append(errs, fmt.Errorf("--churn: %v is no number of pods a day", f.churn))
	}
	return errors.Join(errs...)
}

// begins is the first hour of all that is made up: a Monday long past.
var begins = time.Date(2025, 1, 6, 0, 0, 0, 0, time.UTC)

// What closing reads before and after an hour. Histories reach as far.
const (
	lookback  = 10 * time.Minute
	lookahead = 5 * time.Minute
	margin    = 5 * time.Minute // beyond both
)

// fleet is the fleet of the flags.
func (f flags) fleet() fleet.Config { return f.fleetOf(f.gpus, f.hours) }

func (f flags) fleetOf(gpus, hours int) fleet.Config {
	return fleet.Config{
		GPUs: gpus, Scrape: f.scrape, Seed: f.seed,
		From: begins.Add(-lookback - margin), To: begins.Add(time.Duration(hours)*time.Hour + lookahead + margin),
	}
}
