package exporter

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/gputally/gputally/collector/meter"
	"github.com/gputally/gputally/collector/metric"
)

// Snapshots gives the latest snapshot, nil while there is none. It is safe for
// concurrent use and the snapshot is never changed.
type Snapshots interface {
	Latest() *meter.Snapshot
}

// Collector is a prometheus.Collector over the latest snapshot.
type Collector struct {
	snapshots Snapshots
	id        Identity
	now       func() time.Time
	descs     map[*metric.Family]*prometheus.Desc
}

var _ prometheus.Collector = (*Collector)(nil)

// New returns a collector that renders what snapshots gives.
func New(snapshots Snapshots, id Identity, now func() time.Time) *Collector {
	c := &Collector{snapshots: snapshots, id: id, now: now, descs: map[*metric.Family]*prometheus.Desc{}}
	for _, f := range metric.Families() {
		c.descs[f] = prometheus.NewDesc(f.Name, f.Help, f.Labels, nil)
	}
	return c
}

// Describe sends every family of the catalogue.
func (c *Collector) Describe(ch chan<- *prometheus.Desc) {
	for _, f := range metric.Families() {
		ch <- c.descs[f]
	}
}

// Collect renders the latest snapshot; before the first there is nothing to show.
func (c *Collector) Collect(ch chan<- prometheus.Metric) {
	s := c.snapshots.Latest()
	if s == nil {
		return
	}
	Walk(s, c.id, c.now(), func(f *metric.Family, v float64, labels []string) {
		ch <- prometheus.MustNewConstMetric(c.descs[f], valueType(f), v, labels...)
	})
}

func valueType(f *metric.Family) prometheus.ValueType {
	if f.Type == metric.Counter {
		return prometheus.CounterValue
	}
	return prometheus.GaugeValue
}
