package reporter

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/gputally/gputally/reporter/series"

	shape "github.com/gputally/gputally/collector/metric"
	"github.com/gputally/gputally/reporter/metric"
	"github.com/gputally/gputally/reporter/prom"
)

// meter counts what is done for one cluster.
type meter struct {
	series, samples             atomic.Int64 // that were read
	restated, disagreed         atomic.Int64 // hours, edges
	compacted, pruned, released atomic.Int64 // days, objects, bytes

	mu       sync.Mutex
	reads    map[string]int64 // by road
	failures map[failure]int64
}

// failure is a read that failed, by the road and the kind of failure.
type failure struct{ road, kind string }

func newMeter() *meter { return &meter{reads: map[string]int64{}, failures: map[failure]int64{}} }

// unknown is the road of a read before a road was found.
const unknown = "unknown"

// metered is a reader whose reads are counted.
type metered struct {
	series.Reader
	meter *meter
}

// Read reads as the reader does.
func (m metered) Read(ctx context.Context, q series.Query, yield func(series.Series) error) error {
	var read, samples int64
	err := m.Reader.Read(ctx, q, func(s series.Series) error {
		read++
		samples += int64(len(s.Samples))
		return yield(s)
	})
	m.meter.series.Add(read)
	m.meter.samples.Add(samples)
	m.meter.read(m.Road(), err)
	return err
}

func (m *meter) read(road string, err error) {
	if road == "" {
		road = unknown
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.reads[road]++
	if e := (*prom.Error)(nil); errors.As(err, &e) {
		m.failures[failure{road, string(e.Kind)}]++
	}
}

// collect shows the counts as metrics.
func (m *meter) collect(cluster string, put func(*shape.Family, float64, ...string)) {
	for _, c := range []struct {
		family *shape.Family
		count  *atomic.Int64
	}{
		{&metric.SeriesRead, &m.series},
		{&metric.SamplesRead, &m.samples},
		{&metric.HoursRestated, &m.restated},
		{&metric.EdgesDisagreed, &m.disagreed},
		{&metric.DaysCompacted, &m.compacted},
		{&metric.PrunedObjects, &m.pruned},
		{&metric.PrunedBytes, &m.released},
	} {
		put(c.family, float64(c.count.Load()), cluster)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, road := range slices.Sorted(maps.Keys(m.reads)) {
		put(&metric.Reads, float64(m.reads[road]), cluster, road)
	}
	byName := func(a, b failure) int { return cmp.Or(cmp.Compare(a.road, b.road), cmp.Compare(a.kind, b.kind)) }
	for _, f := range slices.SortedFunc(maps.Keys(m.failures), byName) {
		put(&metric.ReadFailures, float64(m.failures[f]), cluster, f.road, f.kind)
	}
}
