package reporter

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"

	"github.com/gputally/gputally/reporter/prom"
	"github.com/gputally/gputally/reporter/usage"
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
	usage.Reader
	meter *meter
}

// Read reads as the reader does.
func (m metered) Read(ctx context.Context, q prom.Query, yield func(prom.Series) error) error {
	var series, samples int64
	err := m.Reader.Read(ctx, q, func(s prom.Series) error {
		series++
		samples += int64(len(s.Samples))
		return yield(s)
	})
	m.meter.series.Add(series)
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
