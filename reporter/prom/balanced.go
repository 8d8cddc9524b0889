package prom

import (
	"context"
	"fmt"
	"hash/fnv"
	"time"

	"github.com/gputally/gputally/reporter/series"
)

const (
	// balancedReads is how often the same is read. A Service that chooses one
	// of two replicas at random is seen but once in 128 times.
	balancedReads = 8
	// balancedEnd is how far back the range ends, so that all its samples have
	// arrived.
	balancedEnd = 2 * time.Minute
)

// Balancing is what an operator is to do about a URL that leads to several
// replicas.
const Balancing = "the same question is answered in turns by replicas with other samples; name each of them under prometheus.replicas instead of the Service before them"

// balanced reads one series several times, each over a connection of its own,
// and reports whether the answers differ: then the URL leads to replicas that
// take turns, and each scrapes at its own times and has its own gaps.
func (c *Client) balanced(ctx context.Context, labels series.Labels, now time.Time) (bool, error) {
	q := series.Query{From: now.Add(-statusRange), To: now.Add(-balancedEnd)}
	for _, l := range labels {
		q.Matchers = append(q.Matchers, series.Matcher{Name: l.Name, Value: l.Value})
	}
	s := *c.server
	s.http = c.fresh
	var first uint64
	for i := range balancedReads {
		sum := fnv.New64a()
		err := c.readFrom(ctx, &s, q, func(got series.Series) error {
			_, err := fmt.Fprintln(sum, got.Labels, got.Samples, got.Stale)
			return err
		})
		if err != nil {
			return false, fmt.Errorf("reading a series again: %w", err)
		}
		if i == 0 {
			first = sum.Sum64()
		} else if sum.Sum64() != first {
			return true, nil
		}
	}
	return false, nil
}
