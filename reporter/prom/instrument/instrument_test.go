package instrument_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/gputally/gputally/reporter/metric"
	"github.com/gputally/gputally/reporter/prom"
	"github.com/gputally/gputally/reporter/prom/instrument"
	"github.com/gputally/gputally/reporter/series"
)

// server yields two series of three samples and then fails with err.
type server struct {
	road string
	err  error
}

func (s *server) Road() string { return s.road }

func (s *server) Read(_ context.Context, _ series.Query, yield func(series.Series) error) error {
	for range 2 {
		if err := yield(series.Series{Samples: make([]series.Sample, 3)}); err != nil {
			return err
		}
	}
	return s.err
}

func TestReadsAreCounted(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewRegistry()
	m, err := instrument.New(registry)
	if err != nil {
		t.Fatal(err)
	}
	m.Reader("eu-2", &server{})
	of := &server{}
	r := m.Reader("eu-1", of)
	pass := func(series.Series) error { return nil }
	for _, s := range []server{
		{"", &prom.Error{Kind: series.Unreachable}},
		{"json", nil},
		{"json", &prom.Error{Kind: series.Limit}},
		{"json", errors.New("the caller's")},
	} {
		*of = s
		if err := r.Read(t.Context(), series.Query{}, pass); !errors.Is(err, s.err) {
			t.Errorf("%v became %v", s.err, err)
		}
	}
	want := `
# HELP gputally_reporter_read_failures_total ` + metric.ReadFailures.Help + `
# TYPE gputally_reporter_read_failures_total counter
gputally_reporter_read_failures_total{cluster="eu-1",kind="limit",road="json"} 1
gputally_reporter_read_failures_total{cluster="eu-1",kind="unreachable",road="unknown"} 1
# HELP gputally_reporter_reads_total ` + metric.Reads.Help + `
# TYPE gputally_reporter_reads_total counter
gputally_reporter_reads_total{cluster="eu-1",road="json"} 3
gputally_reporter_reads_total{cluster="eu-1",road="unknown"} 1
# HELP gputally_reporter_samples_read_total ` + metric.SamplesRead.Help + `
# TYPE gputally_reporter_samples_read_total counter
gputally_reporter_samples_read_total{cluster="eu-1"} 24
gputally_reporter_samples_read_total{cluster="eu-2"} 0
# HELP gputally_reporter_series_read_total ` + metric.SeriesRead.Help + `
# TYPE gputally_reporter_series_read_total counter
gputally_reporter_series_read_total{cluster="eu-1"} 8
gputally_reporter_series_read_total{cluster="eu-2"} 0
`
	if err := testutil.GatherAndCompare(registry, strings.NewReader(want)); err != nil {
		t.Error(err)
	}
	if _, err := instrument.New(registry); err != nil {
		t.Errorf("a process that reads its configuration again: %v", err)
	}
	if err := testutil.GatherAndCompare(registry, strings.NewReader(want)); err != nil {
		t.Errorf("it does not go on counting: %v", err)
	}
}

func TestAnotherMetricOfTheSameNameIsRefused(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(prometheus.NewGauge(prometheus.GaugeOpts{Name: metric.Reads.Name, Help: "Something else."}))
	if _, err := instrument.New(registry); err == nil {
		t.Error("no error")
	}
}
