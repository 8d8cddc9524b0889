package exporter

import (
	"cmp"
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

// Exporter renders the latest snapshot. It is a prometheus.Gatherer rather than
// a Collector: a registry would check, hash and sort again each scrape what the
// catalogue says once, and take longer for that than all else here.
type Exporter struct {
	snapshots Snapshots
	id        Identity
	now       func() time.Time
	families  []*metric.Family // sorted by name
}

var _ prometheus.Gatherer = (*Exporter)(nil)

// New returns an exporter of what snapshots gives.
func New(snapshots Snapshots, id Identity, now func() time.Time) *Exporter {
	families := metric.Families()
	slices.SortFunc(families, func(a, b *metric.Family) int { return cmp.Compare(a.Name, b.Name) })
	return &Exporter{snapshots: snapshots, id: id, now: now, families: families}
}

// Gather renders the latest snapshot, families sorted by name; before the first
// there is nothing to show. It never fails.
func (e *Exporter) Gather() ([]*dto.MetricFamily, error) {
	s := e.snapshots.Latest()
	if s == nil {
		return nil, nil
	}
	filled := make(map[*metric.Family]*dto.MetricFamily, len(e.families))
	var last labels
	Walk(s, e.id, e.now(), func(f *metric.Family, v float64, values []string) {
		to := filled[f]
		if to == nil {
			to = &dto.MetricFamily{Name: &f.Name, Help: &f.Help, Type: kind(f).Enum()}
			filled[f] = to
		}
		to.Metric = append(to.Metric, sample(f, v, last.of(f, values)))
	})
	all := make([]*dto.MetricFamily, 0, len(filled))
	for _, f := range e.families {
		if to := filled[f]; to != nil {
			all = append(all, to)
		}
	}
	return all, nil
}

func kind(f *metric.Family) dto.MetricType {
	if f.Type == metric.Counter {
		return dto.MetricType_COUNTER
	}
	return dto.MetricType_GAUGE
}

func sample(f *metric.Family, v float64, labels []*dto.LabelPair) *dto.Metric {
	if f.Type == metric.Counter {
		return &dto.Metric{Label: labels, Counter: &dto.Counter{Value: &v}}
	}
	return &dto.Metric{Label: labels, Gauge: &dto.Gauge{Value: &v}}
}

// labels keeps the labels made last, since the series of one container or GPU
// follow each other.
type labels struct {
	names, values []string
	pairs         []*dto.LabelPair
}

// of returns the labels of a series, sorted by name. They must not be changed.
func (l *labels) of(f *metric.Family, values []string) []*dto.LabelPair {
	if slices.Equal(l.names, f.Labels) && slices.Equal(l.values, values) {
		return l.pairs
	}
	l.names, l.values = f.Labels, append(l.values[:0], values...)
	l.pairs = make([]*dto.LabelPair, len(values))
	for i, v := range values {
		v = strings.ToValidUTF8(v, "\uFFFD") // what is no text would cost the whole scrape
		l.pairs[i] = &dto.LabelPair{Name: &f.Labels[i], Value: &v}
	}
	slices.SortFunc(l.pairs, func(a, b *dto.LabelPair) int { return cmp.Compare(a.GetName(), b.GetName()) })
	return l.pairs
}
