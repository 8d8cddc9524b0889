package closing

import (
	"context"
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
	// usage.ErrNoData if no collector left a sample, the source's own, emit's.
	Close(ctx context.Context, hour window.Window, n usage.Neighbours, emit func(usage.Part) error) (usage.Hour, error)
}

// Hours are the closed hours, as *ledger.Ledger keeps them. Its methods say
// which errors they return.
type Hours interface {
	Stat(ctx context.Context, cluster string, hour window.Window) (ledger.Entry, error)
	Segments(ctx context.Context, cluster string, w window.Window, yield func([]usage.Segment) error) error
	Draft(cluster string, hour window.Window) (*ledger.Draft, error)
	Commit(ctx context.Context, d *ledger.Draft, h usage.Hour) (ledger.Entry, error)
}

// Edges are what neighbouring hours share, as *ledger.Ledger keeps them.
type Edges interface {
	Neighbours(ctx context.Context, cluster string, hour window.Window) (usage.Neighbours, error)
	Before(ctx context.Context, cluster string, hour window.Window) (usage.Neighbours, error)
	Carried(ctx context.Context, cluster string, hour window.Window) (usage.Neighbours, error)
	Disagree(ctx context.Context, cluster string, hour window.Window) ([]window.Window, error)
}

// Index says which hours are closed, as *index.Index does.
type Index interface {
	Hours(ctx context.Context, cluster string, w window.Window) ([]index.HourRecord, error)
	FirstHour(ctx context.Context, cluster string) (index.HourRecord, bool, error)
	LastHour(ctx context.Context, cluster string) (index.HourRecord, bool, error)
	PutHour(ctx context.Context, r index.HourRecord) error
}

// Others names the clusters that have closed hours, as *index.Index does.
type Others interface {
	Clusters(ctx context.Context) ([]string, error)
}

// Config is what a cluster's hours are closed with.
type Config struct {
	Name   string // of the cluster
	Source Source
	Hours  Hours
	Edges  Edges
	Index  Index
	Others Others

	Settle        time.Duration // after an hour's end, for its last samples to arrive
	RestateWithin time.Duration // after an hour's end, in which it may be restated
	KeepEdges     time.Duration // how long edges are kept; 0 keeps them for ever

	Now func() time.Time
	Log *slog.Logger
}

// Cluster closes the hours of one cluster. It remembers nothing, so that several
// processes and many goroutines come to the same hours.
type Cluster struct{ cfg Config }

// New returns the cluster that the configuration describes.
func New(c Config) *Cluster { return &Cluster{c} }
