package prom

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/gputally/gputally/reporter/series"
)

const (
	// restFor is how long a replica that takes too long is left out: with the
	// default timeout of 2 minutes it costs a sixth of the time at most.
	restFor = 10 * time.Minute
	// mostSlow is how often in a row a replica may take too long before it is
	// left out although nobody knows yet whether the others do better.
	mostSlow = 2
)

// replica is one of the Replicas, and how it fared so far.
type replica struct {
	client *Client
	number int

	mu    sync.Mutex
	lost  bool      // it could not be reached, or took too long, when it was read last
	slow  int       // how often in a row it took too long
	until time.Time // it is left out until then
}

// read reads the replica and marks what it yields. An error of yield comes as
// stopped. A replica that was lost is asked only once.
func (r *replica) read(ctx context.Context, q series.Query, yield func(series.Series) error) (stopped, err error) {
	q.Restart = nil // what the others yielded still counts
	labels := make(series.Labels, 0, 16)
	read := r.client.read
	if r.wasLost() {
		read = r.client.readOnce
	}
	err = read(ctx, q, func(s series.Series) error {
		labels = withReplica(labels[:0], s.Labels, r.number)
		s.Labels = labels
		stopped = yield(s)
		return stopped
	})
	return stopped, err
}

func (r *replica) wasLost() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.lost
}

// rests tells whether the replica is left out.
func (r *replica) rests(now time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return now.Before(r.until)
}

// rest leaves the replica out for a while.
func (r *replica) rest(now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.until = now.Add(restFor)
}

// note remembers how reading the replica ended.
func (r *replica) note(err error, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lost = errors.Is(err, series.Unreachable) || errors.Is(err, series.Timeout)
	r.until = time.Time{}
	if !errors.Is(err, series.Timeout) {
		r.slow = 0
		return
	}
	if r.slow++; r.slow >= mostSlow {
		r.until = now.Add(restFor)
	}
}

// trouble is what a warning says of the replica; the same each time.
func (r *replica) trouble(of int, kind series.Kind) string {
	return fmt.Sprintf("replica %d of %d (%s) could not be read: %s", r.number, of, withoutUser(r.client.server.base), kind)
}
