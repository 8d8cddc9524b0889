package source

import (
	"context"
	"errors"

	"github.com/gputally/gputally/reporter/usage"
	"github.com/gputally/gputally/reporter/window"
)

// ErrNoData says that no exporter left a sample in the window.
var ErrNoData = errors.New("no samples of gputally collectors")

// ErrIncomplete says that the server's answers contradict each other: some of them
// lack series that others show to be there. The same window may be whole later.
var ErrIncomplete = errors.New("the server's answers are incomplete")

// ErrLabels says that labels which name a holder, a GPU or a node may be those of the
// scraped target, not the exporter's. The scrape configuration has to change.
var ErrLabels = errors.New("labels may be those of scraped targets, not of exporters")

// Source reads what the GPUs of one cluster did. It may be used by many
// goroutines at once.
type Source interface {
	// Close reads a window, an hour as a rule, and hands its usage to emit in parts.
	//
	// Parts come in the order of UUIDs, and no GPU is in two of them. Segments are
	// sorted with usage.Compare, edges with usage.CompareEdges. All segments lie in
	// the window and are of the cluster; the six states of a GPU that was seen make
	// the whole window, up to what the Hour's findings and residue say. A part is
	// valid only during the call that gets it.
	//
	// The Hour has everything but the segments. Its coverage is the sum of them, its
	// findings are sorted by code, and its Source names the profile.
	//
	// Edges that the neighbours have stored are taken over as they are, so that two
	// hours that are closed one after the other add up to what both would be as one
	// window. The same samples and neighbours give the same parts, in whatever order
	// the server sends them. The ends of the window are whole milliseconds.
	//
	// After an error, what was emitted counts for nothing. Errors: ErrNoData,
	// ErrIncomplete, ErrLabels, those of the server, of Neighbours.Carry, of emit, and of the context.
	Close(ctx context.Context, w window.Window, n usage.Neighbours, emit func(usage.Part) error) (usage.Hour, error)
	// Hour is Close for a window that stands alone and fits into memory. It returns
	// the segments, too.
	Hour(ctx context.Context, w window.Window) (usage.Hour, error)
}
