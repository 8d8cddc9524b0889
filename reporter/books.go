package reporter

import (
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/gputally/gputally/reporter/archive"
	"github.com/gputally/gputally/reporter/bucket"
	"github.com/gputally/gputally/reporter/index"
	"github.com/gputally/gputally/reporter/ledger"
	"github.com/gputally/gputally/reporter/price"
	"github.com/gputally/gputally/reporter/quota"
)

// books are the closed hours of one bucket and the reports made of them.
type books struct {
	clusters      []*cluster // whose hours this process closes, in the order of the configuration
	settle        time.Duration
	minimum       float64       // coverage below which a report is Failed
	restateWithin time.Duration // how long after its end an hour may be restated
	retain        ledger.Retention
	bucket        bucket.Bucket
	ledger        *ledger.Ledger
	index         *index.Index
	projects      *quota.Projects
	book          *price.Book // nil without a price book
	archive       *archive.Archive
	now           func() time.Time
	log           *slog.Logger
}

// named are the clusters with these names, or all if there are none.
func (b *books) named(names []string) ([]*cluster, error) {
	if len(names) == 0 {
		return b.clusters, nil
	}
	var chosen []*cluster
	for _, c := range b.clusters {
		if slices.Contains(names, c.name) {
			chosen = append(chosen, c)
		}
	}
	return chosen, areAmong(names, b.names())
}

// areAmong refuses names that none of the clusters has.
func areAmong(names, clusters []string) error {
	for _, name := range names {
		if !slices.Contains(clusters, name) {
			return usageError{fmt.Errorf("--cluster: %q is none of %s", name, strings.Join(clusters, ", "))}
		}
	}
	return nil
}

// cluster is the one of a name, nil if this process does not close its hours.
func (b *books) cluster(name string) *cluster {
	for _, c := range b.clusters {
		if c.name == name {
			return c
		}
	}
	return nil
}

func (b *books) names() []string {
	names := make([]string, len(b.clusters))
	for i, c := range b.clusters {
		names[i] = c.name
	}
	return names
}

// pruned tells whether the edges of an instant are older than they are kept.
func (b *books) pruned(at time.Time) bool {
	return b.retain.Edges > 0 && b.now().Sub(at) > b.retain.Edges
}
