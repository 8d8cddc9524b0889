package instrument

import (
	"context"
	"errors"
	"fmt"

	"github.com/prometheus/client_golang/prometheus"

	shape "github.com/gputally/gputally/collector/metric"
	"github.com/gputally/gputally/reporter/metric"
	"github.com/gputally/gputally/reporter/prom"
	"github.com/gputally/gputally/reporter/series"
)

// unknown is the road of a read that failed before a road was found.
const unknown = "unknown"

// Metrics are the counters of all clusters.
type Metrics struct {
	reads, failures, series, samples *prometheus.CounterVec
}

// New registers the counters: metric.Reading.
func New(registry prometheus.Registerer) (*Metrics, error) {
	m := &Metrics{
		reads:    counter(&metric.Reads),
		failures: counter(&metric.ReadFailures),
		series:   counter(&metric.SeriesRead),
		samples:  counter(&metric.SamplesRead),
	}
	for _, c := range []**prometheus.CounterVec{&m.reads, &m.failures, &m.series, &m.samples} {
		counts, err := metric.Register(registry, *c)
		if err != nil {
			return nil, fmt.Errorf("metrics of reading Prometheus: %w", err)
		}
		*c = counts
	}
	return m, nil
}

func counter(f *shape.Family) *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{Name: f.Name, Help: f.Help}, f.Labels)
}

// Reader counts the reads of a cluster's reader. A cluster may have several. The
// cluster's series and samples are there from the start, at zero.
func (m *Metrics) Reader(cluster string, r series.Reader) series.Reader {
	m.series.WithLabelValues(cluster)
	m.samples.WithLabelValues(cluster)
	return reader{r, cluster, m}
}

type reader struct {
	series.Reader
	cluster string
	metrics *Metrics
}

// Read reads as the reader does.
func (r reader) Read(ctx context.Context, q series.Query, yield func(series.Series) error) error {
	var count, samples int
	err := r.Reader.Read(ctx, q, func(s series.Series) error {
		count++
		samples += len(s.Samples)
		return yield(s)
	})
	road := r.Road()
	if road == "" {
		road = unknown
	}
	r.metrics.series.WithLabelValues(r.cluster).Add(float64(count))
	r.metrics.samples.WithLabelValues(r.cluster).Add(float64(samples))
	r.metrics.reads.WithLabelValues(r.cluster, road).Inc()
	if e := (*prom.Error)(nil); errors.As(err, &e) {
		r.metrics.failures.WithLabelValues(r.cluster, road, string(e.Kind)).Inc()
	}
	return err
}
