package collectortest

import (
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/gputally/gputally/collector/metric"
)

// Scrape is what /metrics showed of the catalogue, at some time between before
// and after.
type Scrape struct {
	before, after time.Time
	values        map[string]float64 // by key
}

// key names a series: its family and its label values in the family's order.
func key(f *metric.Family, labels ...string) string {
	return f.Name + "{" + strings.Join(labels, ",") + "}"
}

// Scrape asks for /metrics once.
func (p *Process) Scrape() (Scrape, error) {
	s := Scrape{before: time.Now(), values: map[string]float64{}}
	body, err := p.Get("/metrics")
	if err != nil {
		return s, err
	}
	s.after = time.Now()
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(body))
	if err != nil {
		return s, err
	}
	for _, f := range metric.Families() {
		for _, m := range families[f.Name].GetMetric() {
			byName := map[string]string{}
			for _, l := range m.GetLabel() {
				byName[l.GetName()] = l.GetValue()
			}
			labels := make([]string, len(f.Labels))
			for i, name := range f.Labels {
				labels[i] = byName[name]
			}
			s.values[key(f, labels...)] = m.GetCounter().GetValue() + m.GetGauge().GetValue()
		}
	}
	return s, nil
}

// Until scrapes until a condition holds and returns that scrape.
func (p *Process) Until(t testing.TB, what string, condition func(Scrape) bool) Scrape {
	t.Helper()
	var s Scrape
	p.Eventually(t, what, func() bool {
		var err error
		if s, err = p.Scrape(); err != nil {
			t.Fatal(err)
		}
		return condition(s)
	})
	return s
}

// Later scrapes until the meter has polled some times more than it had in s.
func (p *Process) Later(t testing.TB, s Scrape, polls float64) Scrape {
	t.Helper()
	want := s.Value(&metric.CollectorPolls) + polls
	return p.Until(t, "the meter polls", func(now Scrape) bool { return now.Value(&metric.CollectorPolls) >= want })
}

// Value is that of a series, 0 if it is not there.
func (s Scrape) Value(f *metric.Family, labels ...string) float64 { return s.values[key(f, labels...)] }

// Has is true if a series is there.
func (s Scrape) Has(f *metric.Family, labels ...string) bool {
	_, ok := s.values[key(f, labels...)]
	return ok
}

// Is is true if a series is there and has the value.
func (s Scrape) Is(want float64, f *metric.Family, labels ...string) bool {
	return s.Has(f, labels...) && s.Value(f, labels...) == want
}

// Get returns the value of a series that must be there.
func (s Scrape) Get(t testing.TB, f *metric.Family, labels ...string) float64 {
	t.Helper()
	if !s.Has(f, labels...) {
		t.Errorf("there is no %s", key(f, labels...))
	}
	return s.Value(f, labels...)
}

// Snapshot is what the scrape showed, by series, but for the snapshot's age:
// the same for each scrape of one snapshot.
func (s Scrape) Snapshot() map[string]float64 {
	values := maps.Clone(s.values)
	delete(values, key(&metric.CollectorPollAge))
	return values
}

// Seconds is the sum of a GPU's states and of what was not observed.
func (s Scrape) Seconds(t testing.TB, uuid string) float64 {
	t.Helper()
	sum := s.Get(t, &metric.CollectorUnobservedSeconds)
	for _, state := range metric.States() {
		sum += s.Get(t, &metric.DeviceSeconds, uuid, state)
	}
	return sum
}

// Conserved expects that between two scrapes a GPU's states grew by the time
// between their polls. When the poll was made follows from the poll's age; the
// time of the scrape is known as far as the answer was under way.
func Conserved(t testing.TB, a, b Scrape, uuid string) {
	t.Helper()
	const rounding = 1e-3 // s
	age := func(s Scrape) float64 { return s.Get(t, &metric.CollectorPollAge) }
	ages := age(a) - age(b)
	least := b.before.Sub(a.after).Seconds() + ages - rounding
	most := b.after.Sub(a.before).Seconds() + ages + rounding
	if grown := b.Seconds(t, uuid) - a.Seconds(t, uuid); grown < least || grown > most {
		t.Errorf("the states of %s grew by %f s while %f to %f s passed", uuid, grown, least, most)
	}
}
