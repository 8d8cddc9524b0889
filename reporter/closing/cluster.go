package closing

import (
	"context"
	"iter"
	"log/slog"
	"time"

	"github.com/gputally/gputally/reporter/index"
	"github.com/gputally/gputally/reporter/ledger"
	"github.com/gputally/gputally/reporter/usage"
	"github.com/gputally/gputally/reporter/window"
)

// Source reads what a cluster's GPUs did.
type Source interface {
	// Close emits the usage of a whole hour in sorted parts and returns the rest
	// of the hour. It takes over the edges of the neighbours as they are. Errors:
	// source.ErrNoData if no collector left a sample, the source's own, emit's.
	Close(ctx context.Context, hour window.Window, n usage.Neighbours, emit func(usage.Part) error) (usage.Hour, error)
}

// Ledger keeps the closed hours, as *ledger.Ledger does.
type Ledger interface {
	// Session begins a run, which looks at each object of the ledger once.
	Session() *ledger.Session
	// List yields the closed hours of a cluster that overlap the window.
	List(ctx context.Context, cluster string, w window.Window) iter.Seq2[ledger.Object, error]
}

// Index says which hours are closed, as *index.Index does.
type Index interface {
	Hours(ctx context.Context, cluster string, w window.Window) ([]index.HourRecord, error)
	FirstHour(ctx context.Context, cluster string) (index.HourRecord, bool, error)
	Latest(ctx context.Context, cluster string, since time.Time) ([]index.HourRecord, error)
	PutHour(ctx context.Context, r index.HourRecord) error
}

// Config is what a cluster's hours are closed with.
type Config struct {
	Name   string // of the cluster
	Source Source
	// Accepting is the Source that closes also hours that Source refuses because its
	// answers are incomplete. nil: there is none.
	Accepting Source
	Ledger    Ledger
	Index     Index

	Settle        time.Duration // after an hour's end, for its last samples to arrive
	RestateWithin time.Duration // after an hour's end, in which it may be restated
	KeepEdges     time.Duration // how long edges are kept; 0 keeps them for ever
	Patience      time.Duration // how long an hour waits for a source that answered before and is away now; 0: it fails

	// Now is the clock by which hours settle: that of the samples, if it is known.
	Now func() time.Time
	Log *slog.Logger
	// Sleep waits or returns the context's error. nil means to really wait.
	Sleep func(ctx context.Context, d time.Duration) error
}

// Cluster closes the hours of one cluster. It remembers no hours, so that several
// processes and many goroutines come to the same ones.
type Cluster struct {
	cfg    Config
	outage *outage
}

// New returns the cluster that the configuration describes.
func New(c Config) *Cluster {
	if c.Sleep == nil {
		c.Sleep = sleep
	}
	return &Cluster{c, &outage{cluster: c.Name, longest: c.Patience, now: c.Now, sleep: c.Sleep, log: c.Log}}
}

// Accepting returns the cluster with the Source that accepts incomplete answers.
func (c *Cluster) Accepting() *Cluster {
	cfg := c.cfg
	cfg.Source = cfg.Accepting
	return &Cluster{cfg, c.outage}
}

// closer is one closing, restating or alignment of hours.
type closer struct {
	cfg    Config
	outage *outage
	ledger *ledger.Session
}

func (c *Cluster) begin() *closer { return &closer{c.cfg, c.outage, c.cfg.Ledger.Session()} }
