package ledger

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/gputally/gputally/reporter/bucket"
	"github.com/gputally/gputally/reporter/usage"
	"github.com/gputally/gputally/reporter/window"
)

// Config is what a Ledger is made with. All of it is optional.
type Config struct {
	// Version of the program that writes, for the footer. Default "dev".
	Version string
	// Pruned tells whether the edges of an instant are so old that they may have
	// been pruned. If such edges are gone, they count as not stored. Default: none
	// may have been, so that edges which are gone are an error.
	Pruned func(at time.Time) bool
	// History is how long replaced revisions are kept at least after the end of
	// their hour; 0 is for ever. Within that time the history of an hour need not
	// be listed to know that it has none.
	History time.Duration
	// Now is the time. It saves requests: nobody is asked for hours that are not
	// over, and edges that are too young to be pruned are not looked for again.
	Now func() time.Time
}

// Ledger reads and writes closed hours. It may be used by many goroutines, and
// by many processes on one bucket. It remembers footers, rosters and edges, as
// the package's documentation says under "Requests".
type Ledger struct {
	store
	version string
	history time.Duration
	now     func() time.Time // may be nil
	hours   *hours
	days    *days
	edges   *edges
}

// New returns the ledger in the bucket.
func New(b bucket.Bucket, c Config) *Ledger {
	if c.Version == "" {
		c.Version = "dev"
	}
	if c.Pruned == nil {
		c.Pruned = func(time.Time) bool { return false }
	}
	objects, known := store{b}, newCache(cacheBytes)
	days := &days{objects, known}
	return &Ledger{
		store: objects, version: c.Version, history: c.History, now: c.Now,
		hours: &hours{objects, days, known}, days: days, edges: &edges{objects, known, c.Pruned},
	}
}

// Entry describes the object of a closed hour. When retention has removed the
// object and only the daily table has the hour any more, its entry is the same,
// but for ETag and Daily.
type Entry struct {
	Cluster  string
	Window   window.Window
	Revision int // 1, 2, …
	Key      string
	ETag     string // "" with Daily
	Size     int64  // bytes
	Rows     int64
	SHA256   string // of the object, hexadecimal
	Coverage usage.Coverage
	Source   string
	Road     string
	Findings int  // how many codes of findings
	Daily    bool // read from the daily table
}

// Put closes an hour that is in memory whole: Draft, Add and Commit in one. Its
// segments may come in any order. It stores no edges.
func (l *Ledger) Put(ctx context.Context, h usage.Hour) (Entry, error) {
	d, err := l.Draft(h.Cluster, h.Window)
	if err != nil {
		return Entry{}, err
	}
	for i := range h.Segments {
		if err := h.Segments[i].Check(h.Cluster, h.Window); err != nil {
			return Entry{}, fmt.Errorf("close hour %s of cluster %s: %w", h.Window, h.Cluster, segmentError(i, &h.Segments[i], err))
		}
	}
	segments := h.Segments
	if !slices.IsSortedFunc(segments, usage.Compare) {
		segments = slices.Clone(segments)
		slices.SortStableFunc(segments, usage.Compare)
	}
	if err := d.Add(usage.Part{Segments: segments}); err != nil {
		return Entry{}, err
	}
	return l.Session().Commit(ctx, d, h)
}

// Commit is Session.Commit in a run of its own.
func (l *Ledger) Commit(ctx context.Context, d *Draft, h usage.Hour) (Entry, error) {
	return l.Session().Commit(ctx, d, h)
}

// Stat is Session.Stat in a run of its own.
func (l *Ledger) Stat(ctx context.Context, cluster string, hour window.Window) (Entry, error) {
	return l.Session().Stat(ctx, cluster, hour)
}
