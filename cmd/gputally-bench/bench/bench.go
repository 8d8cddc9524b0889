package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"
)

// errUsage says that the command line is wrong.
var errUsage = errors.New("wrong usage")

// ExitCode maps what Run returned to an exit code.
func ExitCode(err error) int {
	switch {
	case err == nil:
		return 0
	case errors.Is(err, errUsage):
		return 2
	default:
		return 1
	}
}

// Options are what Run gets besides the command line.
type Options struct {
	// Now is the clock by which things are timed. Required.
	Now func() time.Time
	// Terminal is true if stderr is a terminal: then progress is shown.
	Terminal bool
}

// Run parses the arguments and runs the command that they name.
func Run(ctx context.Context, args []string, stdout, stderr io.Writer, opts Options) error {
	f, ended, err := parse(args, stdout, stderr)
	if err != nil || ended {
		return err
	}
	r := &run{flags: f, opts: opts, stdout: stdout, stderr: stderr}
	switch f.command {
	case commandBlocks:
		return r.writeBlocks(ctx, f.fleet(), f.out)
	case commandFloor:
		return r.floor(ctx)
	}
	if r.temp, err = os.MkdirTemp("", "gputally-bench-"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(r.temp)) }()
	for _, part := range r.parts() {
		if err := part(ctx); err != nil {
			return err
		}
	}
	return nil
}

// run is a run of one command.
type run struct {
	flags
	opts           Options
	stdout, stderr io.Writer
	temp           string // a folder that is removed at the end
	shown          int    // width of the progress shown
}

// parts are the parts of the table that were asked for.
func (r *run) parts() []func(context.Context) error {
	switch r.command {
	case commandClosing:
		return []func(context.Context) error{r.closing}
	case commandReporting:
		return []func(context.Context) error{r.reporting}
	case commandExact:
		return []func(context.Context) error{r.exact}
	}
	return []func(context.Context) error{r.closing, r.reporting, r.exact}
}

// progress shows on a terminal what is being done; "" wipes it.
func (r *run) progress(format string, args ...any) {
	if !r.opts.Terminal {
		return
	}
	text := fmt.Sprintf(format, args...)
	fmt.Fprintf(r.stderr, "\r%s%s", text, strings.Repeat(" ", max(0, r.shown-len(text))))
	if r.shown = len(text); text == "" {
		fmt.Fprint(r.stderr, "\r")
	}
}
