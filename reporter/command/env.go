package command

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"github.com/alecthomas/kingpin/v2"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/gputally/gputally/reporter/archive"
	"github.com/gputally/gputally/reporter/bucket"
	"github.com/gputally/gputally/reporter/closing"
	"github.com/gputally/gputally/reporter/config"
	"github.com/gputally/gputally/reporter/index"
	"github.com/gputally/gputally/reporter/ledger"
	"github.com/gputally/gputally/reporter/prom"
	"github.com/gputally/gputally/reporter/reporting"
	"github.com/gputally/gputally/reporter/source/gputally"
	"github.com/gputally/gputally/reporter/upkeep"
)

// Command runs one command with its parsed flags.
type Command func(ctx context.Context, env *Env) error

// Add adds all commands to an application and returns them by their full names.
// version is what the command of that name prints.
func Add(app *kingpin.Application, version string) map[string]Command {
	commands := map[string]Command{}
	add := func(c *kingpin.CmdClause, run Command) { commands[c.FullCommand()] = run }
	addLedger(app, add)
	addServe(app, add)
	addClose(app, add)
	addReport(app, add)
	addCheck(app, add)
	addIndex(app, add)
	addVersion(app, add, version)
	return commands
}

// adder takes a command and what it runs.
type adder func(c *kingpin.CmdClause, run Command)

// Env is what every command gets.
type Env struct {
	Config         string // path of the configuration file
	Stdout, Stderr io.Writer
	Terminal       bool // stderr is a terminal, so that long work shows its progress
	Now            func() time.Time
	// Reload begins to pass on what asks for the configuration to be read again.
	Reload func() <-chan os.Signal
	Log    *slog.Logger
	// Patience is how long closing an hour waits for a Prometheus that answered before
	// and is away now. 0: it fails, and is tried again by whoever wants to.
	Patience time.Duration
	// Registry has the metrics of what the command uses; serve shows them.
	Registry *prometheus.Registry
	Opener   Opener
}

// Opener opens what a configuration describes. It asks no server.
type Opener interface {
	// Open opens all that most commands need.
	Open(ctx context.Context, cfg *config.Config) (*Program, error)
	// Bucket opens the bucket alone.
	Bucket(ctx context.Context, cfg *config.Config) (bucket.Bucket, error)
	// Servers are the clients of a cluster, one for each of its URLs.
	Servers(c config.Cluster) ([]*prom.Client, error)
	// Source is the source of a cluster's hours alone.
	Source(cfg *config.Config, c config.Cluster) (*gputally.Source, error)
}

// Program is what a configuration describes.
type Program struct {
	Config   *config.Config
	Clusters []Cluster // whose hours this process closes, in the order of the configuration
	Index    *index.Index
	Ledger   *ledger.Ledger
	Archive  *archive.Archive
	Maker    *reporting.Maker
	// Upkeep returns what looks after the closed hours of any cluster of the
	// bucket, also of one that is not configured.
	Upkeep func(name string) *upkeep.Cluster
}

// Cluster is one whose hours this process closes.
type Cluster struct {
	Name    string
	Closing *closing.Cluster
	Servers []*prom.Client // one for each URL
}

// open reads the configuration and opens what it describes.
func (e *Env) open(ctx context.Context) (*Program, error) {
	cfg, err := config.Load(e.Config)
	if err != nil {
		return nil, err
	}
	return e.Opener.Open(ctx, cfg)
}

// UsageError is a mistake in the command line.
type UsageError struct{ Err error }

func (e *UsageError) Error() string { return e.Err.Error() }

// Unwrap gives what is wrong.
func (e *UsageError) Unwrap() error { return e.Err }

// misused makes a *UsageError.
func misused(format string, args ...any) error { return &UsageError{fmt.Errorf(format, args...)} }

// Results of commands that did their work and found something.
var (
	ErrReportFailed = errors.New("the report is Failed")
	ErrNotReady     = errors.New("not ready")
	ErrFindings     = errors.New("the ledger is not in order")
)
