package exporter

import (
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

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
	last := labels{}
	Walk(s, c.id, c.now(), func(f *metric.Family, v float64, values []string) {
		ch <- &sample{desc: c.descs[f], kind: f.Type, value: v, labels: last.of(c.descs[f], f, values)}
	})
}

// sample is one series of one scrape.
type sample struct {
	desc   *prometheus.Desc
	kind   metric.Type
	value  float64
	labels []*dto.LabelPair // sorted by name, shared with others
}

// Desc belongs to prometheus.Metric.
func (s *sample) Desc() *prometheus.Desc { return s.desc }

// Write belongs to prometheus.Metric.
func (s *sample) Write(to *dto.Metric) error {
	to.Label = s.labels
	if s.kind == metric.Counter {
		to.Counter = &dto.Counter{Value: &s.value}
	} else {
		to.Gauge = &dto.Gauge{Value: &s.value}
	}
	return nil
}

// labels keeps the labels made last: the series of one container or GPU follow
// each other, and making their labels anew for each would be a third of the work.
type labels struct {
	names, values []string
	pairs         []*dto.LabelPair
}

func (l *labels) of(desc *prometheus.Desc, f *metric.Family, values []string) []*dto.LabelPair {
	if !slices.Equal(l.names, f.Labels) || !slices.Equal(l.values, values) {
		l.names, l.values = f.Labels, slices.Clone(values)
		text := slices.Clone(values)
		for i := range text { // one that is none would cost the whole scrape
			text[i] = strings.ToValidUTF8(text[i], "\uFFFD")
		}
		l.pairs = prometheus.MakeLabelPairs(desc, text)
	}
	return l.pairs
}
