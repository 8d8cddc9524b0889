package replay

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/alecthomas/kingpin/v2"
)

type flags struct {
	command string // blocks or accuracy

	pods, nodes string
	generate    bool
	churn       float64
	days        string
	maxNodes    int
	seed        uint64
	scrape      time.Duration
	lost        float64
	life        time.Duration

	out, truth string // of blocks
	dir        string // of accuracy
	shortest   time.Duration
}

// The commands.
const (
	commandBlocks   = "blocks"
	commandAccuracy = "accuracy"
)

// parse reads the command line. It ended if it was --help that was asked for.
func parse(args []string, stdout, stderr io.Writer) (f flags, ended bool, err error) {
	app := kingpin.New("gputally-replay", "Replays a trace of GPU pods through the real meter.")
	app.UsageWriter(stdout).ErrorWriter(stderr).Terminate(func(int) {
		ended = true
		app.UsageWriter(io.Discard) // the parser goes on and may print more
	})
	app.HelpFlag.Short('h')
	app.Flag("pods", "Pod list of the trace in openb format, CSV, .gz or not.").StringVar(&f.pods)
	app.Flag("nodes", "Node list of the trace in openb format, CSV, .gz or not.").StringVar(&f.nodes)
	app.Flag("generate", "Replay made-up pods on made-up nodes instead of a trace.").BoolVar(&f.generate)
	app.Flag("churn", "With --generate: pods of 2 s to 2 h on whole GPUs and fractions, so many a day, instead of a company's.").Float64Var(&f.churn)
	app.Flag("days", "Days of the trace to replay, FROM-TO: from the beginning of day FROM to the beginning of day TO. Days count from 0, where the clock of the trace is 0; that instant is taken for 2026-01-01 UTC, so that day 133 is 2026-05-14.").Default("133-140").StringVar(&f.days)
	app.Flag("max-nodes", "Place the pods on so many nodes, those with the most GPUs.").Default("8").IntVar(&f.maxNodes)
	app.Flag("seed", "Picks phases, jitter, losses and restarts.").Default("1").Uint64Var(&f.seed)
	app.Flag("scrape", "Scrape interval.").Default("30s").DurationVar(&f.scrape)
	app.Flag("lost", "Share of scrapes that are lost.").Default("0.001").Float64Var(&f.lost)
	app.Flag("life", "Mean life of a collector process before it dies and restarts; 0 for no restarts.").Default("48h").DurationVar(&f.life)
	blocks := app.Command(commandBlocks, "Write Prometheus blocks and the truth.")
	blocks.Flag("out", "Prometheus' data folder.").Required().StringVar(&f.out)
	blocks.Flag("truth", "File for the truth: GPU-seconds per pod and hour, CSV.").StringVar(&f.truth)
	accuracy := app.Command(commandAccuracy, "Write the blocks into a real Prometheus, close every hour, report, and compare with the truth.")
	accuracy.Flag("dir", "Keep everything in this folder, which must be empty. Default: a temporary one that is removed.").StringVar(&f.dir)
	accuracy.Flag("shortest", "A pod that lived so long must not be missing.").Default("5s").DurationVar(&f.shortest)
	if len(args) == 0 {
		return f, false, fmt.Errorf("%w: no command; try --help", errUsage)
	}
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
	return f, false, nil
}

// check returns all that is wrong with the values at once.
func (f flags) check() error {
	var errs []error
	if _, _, err := parseDays(f.days); err != nil {
		errs = append(errs, err)
	}
	switch named := f.pods != "" || f.nodes != ""; {
	case f.generate && named:
		errs = append(errs, errors.New("--generate makes a trace up: leave out --pods and --nodes"))
	case !f.generate && (f.pods == "" || f.nodes == ""):
		errs = append(errs, errors.New("--pods and --nodes name the trace's files; or --generate makes one up"))
	}
	if f.churn < 0 || f.churn > 0 && !f.generate {
		errs = append(errs, fmt.Errorf("--churn: %v is no number of pods a day, or --generate is missing", f.churn))
	}
	if f.maxNodes < 1 {
		errs = append(errs, fmt.Errorf("--max-nodes: %d is not at least 1", f.maxNodes))
	}
	if f.scrape < shortestScrape {
		errs = append(errs, fmt.Errorf("--scrape: %s is shorter than %s", f.scrape, shortestScrape))
	}
	if !(f.lost >= 0 && f.lost < 1) {
		errs = append(errs, fmt.Errorf("--lost: %v is no share from 0 to below 1", f.lost))
	}
	if f.life < 0 {
		errs = append(errs, fmt.Errorf("--life: %s is negative", f.life))
	}
	if f.dir != "" {
		if entries, err := os.ReadDir(f.dir); err == nil && len(entries) > 0 {
			errs = append(errs, fmt.Errorf("--dir: %s is not empty; what an earlier run left there would be counted too", f.dir))
		}
	}
	return errors.Join(errs...)
}

// shortestScrape is the interval at which collectors poll.
const shortestScrape = time.Second

// parseDays reads a range of days of the trace's clock.
func parseDays(text string) (first, last int, err error) {
	a, b, ok := strings.Cut(text, "-")
	first, err1 := strconv.Atoi(a)
	last, err2 := strconv.Atoi(b)
	if !ok || err1 != nil || err2 != nil || first < 0 || last <= first {
		return 0, 0, fmt.Errorf("--days: %q is no range like 133-140: FROM and TO are days of the trace, counted from 0, and TO itself is not replayed", text)
	}
	return first, last, nil
}
