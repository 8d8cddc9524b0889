package prom

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gputally/gputally/reporter/series"
)

// ReplicaLabel is the label that tells which of the Replicas a series is of.
const ReplicaLabel = "__replica__"

// Replicas reads servers that scrape the same targets, such as a pair of
// Prometheus. Each has gaps where it was down; the reader fills them from the
// others.
type Replicas struct {
	replicas []*replica
	now      func() time.Time
}

// NewReplicas returns the Replicas of one source. now is the clock.
func NewReplicas(now func() time.Time, clients ...*Client) *Replicas {
	r := &Replicas{now: now}
	for i, c := range clients {
		r.replicas = append(r.replicas, &replica{client: c, number: i})
	}
	return r
}

// Road names the ways in which samples are read from the replicas, joined by
// plus signs if they differ; "" before the first read.
func (r *Replicas) Road() string {
	var names []string
	for _, one := range r.replicas {
		if name := one.client.Road(); name != "" && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return strings.Join(names, "+")
}

// Read reads every replica, one after the other, as Client.Read does. Each
// series has one more label, ReplicaLabel, with the number of its replica from
// 0: the same target of two replicas is two series.
//
// As long as one replica is read to its end, others need not be. A replica that
// can't be read is passed to the query's Warn; what it yielded before are samples
// like any, and stay. A replica that takes too long while another does not, or twice
// in a row, is left out for ten minutes, and Warn gets that each time. If none is
// read to its end and one took too long, that is the error, since a smaller query
// may pass; for the same reason a limit of any of them ends the reading.
func (r *Replicas) Read(ctx context.Context, q series.Query, yield func(series.Series) error) error {
	if len(r.replicas) == 0 {
		return errors.New("a source without a server")
	}
	round := &round{Replicas: r, query: q, yield: yield}
	var rested []*replica
	for _, one := range r.replicas {
		if one.rests(r.now()) {
			rested = append(rested, one)
		} else if err := round.read(ctx, one); err != nil {
			return err
		}
	}
	if !round.whole && round.timeout == nil { // there is no other
		for _, one := range rested {
			if err := round.read(ctx, one); err != nil {
				return err
			}
		}
		rested = nil
	}
	return round.end(ctx, rested)
}

// round is one reading of the replicas.
type round struct {
	*Replicas
	query series.Query
	yield func(series.Series) error

	whole    bool       // one was read to its end
	slow     []*replica // took too long
	timeout  error      // of the last of these
	failures []error    // of those that could not be read
}

// read reads one replica. An error ends the round.
func (r *round) read(ctx context.Context, one *replica) error {
	stopped, err := one.read(ctx, r.query, r.yield)
	if stopped != nil {
		return stopped
	}
	if ctx.Err() != nil {
		return err
	}
	one.note(err, r.now())
	var e *Error
	switch {
	case err == nil:
		r.whole = true
		return nil
	case errors.Is(err, series.Limit), !errors.As(err, &e): // what is not of the server, the others would meet too
		return err
	case errors.Is(err, series.Timeout):
		r.slow, r.timeout = append(r.slow, one), err
		return nil
	}
	r.failures = append(r.failures, fmt.Errorf("replica %d: %w", one.number, err))
	r.query.SendWarning(one.trouble(len(r.replicas), e.Kind))
	return nil
}

// end says how a round ended in which some replicas were left out.
func (r *round) end(ctx context.Context, rested []*replica) error {
	switch {
	case r.whole:
		for _, one := range r.slow {
			one.rest(r.now())
		}
		for _, one := range slices.Concat(rested, r.slow) {
			r.query.SendWarning(one.trouble(len(r.replicas), series.Timeout))
		}
		return nil
	case r.timeout != nil && !r.silent(ctx):
		return r.timeout
	}
	return fmt.Errorf("none of %d replicas could be read whole: %w", len(r.replicas), errors.Join(r.failures...))
}

// silent reports whether those that took too long answer nothing at all, and
// says so of each.
func (r *round) silent(ctx context.Context) bool {
	for _, one := range r.slow {
		if !one.client.silent(ctx, r.query, r.timeout) {
			return false
		}
		r.failures = append(r.failures, fmt.Errorf("replica %d: %w", one.number, one.client.noAnswer()))
	}
	return true
}

// withReplica appends the labels and the number of their replica to buf, sorted.
func withReplica(buf, labels series.Labels, number int) series.Labels {
	mark := series.Label{Name: ReplicaLabel, Value: strconv.Itoa(number)}
	for i, l := range labels {
		if l.Name < ReplicaLabel {
			continue
		}
		buf = append(append(buf, labels[:i]...), mark)
		if l.Name == ReplicaLabel { // a server's own is not one of ours
			i++
		}
		return append(buf, labels[i:]...)
	}
	return append(append(buf, labels...), mark)
}
