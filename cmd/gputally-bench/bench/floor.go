package bench

import (
	"context"
	"fmt"
	"iter"
	"strings"
	"time"

	"github.com/gputally/gputally/cmd/gputally-bench/floor"
	"github.com/gputally/gputally/collector/metric"
)

// The roads that have a floor.
const (
	roadRemoteRead = "remote_read"
	roadJSON       = "json"
)

// job is the collectors' job in Prometheus.
const job = "gputally-collector"

// families are those that closing reads.
func families() string {
	var names []string
	for _, f := range []metric.Family{
		metric.CollectorStartTime, metric.CollectorPollAge, metric.CollectorPollInterval, metric.NodeInfo, metric.DeviceInfo, metric.DeviceSeconds,
		metric.ContainerStartTime, metric.ContainerEndTime, metric.ContainerShare,
		metric.ContainerAllocatedSeconds, metric.ContainerActiveSeconds, metric.ContainerIdleSeconds,
		metric.ContainerObservedSeconds, metric.ContainerMemoryByteSeconds, metric.ContainerEnergy,
	} {
		names = append(names, f.Name)
	}
	return strings.Join(names, "|")
}

// floor reads hour by hour, with the margins that closing reads.
func (r *run) floor(ctx context.Context) error {
	from, err1 := time.Parse(time.RFC3339, r.from)
	to, err2 := time.Parse(time.RFC3339, r.to)
	if err1 != nil || err2 != nil || !from.Before(to) {
		return fmt.Errorf("%w: --from and --to are to be a range of times like 2025-01-06T05:00:00Z", errUsage)
	}
	read := floor.RemoteRead
	if r.road == roadJSON {
		read = floor.JSON
	}
	q := floor.Query{URL: strings.TrimRight(r.url, "/"), Names: r.names, Job: r.target}
	if q.Names == "" {
		q.Names = families()
	}
	var sum floor.Sum
	began := r.opts.Now()
	for q.From, q.To = range r.reads(from, to) {
		s, err := read(ctx, q)
		if err != nil {
			return err
		}
		sum.Add(s)
	}
	fmt.Fprintf(r.stdout, "%d series, %d samples and %d markers in %s; the samples sum to %g\n",
		sum.Series, sum.Samples, sum.Stale, r.opts.Now().Sub(began).Round(10*time.Millisecond), sum.Total)
	return nil
}

// reads are the ranges that are read: those of closing the hours from one time
// to the other, or the whole in one.
func (r *run) reads(from, to time.Time) iter.Seq2[time.Time, time.Time] {
	return func(yield func(from, to time.Time) bool) {
		if r.whole {
			yield(from, to)
			return
		}
		for hour := from; hour.Before(to); hour = hour.Add(time.Hour) {
			if !yield(hour.Add(-lookback), hour.Add(time.Hour+lookahead)) {
				return
			}
		}
	}
}
