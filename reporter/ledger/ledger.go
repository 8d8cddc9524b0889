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

// Config is what a Ledger can be told.
type Config struct {
	// Version of the program that writes, for the footer. Default "dev".
	Version string
	// Pruned tells whether the edges of an instant are so old that they may have
	// been pruned. If such edges are gone, they count as not booked. Default: none
	// may have been, so that edges which are gone are an error.
	Pruned func(at time.Time) bool
}

// Ledger reads and writes closed hours. It may be used by many goroutines, and
// by many processes on one bucket.
type Ledger struct {
	bucket  bucket.Bucket
	version string
	pruned  func(at time.Time) bool
	last    lastDay
}

// New returns the ledger in the bucket.
func New(b bucket.Bucket, c Config) *Ledger {
	if c.Version == "" {
		c.Version = "dev"
	}
	if c.Pruned == nil {
		c.Pruned = func(time.Time) bool { return false }
	}
	return &Ledger{bucket: b, version: c.Version, pruned: c.Pruned}
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
// segments may come in any order. It books no edges.
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
	return l.Commit(ctx, d, h)
}
