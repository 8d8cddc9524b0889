package prom

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
)

// ReplicaLabel is the label that tells which of the Replicas a series is of.
const ReplicaLabel = "__replica__"

// Replicas reads servers that scrape the same targets, such as a pair of
// Prometheus. Each has gaps where it was down; the reader fills them from the
// others.
type Replicas struct {
	clients []*Client
	lost    []atomic.Bool // could not be reached when it was read last
}

// NewReplicas returns the Replicas of one source.
func NewReplicas(clients ...*Client) *Replicas {
	return &Replicas{clients: slices.Clone(clients), lost: make([]atomic.Bool, len(clients))}
}

// Road names the ways in which samples are read from the replicas, joined by
// plus signs if they differ; "" before the first read.
func (r *Replicas) Road() string {
	var names []string
	for _, c := range r.clients {
		if name := c.Road(); name != "" && !slices.Contains(names, name) {
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
// A replica that can't be read is told to the query's Warn and left out, as
// long as another is read to its end. But a limit or a timeout ends the
// reading, since a smaller query may pass.
func (r *Replicas) Read(ctx context.Context, q Query, yield func(Series) error) error {
	if len(r.clients) == 0 {
		return errors.New("a source without a server")
	}
	var failures []error
	for i, c := range r.clients {
		var stopped error
		part := q
		part.Restart = nil // what the others yielded still counts
		labels := make(Labels, 0, 16)
		read := c.Read
		if r.lost[i].Load() {
			read = c.readOnce
		}
		err := read(ctx, part, func(s Series) error {
			labels = withReplica(labels[:0], s.Labels, i)
			s.Labels = labels
			stopped = yield(s)
			return stopped
		})
		r.lost[i].Store(errors.Is(err, Unreachable))
		switch {
		case stopped != nil:
			return stopped
		case err == nil:
			continue
		case ctx.Err() != nil, errors.Is(err, Limit), errors.Is(err, Timeout):
			return err
		}
		var e *Error
		if !errors.As(err, &e) { // not of the server: the others would fail alike
			return err
		}
		failures = append(failures, fmt.Errorf("replica %d: %w", i, err))
		q.warn(fmt.Sprintf("replica %d of %d (%s) could not be read: %s", i, len(r.clients), withoutUser(c.server.base), e.Kind))
	}
	if len(failures) == len(r.clients) {
		return fmt.Errorf("none of %d replicas could be read whole: %w", len(r.clients), errors.Join(failures...))
	}
	return nil
}

// withReplica appends the labels and the number of their replica to buf, sorted.
func withReplica(buf, labels Labels, number int) Labels {
	mark := Label{Name: ReplicaLabel, Value: strconv.Itoa(number)}
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
