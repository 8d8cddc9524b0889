package reporter

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"

	"github.com/alecthomas/kingpin/v2"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/promslog"
	promslogflag "github.com/prometheus/common/promslog/flag"
	"github.com/prometheus/common/version"
)

// Options of Run beside the command line.
type Options struct {
	// Now is the clock. Required.
	Now func() time.Time
	// Terminal tells whether stderr is a terminal, so that long work shows its progress.
	Terminal bool
}

// Run parses the arguments and runs the command that they name until it is done
// or ctx ends. Results go to stdout, the log and progress to stderr.
func Run(ctx context.Context, args []string, stdout, stderr io.Writer, opts Options) error {
	app := kingpin.New("gputally-reporter", "Closes the books on GPU-seconds: exact hours from Prometheus, priced, compared with quota, reported into a bucket.")
	ended := false
	app.UsageWriter(stdout).ErrorWriter(stderr).Terminate(func(int) {
		ended = true
		app.UsageWriter(io.Discard) // the parser goes on and may want to tell more
	})
	app.HelpFlag.Short('h')
	app.Version(version.Print("gputally-reporter"))
	logging := &promslog.Config{Writer: stderr}
	promslogflag.AddFlags(app, logging)
	file := app.Flag("config", "Configuration file, see docs/configuration.md.").Short('c').Default("gputally.yaml").Envar("GPUTALLY_CONFIG").String()

	env := &environment{registry: prometheus.NewRegistry(), stdout: stdout, stderr: stderr, opts: opts}
	commands := addLedger(app)
	for _, add := range []func(*kingpin.Application) (string, command){addServe, addClose, addReport, addCheck, addRebuild} {
		name, c := add(app)
		commands[name] = c
	}
	if len(args) == 0 {
		return usageError{errors.New("no command; try --help")}
	}
	name, err := app.Parse(args)
	if ended {
		return nil // --help and --version have printed
	}
	if err != nil {
		return usageError{fmt.Errorf("%w; try --help", err)}
	}
	env.file, env.log = *file, promslog.New(logging)
	return commands[name](ctx, env)
}

// command runs one command with its parsed flags.
type command func(ctx context.Context, env *environment) error

// environment is what every command gets.
type environment struct {
	file           string
	stdout, stderr io.Writer
	log            *slog.Logger
	opts           Options
	// registry has the metrics of what the command uses; serve shows them.
	registry *prometheus.Registry
}

// progress returns a function that shows on a terminal how far a long work has
// come, and one that wipes it.
func (e *environment) progress(what string) (step func(string), done func()) {
	if !e.opts.Terminal {
		return func(string) {}, func() {}
	}
	width := 0
	show := func(text string) {
		fmt.Fprintf(e.stderr, "\r%s%s", text, strings.Repeat(" ", max(0, width-len(text))))
		width = len(text)
	}
	return func(at string) { show(what + " " + at) }, func() { show(""); fmt.Fprint(e.stderr, "\r") }
}
