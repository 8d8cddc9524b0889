package collector

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/prometheus/common/promslog"
	"github.com/prometheus/common/version"

	"github.com/gputally/gputally/collector/meter"
	"github.com/gputally/gputally/collector/nvml"
)

const name = "gputally-collector"

// DefaultAddress is where the collector listens.
const DefaultAddress = ":9835"

// Options are what Run gets besides the command line.
type Options struct {
	// Now is the clock. Required.
	Now func() time.Time
	// OnListen is called with host and port of each address on which the
	// collector has begun to listen. May be nil.
	OnListen func(address string)
	// Release asks the process to release the driver (true), so that it can be
	// unloaded, and to resume it (false). May be nil.
	Release <-chan bool
}

// Run parses the arguments, meters this node, and serves what it meters until ctx
// ends; that is no error. Help goes to stdout, the log to stderr. ExitCode has an
// exit code for each error.
func Run(ctx context.Context, args []string, stdout, stderr io.Writer, opts Options) error {
	f, err := parse(args, stdout, stderr)
	if f == nil {
		return err
	}
	log := promslog.New(f.logging)
	n, err := f.build(ctx, log, opts.Now)
	if err != nil {
		if errors.Is(err, context.Cause(ctx)) {
			return nil // asked to end before it began
		}
		return err
	}
	defer n.close()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go n.obey(ctx, opts.Release)
	s, err := f.server(n, opts)
	if err != nil {
		return err
	}
	log.Info("Starting "+name, "version", version.Info())
	log.Info("Build context", "build_context", version.BuildContext())
	return s.run(ctx)
}

// Exit codes of the collector, as documented in the README.
const (
	ExitOK            = 0 // it was asked to end
	ExitFailure       = 1 // anything else
	ExitUsage         = 2 // the flags make no sense; a restart doesn't help
	ExitDriverChanged = 3 // the driver was replaced under the process; a restart heals it
	ExitGaveUp        = 4 // the driver worked and has failed for long; a new container may see it again
)

// exits are the errors that have an exit code of their own.
var exits = []struct {
	err  error
	code int
}{
	{ErrUsage, ExitUsage},
	{nvml.ErrDriverChanged, ExitDriverChanged},
	{meter.ErrGaveUp, ExitGaveUp},
}

// ExitCode maps what Run returned to an exit code.
func ExitCode(err error) int {
	if err == nil {
		return ExitOK
	}
	for _, e := range exits {
		if errors.Is(err, e.err) {
			return e.code
		}
	}
	return ExitFailure
}
