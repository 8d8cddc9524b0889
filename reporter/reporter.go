package reporter

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/alecthomas/kingpin/v2"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/promslog"
	promslogflag "github.com/prometheus/common/promslog/flag"
	"github.com/prometheus/common/version"

	"github.com/gputally/gputally/reporter/command"
)

// Options are what Run takes apart from the command line.
type Options struct {
	// Now is the clock. Required.
	Now func() time.Time
	// Terminal tells whether stderr is a terminal, so that long work shows its progress.
	Terminal bool
	// CompareClocks says that Now is the real time, so that it is compared with the
	// clocks of metrics servers.
	CompareClocks bool
	// Reload begins to pass on signals that ask serve to read its configuration
	// again. Nil: nobody asks.
	Reload func() <-chan os.Signal
}

// Run parses the arguments and runs the command that they name until it is done
// or ctx ends. Results go to stdout, the log and progress to stderr.
func Run(ctx context.Context, args []string, stdout, stderr io.Writer, opts Options) error {
	app := kingpin.New("gputally-reporter", "Closes the books on GPU-seconds: exact hours from Prometheus, priced, compared with quota, reported into a bucket.")
	out := &output{to: stdout}
	printed := false
	app.UsageWriter(help{out}).ErrorWriter(stderr).Terminate(func(int) {
		printed = true
		app.UsageWriter(io.Discard) // the parser goes on and may print more
	})
	app.HelpFlag.Short('h')
	app.Version(version.Print("gputally-reporter"))
	logging := &promslog.Config{Writer: stderr}
	promslogflag.AddFlags(app, logging)
	file := app.Flag("config", "Configuration file, see docs/configuration.md.").Short('c').Default("gputally.yaml").Envar("GPUTALLY_CONFIG").String()
	commands := command.Add(app, version.Print("gputally-reporter"))
	if len(args) == 0 {
		return &command.UsageError{Err: errors.New("no command; try --help")}
	}
	args = withDashes(args)
	name, err := app.Parse(args)
	if printed {
		return out.failed(nil) // --help and --version have printed
	}
	if err != nil {
		return &command.UsageError{Err: fmt.Errorf("%w; try --help", err)}
	}
	if parsed, err := app.ParseContext(args); err == nil {
		if err := command.CheckFlags(parsed); err != nil {
			return err
		}
	}
	env := &command.Env{
		Config: *file, Stdout: out, Stderr: stderr, Terminal: opts.Terminal,
		Now: opts.Now, Reload: opts.Reload, Log: promslog.New(logging), Registry: prometheus.NewRegistry(),
	}
	if env.Reload == nil {
		env.Reload = func() <-chan os.Signal { return nil }
	}
	env.Opener = &opener{env: env, compareClocks: opts.CompareClocks}
	return out.failed(ended(ctx, name, func() error { return commands[name](ctx, env) }))
}

// withDashes makes one argument of a flag and of a dash as its value, which the parser
// takes for an empty text else.
func withDashes(args []string) []string {
	var joined []string
	for _, arg := range args {
		last := len(joined) - 1
		switch {
		case arg != "-" || last < 0 || !strings.HasPrefix(joined[last], "-") || strings.Contains(joined[last], "="):
			joined = append(joined, arg)
		case strings.HasPrefix(joined[last], "--"):
			joined[last] += "=-"
		default:
			joined[last] += "-"
		}
	}
	return joined
}

const (
	// endWithin is how long a command may take to end once it is interrupted.
	endWithin = 900 * time.Millisecond
	// drainWithin is that for serve, which lets requests and tasks end.
	drainWithin = 15 * time.Second
)

// ended runs a command. One that does not end soon after an interruption is left
// behind: whatever it had begun is made up for by the next one, as after a crash.
func ended(ctx context.Context, name string, run func() error) error {
	done := make(chan error, 1)
	go func() { done <- run() }()
	select {
	case err := <-done:
		return interrupted(ctx, err)
	case <-ctx.Done():
	}
	limit := endWithin
	if name == command.Serve {
		limit = drainWithin
	}
	select {
	case err := <-done:
		return interrupted(ctx, err)
	case <-time.After(limit):
		return fmt.Errorf("%s was interrupted and did not end within %s: %w", name, limit, ctx.Err())
	}
}

// interrupted says of an error that a signal is its reason: what a command was asking
// for just then is not at fault.
func interrupted(ctx context.Context, err error) error {
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return fmt.Errorf("interrupted: %w", err)
	}
	return err
}
